-- 10,000 jobs of 10 tasks each, one a minute, with parameters and results of 0.5 to 1 KB.
-- Nothing in them looks like a secret or shares a word with one.

INSERT INTO app.jobs
       (job_id, job_type, status, stage, total_stages, parameters, stage_results, result_data,
        error_details, created_at, updated_at)
SELECT encode(sha256(convert_to('job ' || n, 'UTF8')), 'hex'),
       (ARRAY['import_scenes', 'build_mosaic', 'tile_raster', 'publish_layer'])[1 + n % 4],
       CASE WHEN n % 20 = 0 THEN 'failed' WHEN n % 20 = 1 THEN 'completed_with_errors'
            WHEN n <= 5 THEN 'processing' ELSE 'completed' END,
       3, 3,
       jsonb_build_object(
           'source', jsonb_build_object(
               'container', 'bronze-landing', 'region', 'westeurope',
               'path', format('2026/%s/%s/scene_%s.tif', 1 + n % 12, 1 + n % 28, n),
               'size_bytes', 1048576 + n * 977, 'checksum', md5(n::text)),
           'target', jsonb_build_object(
               'container', 'silver-mosaics', 'path', format('mosaic/%s/%s', n % 97, n),
               'format', 'cloud-optimised', 'compression', 'deflate', 'tile_size', 512,
               'overviews', jsonb_build_array(2, 4, 8, 16, 32)),
           'bounds', jsonb_build_array(4.25 + n % 7, 50.75 + n % 5, 5.125 + n % 7, 51.5 + n % 5),
           'crs', 'EPSG:28992', 'resampling', 'bilinear', 'nodata', -9999, 'dry_run', false,
           'requested_by', format('analyst%s@example.org', n % 50),
           'notes', 'reprocess after the late delivery of the northern strips; '
                    'earlier output stays until the new mosaic has been approved'),
       jsonb_build_object(
           '1', jsonb_build_object('scenes', 10 + n % 9, 'rejected', n % 3, 'seconds', n % 311),
           '2', jsonb_build_object('tiles', 480 + n % 64, 'empty', n % 17, 'seconds', n % 811)),
       jsonb_build_object(
           'output', format('mosaic/%s/%s/index.json', n % 97, n), 'layers', 3,
           'width', 40000 + n % 999, 'height', 38000 + n % 999, 'bytes_written', n * 65537,
           'statistics', (SELECT jsonb_agg(jsonb_build_object(
                                     'band', band, 'min', n % 13 + band, 'max', 9800 + n % 199,
                                     'mean', round((4100 + n % 777) / 7.0, 4),
                                     'deviation', round((900 + n % 313) / 3.0, 4)))
                            FROM generate_series(1, 5) AS band),
           'warnings', jsonb_build_array(
               format('strip %s overlaps strip %s by less than 4 percent', n % 31, n % 31 + 1),
               'two scenes have no cloud mask, all of their pixels were taken as clear'),
           'finished_on', format('worker-%s', n % 16)),
       CASE WHEN n % 20 IN (0, 1)
            THEN format('tile %s/%s: the source ended after %s of 262144 bytes', n % 64, n % 32, n)
       END,
       now() - n * interval '1 minute',
       now() - n * interval '1 minute' + (n % 900) * interval '1 second'
  FROM generate_series(1, 10000) AS n;

INSERT INTO app.tasks
       (task_id, parent_job_id, task_type, status, stage, task_index, parameters, result_data,
        heartbeat, created_at, updated_at)
SELECT format('%s-s%s-%s', left(job.job_id, 16), 1 + n / 4, n), job.job_id, 'warp_tile',
       CASE WHEN job.status = 'failed' AND n = 9 THEN 'failed'
            WHEN job.status = 'processing' AND n > 5 THEN 'processing' ELSE 'completed' END,
       1 + n / 4, n::text,
       jsonb_build_object('tile', n, 'zoom', 12, 'source', job.parameters -> 'source'),
       jsonb_build_object('pixels', 262144, 'seconds', n * 3, 'path', format('tiles/%s.tif', n)),
       job.updated_at, job.created_at + n * interval '1 second', job.updated_at
  FROM app.jobs AS job
 CROSS JOIN generate_series(0, 9) AS n;
