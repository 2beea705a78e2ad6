"""Removing what is old, a batch at a time."""

from repositories.contracts.databases import Session

TABLES = (
    "database_monitoring_results",
    "database_monitoring_hours",
    "worker_jobs",
    "worker_metrics",
    "system_status_history",
    "worker_instances",
    "audit_log",
    "dead_letter_queue",
    "job_metrics",
)


class SqlRetention:
    def __init__(self, session: Session) -> None:
        self._session = session

    def remove(self, table: str, *, days: int, batch: int) -> int:
        if table not in TABLES:
            raise ValueError(f"nothing is known of {table!r}")
        return self._session.run(f"retention.remove_{table}", days=days, batch=batch)
