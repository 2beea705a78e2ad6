"""Who was seen alive, and when."""

from repositories.contracts.databases import Session
from repositories.records.processes import ServiceStatus
from repositories.records.rows import build


class SqlHeartbeats:
    def __init__(self, session: Session) -> None:
        self._session = session

    def beat(
        self,
        service: str,
        *,
        status: str,
        current_task: str | None = None,
        interval_seconds: int | None = None,
        grace_seconds: int | None = None,
        worker_instance_id: str | None = None,
    ) -> ServiceStatus:
        row = self._session.row(
            "heartbeats.beat",
            service=service,
            status=status,
            current_task=current_task,
            interval_seconds=interval_seconds,
            grace_seconds=grace_seconds,
            worker_instance_id=worker_instance_id,
        )
        assert row is not None  # noqa: S101 - the statement always returns its row
        return ServiceStatus(**row)

    def services(self, *, after: str | None, limit: int) -> list[ServiceStatus]:
        rows = self._session.rows("heartbeats.services", after=after, limit=limit)
        return build(ServiceStatus, rows)
