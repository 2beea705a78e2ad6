-- Jobs over 30 days with about ten tasks each, the numbers :first to :last of :jobs, the last one the
-- newest; what they are follows from their numbers. Of the last day's tasks three in ten failed, of
-- the others one in a hundred. Nothing in them looks like a secret.

-- name: jobs
INSERT INTO app.jobs
       (job_id, job_type, status, stage, total_stages, parameters, stage_results, result_data,
        error_details, created_at, updated_at)
SELECT job.job_id, job.job_type,
       CASE WHEN n > :jobs * 0.9998 THEN 'queued' WHEN n > :jobs * 0.999 THEN 'processing'
            WHEN job.is_bad AND n % 3 = 0 THEN 'failed'
            WHEN job.is_bad THEN 'completed_with_errors' ELSE 'completed' END,
       CASE WHEN n > :jobs * 0.999 THEN 1 ELSE job.stages END, job.stages,
       jsonb_build_object(
           'customer', n % 500, 'dry_run', n % 11 = 0,
           'input', jsonb_build_object(
               'file', format('scene_%s.tif', n), 'container', 'bronze-landing',
               'path', format('2026/%s/%s/scene_%s.tif', 1 + n % 12, 1 + n % 28, n),
               'size_bytes', 1048576 + n * 977, 'checksum', md5(n::text)),
           'target', jsonb_build_object('container', 'silver-mosaics',
                                        'path', format('mosaic/%s/%s', n % 97, n)),
           'bounds', jsonb_build_array(4.25 + n % 7, 50.75 + n % 5, 5.125 + n % 7, 51.5 + n % 5)),
       jsonb_build_object('1', jsonb_build_object('scenes', 10 + n % 9, 'rejected', n % 3)),
       CASE WHEN n <= :jobs * 0.999 THEN jsonb_build_object(
           'output', format('mosaic/%s/%s/index.json', n % 97, n), 'layers', 3,
           'width', 40000 + n % 999, 'height', 38000 + n % 999, 'bytes_written', n * 65537,
           'statistics', jsonb_build_array(n % 13, 9800 + n % 199, (4100 + n % 777) / 7.0),
           'finished_on', format('worker-%s', n % 16)) END,
       CASE WHEN job.is_bad AND n <= :jobs * 0.999
            THEN format('stage %s of scene %s did not end well', job.stages, n) END,
       job.created_at,
       job.created_at + CASE WHEN n > :jobs * 0.999 THEN interval '9 s'
                             ELSE make_interval(secs => 60 * job.stages + n % 173) END
  FROM (SELECT n, encode(sha256(convert_to('job ' || n, 'UTF8')), 'hex') AS job_id,
               (ARRAY['import_scenes', 'build_mosaic', 'tile_raster', 'publish_layer',
                      'index_catalogue', 'archive_layer'])[1 + n % 6] AS job_type,
               1 + n % 5 AS stages,
               n * 7919 % 100 < CASE WHEN n > :jobs - :jobs / 30 THEN 60 ELSE 2 END AS is_bad,
               CAST(:now AS timestamptz) - (:jobs - n) * (interval '30 days' / :jobs)
                   - interval '1 s' AS created_at
          FROM generate_series(CAST(:first AS bigint), :last) AS n) AS job;

-- name: tasks
INSERT INTO app.tasks
       (task_id, parent_job_id, task_type, status, stage, task_index, parameters, result_data,
        error_details, retry_count, heartbeat, started_at, created_at, updated_at)
