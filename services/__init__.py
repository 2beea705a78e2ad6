"""What the app can do, as one value handed to every trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.errors import Forbidden

if TYPE_CHECKING:
    from services.activity import ActivityService
    from services.debugging import DebugService
    from services.failures import FailureService
    from services.health import HealthService
    from services.heartbeats import HeartbeatService
    from services.job_health import JobHealthService
    from services.jobs import JobService
    from services.kpis import KpiService
    from services.performance import PerformanceService
    from services.poison import PoisonService
    from services.retries import RetryService
    from services.statistics import StatisticsService
    from services.statuses import StatusService
    from services.timers import TimerService
    from services.trials import TrialService
    from services.upkeep import UpkeepService


@dataclass(frozen=True, slots=True)
class Services:
    activity: ActivityService
    debugging: DebugService
    failures: FailureService
    health: HealthService
    heartbeats: HeartbeatService
    job_health: JobHealthService
    jobs: JobService
    kpis: KpiService
    performance: PerformanceService
    poison: PoisonService
    retries: RetryService
    statistics: StatisticsService
    statuses: StatusService
    timers: TimerService
    trials: TrialService
    upkeep: UpkeepService
    read_only: bool

    def for_writing(self) -> Services:
        """These services, where writing is allowed."""
        if self.read_only:
            raise Forbidden("READ_ONLY is on: nothing is written here")
        return self
