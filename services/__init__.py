"""What the app can do, as one value handed to every trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.errors import Forbidden

if TYPE_CHECKING:
    from services.activity import ActivityService
    from services.connection_tests import ConnectionTestService
    from services.dead_letters import DeadLetterService
    from services.debugging import DebugService
    from services.definitions.service import DefinitionService
    from services.failures import FailureService
    from services.health import HealthService
    from services.heartbeats import HeartbeatService
    from services.job_health import JobHealthService
    from services.jobs import JobService
    from services.kpis import KpiService
    from services.metrics.baselines import BaselineService
    from services.metrics.exposition import ExpositionService
    from services.metrics.figures import MetricsService
    from services.metrics.recording import Recorder
    from services.overviews import OverviewService
    from services.performance import PerformanceService
    from services.poison import PoisonService
    from services.retries import RetryService
    from services.rollups import RollupService
    from services.statistics import StatisticsService
    from services.statuses import StatusService
    from services.timers import TimerService
    from services.trials import TrialService
    from services.upkeep import UpkeepService


@dataclass(frozen=True, slots=True)
class Services:
    activity: ActivityService
    baselines: BaselineService
    connection_tests: ConnectionTestService
    dead_letters: DeadLetterService
    debugging: DebugService
    definitions: DefinitionService
    exposition: ExpositionService
    failures: FailureService
    health: HealthService
    heartbeats: HeartbeatService
    job_health: JobHealthService
    jobs: JobService
    kpis: KpiService
    metrics: MetricsService
    overviews: OverviewService
    performance: PerformanceService
    poison: PoisonService
    recorder: Recorder
    retries: RetryService
    rollups: RollupService
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
