"""What the app can do, as one value handed to every trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.errors import Forbidden

if TYPE_CHECKING:
    from services.health import HealthService
    from services.heartbeats import HeartbeatService
    from services.jobs import JobService
    from services.kpis import KpiService
    from services.statuses import StatusService
    from services.timers import TimerService
    from services.upkeep import UpkeepService


@dataclass(frozen=True, slots=True)
class Services:
    health: HealthService
    heartbeats: HeartbeatService
    jobs: JobService
    kpis: KpiService
    statuses: StatusService
    timers: TimerService
    upkeep: UpkeepService
    read_only: bool

    def for_writing(self) -> Services:
        """These services, where writing is allowed."""
        if self.read_only:
            raise Forbidden("READ_ONLY is on: nothing is written here")
        return self
