"""The processes that run Watchkeeper, and their figures."""

from collections.abc import Sequence
from dataclasses import asdict

from repositories.contracts.databases import Session
from repositories.records.processes import Figure, Worker


class SqlWorkers:
    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, worker: Worker) -> str:
        """A store's own procedure may give the process another id than it brings."""
        (row,) = self._session.rows("workers.register", **asdict(worker))
        return str(row["worker_instance_id"])

    def beat(self, worker_instance_id: str, *, status: str, figures: Sequence[Figure]) -> bool:
        written = self._session.run(
            "workers.beat",
            worker_instance_id=worker_instance_id,
            status=status,
            names=[figure.name for figure in figures],
            values=[figure.value for figure in figures],
            units=[figure.unit for figure in figures],
        )
        return written > 0

    def retire(self, *, silent_seconds: int) -> int:
        return self._session.run("workers.retire", silent_seconds=silent_seconds)
