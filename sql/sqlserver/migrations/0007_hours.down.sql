-- Only what the way up made; the overview that it dropped comes back.

IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0007' AND name = N'monitoring.vw_DatabaseMonitoringSummary')
    DROP VIEW IF EXISTS monitoring.vw_DatabaseMonitoringSummary;
GO

IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001' AND name = N'monitoring.vw_DatabaseMonitoringSummary')
   AND OBJECT_ID(N'monitoring.vw_DatabaseMonitoringSummary') IS NULL
    EXEC (N'CREATE VIEW monitoring.vw_DatabaseMonitoringSummary AS
SELECT connection.ConnectionId,
       connection.ConnectionName,
       connection.Provider,
       connection.Environment,
       connection.IsEnabled,
       newest.ExecutedAt AS LastCheckAt,
       newest.Status AS LastStatus,
       COALESCE(week.checks, 0) AS Checks7d,
       COALESCE(week.healthy, 0) AS Healthy7d,
       COALESCE(week.warning, 0) AS Warning7d,
       COALESCE(week.critical, 0) AS Critical7d,
       COALESCE(week.error, 0) AS Error7d,
       CAST(100.0 * week.healthy / NULLIF(week.checks, 0) AS decimal(5, 2)) AS SuccessRate7d,
       week.mean_duration_ms AS MeanDurationMs7d
  FROM monitoring.DatabaseConnections AS connection
 OUTER APPLY (
           SELECT TOP (1) result.ExecutedAt, result.Status
             FROM monitoring.Indicators AS indicator
            CROSS APPLY (
                      SELECT TOP (1) one.ExecutedAt, one.Status
                        FROM monitoring.DatabaseMonitoringResults AS one
                       WHERE one.IndicatorId = indicator.IndicatorId
                       ORDER BY one.ExecutedAt DESC, one.ResultId DESC) AS result
            WHERE indicator.ConnectionId = connection.ConnectionId
            ORDER BY result.ExecutedAt DESC) AS newest
 OUTER APPLY (
           SELECT COUNT(*) AS checks,
                  SUM(CASE WHEN result.Status = N''Healthy'' THEN 1 ELSE 0 END) AS healthy,
                  SUM(CASE WHEN result.Status = N''Warning'' THEN 1 ELSE 0 END) AS warning,
                  SUM(CASE WHEN result.Status = N''Critical'' THEN 1 ELSE 0 END) AS critical,
                  SUM(CASE WHEN result.Status = N''Error'' THEN 1 ELSE 0 END) AS error,
                  AVG(result.DurationMs) AS mean_duration_ms
             FROM monitoring.Indicators AS indicator
             JOIN monitoring.DatabaseMonitoringResults AS result
               ON result.IndicatorId = indicator.IndicatorId
            WHERE indicator.ConnectionId = connection.ConnectionId
              AND result.ExecutedAt > DATEADD(DAY, -7, SYSUTCDATETIME())) AS week;');
GO

DROP TABLE monitoring.MonitoringRollup;
DROP TABLE monitoring.DatabaseMonitoringHours;
DELETE FROM monitoring.schema_made WHERE revision = N'0007';
