-- The same jobs, each with a secret among its parameters.
UPDATE app.jobs
   SET parameters = parameters || jsonb_build_object('api_token', md5(job_id) || md5(job_type));
