"""Who was seen alive, and when."""

from collections.abc import Sequence

import orjson

from repositories.contracts.databases import Session
from repositories.records.processes import Beat, ServiceStatus
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
        beat = Beat(
            service=service,
            status=status,
            current_task=current_task,
            interval_seconds=interval_seconds,
            grace_seconds=grace_seconds,
            worker_instance_id=worker_instance_id,
        )
        (beaten,) = self.beat_all([beat])
        return beaten

    def beat_all(self, beats: Sequence[Beat]) -> Sequence[ServiceStatus]:
        given = orjson.dumps(beats).decode()
        rows = self._session.rows("heartbeats.beat_all", beats=given)
        beaten = {row["service"]: ServiceStatus(**row) for row in rows}
        return [beaten[beat.service] for beat in beats]

    def services(self, *, after: str | None, limit: int) -> list[ServiceStatus]:
        rows = self._session.rows("heartbeats.services", after=after, limit=limit)
        return build(ServiceStatus, rows)
