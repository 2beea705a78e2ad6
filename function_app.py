"""The composition root: the one module that knows every concrete class."""

import gc
import logging
import os
from collections import ChainMap
from datetime import UTC, datetime, timedelta

import azure.functions as func

from services import Services
from services.settings import Settings
from triggers import (
    connections,
    dead_letters,
    debugging,
    failures,
    functions,
    health,
    jobs,
    kpi_queries,
    kpis,
    logs,
    metrics,
    openapi,
    overviews,
    retries,
    series,
    server,
    status,
    timers,
)
from triggers.boundary import executions
from triggers.lazy import Lazy

logger = logging.getLogger(__name__)

settings, problems = Settings.read()


def build() -> Services:
    """Wire one object graph; runs on the first invocation, never at import.

    What it is wired of is imported here too: a host indexes an app before it serves anything, and
    every process that it starts waits for that.
    """
    from repositories.engines import engine_of, open_database
    from repositories.jobs_database import SqlJobsDatabase
    from repositories.key_vault import KeyVault
    from repositories.revisions import known
    from repositories.store import SqlStore
    from repositories.targets import open_target
    from repositories.workshop import SqlWorkshop
    from services import pack
    from services.activity import ActivityService
    from services.caching import Cache
    from services.checks import Checks
    from services.connection_tests import ConnectionTestService
    from services.dead_letters import DeadLetterService
    from services.debugging import DebugService
    from services.definitions.connections import ConnectionRegister
    from services.definitions.kpis import KpiRegister
    from services.definitions.queries import QueryRegister
    from services.definitions.service import DefinitionService
    from services.failure_sizes import FailureSizes
    from services.failures import FailureService
    from services.health import HealthService
    from services.heartbeats import HeartbeatService, describe_process
    from services.job_health import JobHealthService
    from services.jobs import JobService
    from services.judging.judge import Judge
    from services.kpis import KpiService
    from services.metrics.baselines import BaselineService
    from services.metrics.exposition import ExpositionService
    from services.metrics.figures import MetricsService
    from services.metrics.recording import Recorder
    from services.overviews import OverviewService
    from services.performance import PerformanceService
    from services.periods import shortest_period_seconds
    from services.poison import PoisonService
    from services.retries import RetryService
    from services.rollups import RollupService
    from services.secrets.addresses import Addresses
    from services.secrets.keys import Keys
    from services.secrets.vaults import VaultSecrets
    from services.statistics import StatisticsService
    from services.statuses import StatusService
    from services.targets import Targets
    from services.timers import TimerService
    from services.trials import TrialService
    from services.upkeep import UpkeepService
    from services.version import VERSION

    for problem in problems:
        logger.warning("%s", problem)
    store_url = settings.store_url.get_secret_value() if settings.store_url else ""
    jobs_url = settings.jobs_url.get_secret_value() if settings.jobs_url else store_url
    database = open_database(
        store_url,
        setting="STORE_URL",
        size=settings.pool_size,
        timeout_seconds=settings.query_timeout_seconds,
        names={"schema": settings.jobs_schema},
    )
    jobs_database = (
        database
        if jobs_url == store_url
        else open_database(
            jobs_url,
            setting="JOBS_URL",
            size=settings.pool_size,
            timeout_seconds=settings.query_timeout_seconds,
            names={"schema": settings.jobs_schema},
        )
    )
    store, jobs_read = SqlStore(database), SqlJobsDatabase(jobs_database)
    engine, environment = engine_of(store_url), settings.azure_functions_environment
    worker = describe_process(version=VERSION, environment=environment)
    heartbeats = HeartbeatService(store, worker, service=settings.heartbeat.service)
    urls = {"STORE_URL": store_url, "JOBS_URL": jobs_url}
    vault = VaultSecrets(KeyVault().read)
    keys = Keys.of(settings.encryption_keys_text, vault.get)
    addresses = Addresses(keys, ChainMap(urls, dict(os.environ)), vault.get)
    targets = Targets(addresses, open_target)
    failure_service = FailureService(jobs_read, cache=Cache(settings.cache_seconds, size=8))
    writer = jobs_read if settings.jobs_writable and not settings.read_only else None
    retries = RetryService(store, jobs_read, writer, failure_service)
    statuses = StatusService(store)
    clock_timers = TimerService(
        store,
        timers.schedules(settings),
        clock=lambda: datetime.now(UTC),
        watch=executions.watch,
    )
    recorder = Recorder(store, executions, worker_instance_id=lambda: heartbeats.worker_instance_id)
    executions.report_to(recorder.flush_soon)
    trials = TrialService(
        SqlWorkshop(jobs_read),
        Cache(settings.cache_seconds),
        read_only=settings.read_only,
        is_writable=settings.jobs_writable,
        connections=settings.pool_size,
    )
    return Services(
        activity=ActivityService(jobs_read),
        baselines=BaselineService(store),
        connection_tests=ConnectionTestService(store, targets),
        dead_letters=DeadLetterService(store, settings.kpi_monitoring),
        debugging=DebugService(
            jobs_read,
            store,
            FailureSizes(jobs_read, cache=Cache(settings.cache_seconds, size=1)),
            connections=("jobs", "store") if jobs_url == store_url else ("jobs",),
            logs_resource_id=settings.applicationinsights_resource_id or None,
        ),
        definitions=DefinitionService(
            ConnectionRegister(store, addresses),
            QueryRegister(store, jobs_writable=settings.jobs_writable),
            KpiRegister(
                store,
                pace=timedelta(seconds=shortest_period_seconds(settings.kpi_monitoring.schedule)),
                jobs_writable=settings.jobs_writable,
            ),
        ),
        exposition=ExpositionService(
            store,
            statuses=statuses,
            timers=clock_timers,
            pools={"store": database.pool_use}
            | ({} if jobs_database is database else {"jobs": jobs_database.pool_use}),
            targets=targets.use,
            worker_instance_id=lambda: heartbeats.worker_instance_id,
            version=VERSION,
            cache=Cache(settings.cache_seconds, size=2),
        ),
        failures=failure_service,
        health=HealthService(
            store,
            jobs_read,
            statuses=statuses,
            timers=clock_timers,
            known=known(engine),
            problems=problems,
            has_keys=bool(settings.encryption_keys_text),
            cache=Cache(settings.cache_seconds),
        ),
        heartbeats=heartbeats,
        job_health=JobHealthService(jobs_read, cache=Cache(settings.cache_seconds)),
        jobs=JobService(jobs_read, cache=Cache(settings.cache_seconds)),
        kpis=KpiService(
            store,
            Checks(
                targets,
                Judge(store.read),
                longest_seconds=settings.kpi_monitoring.execution_timeout_seconds,
                jobs_writable=settings.jobs_writable,
            ),
            settings.kpi_monitoring,
            worker_instance_id=heartbeats.registered_id,
            prepare=lambda: pack.register(
                store,
                engine,
                engine_of(jobs_url),
                jobs_schema=settings.jobs_schema,
                environment=environment,
            ),
        ),
        poison=PoisonService(store, jobs_read, cache=Cache(settings.cache_seconds)),
        metrics=MetricsService(store),
        overviews=OverviewService(store),
        recorder=recorder,
        retries=retries,
        performance=PerformanceService(jobs_read, cache=Cache(settings.cache_seconds)),
        rollups=RollupService(store),
        statistics=StatisticsService(jobs_read, cache=Cache(settings.cache_seconds)),
        statuses=statuses,
        timers=clock_timers,
        trials=trials,
        upkeep=UpkeepService(
            store,
            settings.scheduled_tasks,
            chores={"planned_retries": retries.settle, "trial_rows": trials.remove_leftovers},
        ),
        read_only=settings.read_only,
    )


def build_for_good() -> Services:
    """The same, and what it took is never looked through for garbage again: it stays."""
    built = build()
    gc.collect()
    gc.freeze()
    return built


def stop() -> None:
    """This process ends. The local host says so; Azure's kills it, and its silence tells."""
    if services.is_built:
        services().heartbeats.stop()


logs.configure()
services = Lazy(build_for_good)
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for blueprint in (
    connections,
    dead_letters,
    debugging,
    failures,
    functions,
    health,
    jobs,
    kpi_queries,
    kpis,
    metrics,
    overviews,
    retries,
    series,
    server,
    status,
):
    app.register_functions(blueprint.blueprint(services))
app.register_functions(openapi.blueprint())
app.register_functions(timers.blueprint(services, timers.schedules(settings)))
