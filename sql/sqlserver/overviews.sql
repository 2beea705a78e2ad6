-- Databases, processes, and values over time.

-- name: databases
-- The page is cut before anything is counted for it.
SELECT summary.ConnectionName AS name, summary.Provider AS provider,
       summary.Environment AS environment, page.Tags AS tags, summary.IsEnabled AS is_enabled,
       summary.LastCheckAt AS checked_at, summary.LastStatus AS status,
       summary.Checks7d AS checks_7d, summary.Healthy7d AS healthy_7d,
       summary.Warning7d AS warning_7d, summary.Critical7d AS critical_7d,
       summary.Error7d AS error_7d, summary.SuccessRate7d AS healthy_percent_7d,
       summary.MeanDurationMs7d AS mean_duration_ms_7d
  FROM (SELECT TOP (:limit) connection.ConnectionId, connection.ConnectionName, connection.Tags
          FROM monitoring.DatabaseConnections AS connection
         WHERE 1 = 1
           AND connection.Environment = :environment                            -- when environment
           AND connection.Provider = :provider                                     -- when provider
           AND connection.IsEnabled = :enabled                                      -- when enabled
           AND CHARINDEX(N',' + :tag + N',',                                            -- when tag
                         (N',' + connection.Tags + N',')                                -- when tag
                         COLLATE Latin1_General_BIN2) > 0                               -- when tag
           AND connection.ConnectionName > :after                                     -- when after
         ORDER BY connection.ConnectionName) AS page
  JOIN monitoring.vw_DatabaseMonitoringSummary AS summary
    ON summary.ConnectionId = page.ConnectionId
 ORDER BY page.ConnectionName;

-- name: workers
-- Where a page begins is looked up again by its id: a time that has been outside the database has
-- lost its last digit.
DECLARE @before_at datetime2(7) = :before_at,                                     -- when before_at
        @before_id uniqueidentifier = :before_id;                                 -- when before_at
SELECT @before_at = StartedAt FROM monitoring.WorkerInstances                     -- when before_at
 WHERE WorkerInstanceId = @before_id;                                             -- when before_at
SELECT TOP (:limit) worker.WorkerInstanceId AS worker_instance_id,
       worker.WorkerName AS worker_name, worker.MachineName AS machine_name,
       worker.ProcessId AS process_id, worker.Version AS version,
       worker.Environment AS environment, worker.Status AS status,
       worker.StartedAt AS started_at, worker.LastHeartbeat AS last_heartbeat,
       worker.SecondsSinceHeartbeat AS age_seconds, worker.HealthStatus AS state,
       worker.RunningJobs AS running_jobs,
       worker.QueuedJobs AS queued_jobs
  FROM monitoring.vw_WorkerStatusOverview AS worker
 WHERE 1 = 1
   AND worker.Environment = :environment                                        -- when environment
   AND worker.Status IN (SELECT chosen.value FROM OPENJSON(:statuses)              -- when statuses
                         WITH (value nvarchar(20) '$') AS chosen)                  -- when statuses
   AND worker.HealthStatus IN (SELECT chosen.value FROM OPENJSON(:states)            -- when states
                               WITH (value nvarchar(20) '$') AS chosen)              -- when states
   AND worker.StartedAt <= @before_at                                             -- when before_at
   AND (worker.StartedAt < @before_at                                             -- when before_at
        OR worker.WorkerInstanceId > @before_id)                                  -- when before_at
 ORDER BY worker.StartedAt DESC, worker.WorkerInstanceId;

-- name: worker
SELECT worker.WorkerInstanceId AS worker_instance_id
  FROM monitoring.WorkerInstances AS worker
 WHERE worker.WorkerInstanceId = CAST(:worker_instance_id AS uniqueidentifier);

-- name: series
-- A KPI's results in buckets of so many seconds, counted from 1970 on. One row without a bucket
-- where there are no results, no row where there is no such KPI. Sums as in hours.add.
DECLARE @seconds bigint = :seconds, @epoch datetime2(7) = '19700101',
        @until datetime2(7) = SYSUTCDATETIME(), @small decimal(38, 10) = 100000000000000000,
        @most decimal(38, 10) = 9000000000000000000000000000;
DECLARE @first bigint = DATEDIFF_BIG(second, @epoch, DATEADD(hour, -:hours, @until))
                        / @seconds * @seconds;
DECLARE @since datetime2(7) = DATEADD(second, CAST(@first % 86400 AS int),
                                      DATEADD(day, CAST(@first / 86400 AS int), @epoch));
