-- Results by the hour, so that what sums up days need not read every result.

CREATE TABLE monitoring.database_monitoring_hours (
    indicator_id uuid             NOT NULL,
    hour_at      timestamptz      NOT NULL,
    checks       integer          NOT NULL,
    healthy      integer          NOT NULL,
    warning      integer          NOT NULL,
    critical     integer          NOT NULL,
    error        integer          NOT NULL,
    duration_ms  double precision NOT NULL,
    value_count  integer          NOT NULL,
    value_min    numeric,
    value_max    numeric,
    value_sum    numeric,
    CONSTRAINT pk_database_monitoring_hours PRIMARY KEY (indicator_id, hour_at)
        INCLUDE (checks, healthy, warning, critical, error, duration_ms),
    CONSTRAINT fk_database_monitoring_hours_indicators FOREIGN KEY (indicator_id)
        REFERENCES monitoring.indicators ON DELETE CASCADE,
    CONSTRAINT ck_database_monitoring_hours_checks
        CHECK (checks > 0 AND checks = healthy + warning + critical + error
               AND value_count BETWEEN 0 AND checks)
);
COMMENT ON TABLE monitoring.database_monitoring_hours IS
    'What a KPI found in an hour that is over, up to monitoring_rollup.rolled_until.';
COMMENT ON COLUMN monitoring.database_monitoring_hours.duration_ms IS 'Of all checks together.';
CREATE INDEX ix_database_monitoring_hours_hour_at
    ON monitoring.database_monitoring_hours (hour_at);

CREATE TABLE monitoring.monitoring_rollup (
    rollup_id    integer     NOT NULL DEFAULT 1,
    rolled_until timestamptz NOT NULL,
    CONSTRAINT pk_monitoring_rollup PRIMARY KEY (rollup_id),
    CONSTRAINT ck_monitoring_rollup_one CHECK (rollup_id = 1)
);
COMMENT ON COLUMN monitoring.monitoring_rollup.rolled_until IS
    'Results of before are in database_monitoring_hours; from here on each is to be read.';
INSERT INTO monitoring.monitoring_rollup (rolled_until) VALUES ('1970-01-01 00:00:00+00');

-- The week begins at a whole hour: 168 of them, and the one that is going on.
CREATE OR REPLACE VIEW monitoring.vw_database_monitoring_summary AS
SELECT connection.connection_id,
       connection.connection_name,
       connection.provider,
       connection.environment,
       connection.is_enabled,
       newest.executed_at AS last_check_at,
       newest.status AS last_status,
       coalesce(week.checks, 0) AS checks_7d,
       coalesce(week.healthy, 0) AS healthy_7d,
       coalesce(week.warning, 0) AS warning_7d,
       coalesce(week.critical, 0) AS critical_7d,
       coalesce(week.error, 0) AS error_7d,
       round(100.0 * week.healthy / nullif(week.checks, 0), 2) AS success_rate_7d,
       week.duration_ms / nullif(week.checks, 0) AS mean_duration_ms_7d
  FROM monitoring.database_connections AS connection
  LEFT JOIN LATERAL (
           SELECT result.executed_at, result.status
             FROM monitoring.indicators AS indicator
            CROSS JOIN LATERAL (
                      SELECT one.executed_at, one.status
                        FROM monitoring.database_monitoring_results AS one
                       WHERE one.indicator_id = indicator.indicator_id
                       ORDER BY one.executed_at DESC, one.result_id DESC
                       LIMIT 1) AS result
            WHERE indicator.connection_id = connection.connection_id
            ORDER BY result.executed_at DESC
            LIMIT 1) AS newest ON true
  LEFT JOIN LATERAL (
           SELECT CAST(sum(part.checks) AS bigint) AS checks,
                  CAST(sum(part.healthy) AS bigint) AS healthy,
                  CAST(sum(part.warning) AS bigint) AS warning,
                  CAST(sum(part.critical) AS bigint) AS critical,
                  CAST(sum(part.error) AS bigint) AS error,
                  sum(part.duration_ms) AS duration_ms
             FROM monitoring.indicators AS indicator
            CROSS JOIN LATERAL (
                      SELECT sum(hour.checks) AS checks,
                             sum(hour.healthy) AS healthy,
                             sum(hour.warning) AS warning,
                             sum(hour.critical) AS critical,
                             sum(hour.error) AS error,
                             sum(hour.duration_ms) AS duration_ms
                        FROM monitoring.database_monitoring_hours AS hour
                       WHERE hour.indicator_id = indicator.indicator_id
                         AND hour.hour_at
                             >= date_trunc('hour', now(), 'UTC') - interval '168 hours'
                         AND hour.hour_at < (SELECT rolled_until
                                               FROM monitoring.monitoring_rollup)
                       UNION ALL
                      SELECT count(*) AS checks,
                             count(*) FILTER (WHERE result.status = 'Healthy') AS healthy,
                             count(*) FILTER (WHERE result.status = 'Warning') AS warning,
                             count(*) FILTER (WHERE result.status = 'Critical') AS critical,
                             count(*) FILTER (WHERE result.status = 'Error') AS error,
                             sum(result.duration_ms) AS duration_ms
                        FROM monitoring.database_monitoring_results AS result
                       WHERE result.indicator_id = indicator.indicator_id
                         AND result.executed_at
                             >= date_trunc('hour', now(), 'UTC') - interval '168 hours'
                         AND result.executed_at >= (SELECT rolled_until
                                                      FROM monitoring.monitoring_rollup)) AS part
            WHERE indicator.connection_id = connection.connection_id) AS week ON true;
