"""Removing what is old, a batch at a time."""

from repositories.contracts import Session

KINDS = ("results", "worker_jobs", "worker_metrics", "status_history", "worker_instances")


class SqlRetention:
    def __init__(self, session: Session) -> None:
        self._session = session

    def remove(self, kind: str, *, days: int, batch: int) -> int:
        if kind not in KINDS:
            raise ValueError(f"nothing is known of {kind!r}")
        return self._session.run(f"retention.remove_{kind}", days=days, batch=batch)