SELECT format('%s-s%s-%s', left(job.job_id, 24), task.stage, t), job.job_id, task.task_type,
       task.status, task.stage, t::text,
       jsonb_build_object('tile', t, 'zoom', 12, 'scene', job.n,
                          'path', format('2026/%s/scene_%s/%s.tif', 1 + job.n % 12, job.n, t),
                          'bounds', jsonb_build_array(4.25 + t % 7, 50.75 + t % 5)),
       CASE WHEN task.status = 'completed' THEN jsonb_build_object(
           'pixels', 262144, 'empty', t % 17, 'seconds', (job.n + t) % 90,
           'path', format('tiles/%s/%s/%s.tif', job.n % 97, job.n, t),
           'checksum', md5((job.n * 31 + t)::text)) END,
       CASE WHEN task.status = 'failed' THEN format(
           E'%s: %s %s of scene %s\nTraceback (most recent call last):\n'
           '  File "/srv/app/worker/%s.py", line %s, in run\n    self.step(%s, "%s")\n'
           '  File "/srv/app/worker/step.py", line 118, in step\n    return handle(item)\n'
           '%s: %s %s of scene %s',
           fault.name, fault.words, t, job.n, task.task_type, 40 + job.n % 40, t, md5(t::text),
           fault.name, fault.words, t, job.n) END,
       CASE WHEN task.status = 'failed' THEN job.n % 4 ELSE 0 END,
       CASE WHEN task.status <> 'queued' THEN task.ended_at END,
       CASE WHEN task.status <> 'queued' THEN task.created_at + make_interval(secs => t % 20) END,
       task.created_at, task.ended_at
  FROM (SELECT n, encode(sha256(convert_to('job ' || n, 'UTF8')), 'hex') AS job_id,
               1 + n % 5 AS stages,
               CASE WHEN n = 0 THEN :big ELSE 1 + n * 7919 % 19 END AS tasks,
               n = 0 OR n * 7919 % 100 < CASE WHEN n > :jobs - :jobs / 30 THEN 60 ELSE 2 END
                   AS is_bad,
               CASE WHEN n = 0 THEN CAST(:now AS timestamptz) - interval '5 hours'
                    ELSE CAST(:now AS timestamptz) - (:jobs - n) * (interval '30 days' / :jobs)
                         - interval '1 s' END AS created_at
          FROM generate_series(CAST(:first AS bigint), :last) AS n
        OFFSET 0) AS job
 CROSS JOIN LATERAL generate_series(1, job.tasks) AS t
 CROSS JOIN LATERAL (
       SELECT 1 + (t - 1) * job.stages / job.tasks AS stage,
              CASE WHEN n > :jobs * 0.9998 THEN 'queued'
                   WHEN n > :jobs * 0.999 THEN CASE WHEN t % 2 = 0 THEN 'processing' ELSE 'queued' END
                   WHEN job.is_bad AND (n > 0 AND (n + t) % 2 = 0 OR n = 0 AND t % 100 = 0)
                       THEN 'failed'
                   ELSE 'completed' END AS status,
              (ARRAY['read_scene', 'warp_tile', 'mask_clouds', 'write_tile', 'index_tile'])
                  [1 + (n + t) % 5] AS task_type,
              job.created_at + make_interval(secs => 60 * ((t - 1) * job.stages / job.tasks))
                  AS created_at,
              job.created_at + make_interval(secs => 60 * ((t - 1) * job.stages / job.tasks)
                                                     + 25 + (n + t) % 29) AS ended_at) AS task
 CROSS JOIN LATERAL (
       SELECT (ARRAY['OSError', 'TimeoutError', 'ValueError', 'MemoryError', 'KeyError',
                     'rasterio.errors.RasterioIOError'])[1 + n % 6] AS name,
              (ARRAY['cannot read tile', 'no answer within 30 s for tile', 'bad checksum of tile',
                     'not enough memory for tile', 'no such band in tile', 'lost the lease of tile',
                     'the container refuses tile'])[1 + n % 7] AS words) AS fault;

-- name: big_job
INSERT INTO app.jobs (job_id, job_type, status, stage, total_stages, parameters, created_at,
                      updated_at, error_details)
SELECT encode(sha256(convert_to('job 0', 'UTF8')), 'hex'), 'import_scenes', 'completed_with_errors',
       1, 1, '{"customer": 7}', CAST(:now AS timestamptz) - interval '5 hours',
       CAST(:now AS timestamptz) - interval '4 hours', NULL;
