"""What a test may have left in its store, by its names on PostgreSQL."""

TABLES = (  # in an order in which they refer to each other
    "monitoring.database_monitoring_results",
    "monitoring.database_monitoring_hours",
    "monitoring.performance_baselines",
    "monitoring.indicators",
    "monitoring.database_queries",
    "monitoring.database_connections",
    "monitoring.system_status_history",
    "monitoring.system_status",
    "monitoring.worker_metrics",
    "monitoring.worker_jobs",
    "monitoring.worker_instances",
    "monitoring.job_metrics",
    "monitoring.dead_letter_queue",
    "monitoring.task_retries",
    "monitoring.audit_log",
    "app.tasks",
    "app.jobs",
)
