-- Results by the hour, so that what sums up days need not read every result.

IF OBJECT_ID(N'monitoring.DatabaseMonitoringHours') IS NOT NULL
   OR OBJECT_ID(N'monitoring.MonitoringRollup') IS NOT NULL
    THROW 50000, N'nothing is changed: monitoring.DatabaseMonitoringHours or monitoring.MonitoringRollup is there already, and is none of Watchkeeper''s', 1;
GO

-- What a KPI found in an hour that is over, up to MonitoringRollup.RolledUntil. DurationMs is of all
-- checks together.
CREATE TABLE monitoring.DatabaseMonitoringHours (
    IndicatorId uniqueidentifier NOT NULL,
    HourAt      datetime2(7)     NOT NULL,
    Checks      int              NOT NULL,
    Healthy     int              NOT NULL,
    Warning     int              NOT NULL,
    Critical    int              NOT NULL,
    Error       int              NOT NULL,
    DurationMs  float            NOT NULL,
    ValueCount  int              NOT NULL,
    ValueMin    decimal(38, 10)  NULL,
    ValueMax    decimal(38, 10)  NULL,
    ValueSum    decimal(38, 10)  NULL,
    CONSTRAINT PK_DatabaseMonitoringHours PRIMARY KEY (IndicatorId, HourAt),
    CONSTRAINT FK_DatabaseMonitoringHours_Indicators FOREIGN KEY (IndicatorId)
        REFERENCES monitoring.Indicators (IndicatorId) ON DELETE CASCADE,
    CONSTRAINT CK_DatabaseMonitoringHours_Checks CHECK (
        Checks > 0 AND Checks = Healthy + Warning + Critical + Error
        AND ValueCount BETWEEN 0 AND Checks)
);
CREATE INDEX IX_DatabaseMonitoringHours_HourAt ON monitoring.DatabaseMonitoringHours (HourAt);

-- Results of before RolledUntil are in DatabaseMonitoringHours; from there on each is to be read.
CREATE TABLE monitoring.MonitoringRollup (
    RollupId    int          NOT NULL CONSTRAINT DF_MonitoringRollup_RollupId DEFAULT 1,
    RolledUntil datetime2(7) NOT NULL,
    CONSTRAINT PK_MonitoringRollup PRIMARY KEY (RollupId),
    CONSTRAINT CK_MonitoringRollup_One CHECK (RollupId = 1)
);
GO

INSERT INTO monitoring.MonitoringRollup (RolledUntil) VALUES ('19700101');
INSERT INTO monitoring.schema_made (revision, kind, owner, name) VALUES
    (N'0007', N'table', N'', N'monitoring.DatabaseMonitoringHours'),
    (N'0007', N'table', N'', N'monitoring.MonitoringRollup');

-- The overview of another application stays what it is.
IF EXISTS (SELECT 1 FROM monitoring.schema_made
            WHERE revision = N'0001' AND name = N'monitoring.vw_DatabaseMonitoringSummary')
    DROP VIEW IF EXISTS monitoring.vw_DatabaseMonitoringSummary;
GO

-- The week begins at a whole hour: 168 of them, and the one that is going on.
-- unless it is there
CREATE VIEW monitoring.vw_DatabaseMonitoringSummary AS
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
       week.duration_ms / NULLIF(week.checks, 0) AS MeanDurationMs7d
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
           SELECT SUM(part.checks) AS checks,
                  SUM(part.healthy) AS healthy,
                  SUM(part.warning) AS warning,
                  SUM(part.critical) AS critical,
                  SUM(part.error) AS error,
                  SUM(part.duration_ms) AS duration_ms
             FROM monitoring.Indicators AS indicator
            CROSS APPLY (
                      SELECT SUM(CAST(hour.Checks AS bigint)) AS checks,
                             SUM(CAST(hour.Healthy AS bigint)) AS healthy,
                             SUM(CAST(hour.Warning AS bigint)) AS warning,
                             SUM(CAST(hour.Critical AS bigint)) AS critical,
                             SUM(CAST(hour.Error AS bigint)) AS error,
                             SUM(hour.DurationMs) AS duration_ms
                        FROM monitoring.DatabaseMonitoringHours AS hour
                       WHERE hour.IndicatorId = indicator.IndicatorId
                         AND hour.HourAt >= DATEADD(
                                 hour,
                                 DATEDIFF(hour, CAST('20000101' AS datetime2(7)),
                                          SYSUTCDATETIME()) - 168,
                                 CAST('20000101' AS datetime2(7)))
                         AND hour.HourAt < (SELECT rollup_row.RolledUntil
                                              FROM monitoring.MonitoringRollup AS rollup_row)
                       UNION ALL
                      SELECT COUNT_BIG(*) AS checks,
                             COUNT_BIG(CASE WHEN result.Status = N'Healthy' THEN 1 END) AS healthy,
                             COUNT_BIG(CASE WHEN result.Status = N'Warning' THEN 1 END) AS warning,
                             COUNT_BIG(CASE WHEN result.Status = N'Critical' THEN 1 END)
                                 AS critical,
                             COUNT_BIG(CASE WHEN result.Status = N'Error' THEN 1 END) AS error,
                             SUM(result.DurationMs) AS duration_ms
                        FROM monitoring.DatabaseMonitoringResults AS result
                       WHERE result.IndicatorId = indicator.IndicatorId
                         AND result.ExecutedAt >= DATEADD(
                                 hour,
                                 DATEDIFF(hour, CAST('20000101' AS datetime2(7)),
                                          SYSUTCDATETIME()) - 168,
                                 CAST('20000101' AS datetime2(7)))
                         AND result.ExecutedAt >= (SELECT rollup_row.RolledUntil
                                                     FROM monitoring.MonitoringRollup
                                                          AS rollup_row)) AS part
            WHERE indicator.ConnectionId = connection.ConnectionId) AS week;
