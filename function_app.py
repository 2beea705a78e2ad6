"""The composition root: the one module that knows every concrete class."""

import logging
import os
from collections import ChainMap
from datetime import UTC, datetime

import azure.functions as func

from services import Services
from services.settings import Settings
from triggers import health, jobs, kpis, logs, status, timers
from triggers.lazy import Lazy

logger = logging.getLogger(__name__)

settings, problems = Settings.read()


def build() -> Services:
    """Wire one object graph; runs on the first invocation, never at import.

    What it is wired of is imported here too: a host indexes an app before it serves anything, and
    every process that it starts waits for that.
    """
    from repositories.engines import engine_of, open_database
    from repositories.jobs import SqlJobsDatabase
    from repositories.revisions import known
    from repositories.store import SqlStore
    from repositories.targets import open_target
    from services import pack
    from services.caching import Cache
    from services.checks import Checks
    from services.health import HealthService
    from services.heartbeats import HeartbeatService, describe_process
    from services.jobs import JobService
    from services.kpis import KpiService
    from services.statuses import StatusService
    from services.targets import Targets
    from services.timers import TimerService
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
        names={"jobs": settings.jobs_schema},
    )
    jobs_database = (
        database
        if jobs_url == store_url
        else open_database(
            jobs_url,
            setting="JOBS_URL",
            size=settings.pool_size,
            timeout_seconds=settings.query_timeout_seconds,
            names={"jobs": settings.jobs_schema},
        )
    )
    store, jobs_read = SqlStore(database), SqlJobsDatabase(jobs_database)
    engine, environment = engine_of(store_url), settings.azure_functions_environment
    worker = describe_process(version=VERSION, environment=environment)
    urls = {"STORE_URL": store_url, "JOBS_URL": jobs_url}
    targets = Targets(
        ChainMap(urls, dict(os.environ)),
        lambda url, seconds: open_target(url, connect_seconds=seconds),
    )
    statuses = StatusService(store)
    clock_timers = TimerService(store, timers.schedules(settings), clock=lambda: datetime.now(UTC))
    return Services(
        health=HealthService(
            store,
            jobs_read,
            statuses=statuses,
            timers=clock_timers,
            known=known(engine),
            problems=problems,
            cache=Cache(settings.cache_seconds),
        ),
        heartbeats=HeartbeatService(store, worker, service=settings.heartbeat.service),
        jobs=JobService(jobs_read),
        kpis=KpiService(
            store,
            Checks(targets, longest_seconds=settings.kpi_monitoring.execution_timeout_seconds),
            settings.kpi_monitoring,
            worker_instance_id=worker.worker_instance_id,
            prepare=lambda: pack.register(
                store,
                engine,
                engine_of(jobs_url),
                jobs_schema=settings.jobs_schema,
                environment=environment,
            ),
        ),
        statuses=statuses,
        timers=clock_timers,
        upkeep=UpkeepService(store, settings.scheduled_tasks),
        read_only=settings.read_only,
    )


logs.configure()
services = Lazy(build)
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for blueprint in (health, jobs, kpis, status):
    app.register_functions(blueprint.blueprint(services))
app.register_functions(timers.blueprint(services, timers.schedules(settings)))
