"""The composition root: the one module that knows every concrete class."""

import logging
import os
from collections import ChainMap
from datetime import UTC, datetime

import azure.functions as func

from services import Services
from services.settings import Settings
from triggers import (
    debugging,
    failures,
    functions,
    health,
    jobs,
    kpis,
    logs,
    openapi,
    retries,
    server,
    status,
    timers,
)
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
    from repositories.revisions import known
    from repositories.store import SqlStore
    from repositories.targets import open_target
    from repositories.workshop import SqlWorkshop
    from services import pack
    from services.activity import ActivityService
    from services.caching import Cache
    from services.checks import Checks
    from services.debugging import DebugService
    from services.failure_sizes import FailureSizes
    from services.failures import FailureService
    from services.health import HealthService
    from services.heartbeats import HeartbeatService, describe_process
    from services.job_health import JobHealthService
    from services.jobs import JobService
    from services.kpis import KpiService
    from services.performance import PerformanceService
    from services.poison import PoisonService
    from services.retries import RetryService
    from services.statistics import StatisticsService
    from services.statuses import StatusService
    from services.targets import Targets
    from services.timers import TimerService
    from services.trials import TrialService
    from services.upkeep import UpkeepService
    from services.version import VERSION

    for problem in problems:
        logger.warning("setting %s: %s", problem.setting, problem.message)
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
    targets = Targets(
        ChainMap(urls, dict(os.environ)),
        lambda url, seconds: open_target(url, connect_seconds=seconds),
    )
    failure_service = FailureService(jobs_read, cache=Cache(settings.cache_seconds, size=8))
    writer = jobs_read if settings.jobs_writable and not settings.read_only else None
    retries = RetryService(store, jobs_read, writer, failure_service)
    statuses = StatusService(store)
    clock_timers = TimerService(store, timers.schedules(settings), clock=lambda: datetime.now(UTC))
    trials = TrialService(
        SqlWorkshop(jobs_read),
        Cache(settings.cache_seconds),
        read_only=settings.read_only,
        is_writable=settings.jobs_writable,
        connections=settings.pool_size,
    )
    return Services(
        activity=ActivityService(jobs_read),
        debugging=DebugService(
            jobs_read,
            store,
            FailureSizes(jobs_read, cache=Cache(settings.cache_seconds, size=1)),
            connections=("jobs", "store") if jobs_url == store_url else ("jobs",),
            logs_resource_id=settings.applicationinsights_resource_id or None,
        ),
        failures=failure_service,
        health=HealthService(
            store,
            jobs_read,
            statuses=statuses,
            timers=clock_timers,
            known=known(engine),
            problems=problems,
            cache=Cache(settings.cache_seconds),
        ),
        heartbeats=heartbeats,
        job_health=JobHealthService(jobs_read, cache=Cache(settings.cache_seconds)),
        jobs=JobService(jobs_read, cache=Cache(settings.cache_seconds)),
        kpis=KpiService(
            store,
            Checks(targets, longest_seconds=settings.kpi_monitoring.execution_timeout_seconds),
            settings.kpi_monitoring,
            worker_instance_id=lambda: heartbeats.worker_instance_id,
            prepare=lambda: pack.register(
                store,
                engine,
                engine_of(jobs_url),
                jobs_schema=settings.jobs_schema,
                environment=environment,
            ),
        ),
        poison=PoisonService(store, jobs_read, cache=Cache(settings.cache_seconds)),
        retries=retries,
        performance=PerformanceService(jobs_read, cache=Cache(settings.cache_seconds)),
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


logs.configure()
services = Lazy(build)
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for blueprint in (debugging, failures, functions, health, jobs, kpis, retries, server, status):
    app.register_functions(blueprint.blueprint(services))
app.register_functions(openapi.blueprint())
app.register_functions(timers.blueprint(services, timers.schedules(settings)))
