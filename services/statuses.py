"""Which services are alive, by their heartbeats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.contracts.store import Store
from repositories.records.processes import Beat, ServiceStatus
from services.gathering import Gathering
from services.pages import Page, cut

SELF_REPORTED_DOWN = {"failed", "stopped"}


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as people ask for it; `age_seconds` is since its newest heartbeat."""

    service: str
    state: str
    status: str
    current_task: str | None
    last_heartbeat: datetime
    due_at: datetime
    age_seconds: float
    interval_seconds: int


def state_of(status: ServiceStatus) -> str:
    """healthy up to the interval, then stale until `due_at`, then down; down at once where said."""
    if status.status.lower() in SELF_REPORTED_DOWN:
        return "down"
    if status.read_at <= status.last_heartbeat + timedelta(seconds=status.interval_seconds):
        return "healthy"
    return "stale" if status.read_at < status.due_at else "down"


class StatusService:
    """Heartbeats that come at the same time are written together: each would wait for the disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._beats = Gathering(self._write, key=lambda beat: beat.service)

    async def beat(self, beat: Beat) -> ServiceState:
        return _state(await self._beats.ask(beat))

    def _write(self, beats: Sequence[Beat]) -> Sequence[ServiceStatus]:
        with self._store.single() as work:
            return work.heartbeats.beat_all(beats)

    def services(self, *, after: str | None, limit: int) -> Page[ServiceState]:
        with self._store.read() as work:
            rows = work.heartbeats.services(after=after, limit=limit + 1)
        return cut([_state(row) for row in rows], limit, lambda state: (state.service,))


def _state(status: ServiceStatus) -> ServiceState:
    age = (status.read_at - status.last_heartbeat).total_seconds()
    return ServiceState(
        service=status.service,
        state=state_of(status),
        status=status.status,
        current_task=status.current_task,
        last_heartbeat=status.last_heartbeat,
        due_at=status.due_at,
        age_seconds=round(max(age, 0.0), 3),
        interval_seconds=status.interval_seconds,
    )