SELECT query.Unit AS unit, @since AS since, @until AS until,
       DATEADD(second, CAST(bucket.number * @seconds % 86400 AS int),
               DATEADD(day, CAST(bucket.number * @seconds / 86400 AS int), @epoch)) AS at,
       bucket.checks, bucket.worst, bucket.value_count, bucket.value_min, bucket.value_max,
       CASE WHEN bucket.big_values = 0 THEN bucket.small_sum
            WHEN bucket.rough_sum >= @most THEN @most
            WHEN bucket.rough_sum <= -@most THEN -@most
            ELSE CAST(bucket.rough_sum AS decimal(38, 10)) END AS value_sum
  FROM monitoring.Indicators AS indicator
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = indicator.QueryId
 OUTER APPLY (
           SELECT result.number, COUNT(*) AS checks, MAX(result.verdict) AS worst,
                  COUNT(result.value) AS value_count, MIN(result.value) AS value_min,
                  MAX(result.value) AS value_max,
                  SUM(CASE WHEN ABS(result.value) < @small THEN result.value END) AS small_sum,
                  SUM(CASE WHEN ABS(result.value) >= @small THEN 1 ELSE 0 END) AS big_values,
                  SUM(CAST(result.value AS float)) AS rough_sum
             FROM (SELECT DATEDIFF_BIG(second, @epoch, one.ExecutedAt) / @seconds AS number,
                          CASE one.Status WHEN N'Healthy' THEN 1 WHEN N'Warning' THEN 2
                                          WHEN N'Critical' THEN 3 ELSE 4 END AS verdict,
                          one.ValueNumber AS value
                     FROM monitoring.DatabaseMonitoringResults AS one
                    WHERE one.IndicatorId = indicator.IndicatorId
                      AND one.ExecutedAt >= @since) AS result
            GROUP BY result.number) AS bucket
 WHERE indicator.IndicatorName = :name
 ORDER BY bucket.number;

-- name: long_series
-- The same in buckets of whole hours, from what is rolled up and the results since.
DECLARE @seconds bigint = :seconds, @epoch datetime2(7) = '19700101',
        @until datetime2(7) = SYSUTCDATETIME(), @small decimal(38, 10) = 100000000000000000,
        @most decimal(38, 10) = 9000000000000000000000000000;
DECLARE @first bigint = DATEDIFF_BIG(second, @epoch, DATEADD(hour, -:hours, @until))
                        / @seconds * @seconds;
DECLARE @since datetime2(7) = DATEADD(second, CAST(@first % 86400 AS int),
                                      DATEADD(day, CAST(@first / 86400 AS int), @epoch));
SELECT query.Unit AS unit, @since AS since, @until AS until,
       DATEADD(second, CAST(bucket.number * @seconds % 86400 AS int),
               DATEADD(day, CAST(bucket.number * @seconds / 86400 AS int), @epoch)) AS at,
       bucket.checks, bucket.worst, bucket.value_count, bucket.value_min, bucket.value_max,
       CASE WHEN bucket.big_values = 0 THEN bucket.small_sum
            WHEN bucket.rough_sum >= @most THEN @most
            WHEN bucket.rough_sum <= -@most THEN -@most
            ELSE CAST(bucket.rough_sum AS decimal(38, 10)) END AS value_sum
  FROM monitoring.Indicators AS indicator
  JOIN monitoring.DatabaseQueries AS query ON query.QueryId = indicator.QueryId
 CROSS JOIN monitoring.MonitoringRollup AS done
 OUTER APPLY (
           SELECT part.number, SUM(CAST(part.checks AS bigint)) AS checks,
                  MAX(part.verdict) AS worst,
                  SUM(CAST(part.value_count AS bigint)) AS value_count,
                  MIN(part.value_min) AS value_min, MAX(part.value_max) AS value_max,
                  SUM(CASE WHEN ABS(part.value_sum) < @small THEN part.value_sum END)
                      AS small_sum,
                  SUM(CASE WHEN ABS(part.value_sum) >= @small THEN 1 ELSE 0 END) AS big_values,
                  SUM(CAST(part.value_sum AS float)) AS rough_sum
             FROM (SELECT DATEDIFF_BIG(second, @epoch, hour.HourAt) / @seconds AS number,
                          hour.Checks AS checks,
                          CASE WHEN hour.Error > 0 THEN 4 WHEN hour.Critical > 0 THEN 3
                               WHEN hour.Warning > 0 THEN 2 ELSE 1 END AS verdict,
                          hour.ValueCount AS value_count, hour.ValueMin AS value_min,
                          hour.ValueMax AS value_max, hour.ValueSum AS value_sum
                     FROM monitoring.DatabaseMonitoringHours AS hour
                    WHERE hour.IndicatorId = indicator.IndicatorId
                      AND hour.HourAt >= @since
                      AND hour.HourAt < done.RolledUntil
                    UNION ALL
                   SELECT DATEDIFF_BIG(second, @epoch, one.ExecutedAt) / @seconds, 1,
                          CASE one.Status WHEN N'Healthy' THEN 1 WHEN N'Warning' THEN 2
                                          WHEN N'Critical' THEN 3 ELSE 4 END,
                          CASE WHEN one.ValueNumber IS NULL THEN 0 ELSE 1 END,
                          one.ValueNumber, one.ValueNumber, one.ValueNumber
                     FROM monitoring.DatabaseMonitoringResults AS one
                    WHERE one.IndicatorId = indicator.IndicatorId
                      AND one.ExecutedAt >= @since
                      AND one.ExecutedAt >= done.RolledUntil) AS part
            GROUP BY part.number) AS bucket
 WHERE indicator.IndicatorName = :name
 ORDER BY bucket.number;
