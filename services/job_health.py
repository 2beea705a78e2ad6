"""How the jobs as a whole are doing."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from repositories.contracts.jobs import JobsDatabase, JobsWork
from repositories.errors import Unavailable
from repositories.records.trouble import FailureRate
from services.caching import Aged, Cache
from services.parts import NotAvailable, ask_part
from services.poison import stuck_tasks
from services.reports import Component, Health, Report

T = TypeVar("T")

HOURS = 24
SHOWN_STUCK = 5
FEWEST_FAILED = 5
SMALL_RATE = 0.05
RATE_FACTOR = 2
LONG_WAIT_SECONDS = 3600
JOB_STATUSES = ("queued", "processing", "completed", "failed", "completed_with_errors")
TASK_STATUSES = ("queued", "processing", "completed", "failed")
RATE_RULE = (
    f"degraded where {FEWEST_FAILED} tasks or more failed in the last hour, and they are"
    f" {SMALL_RATE:.0%} or more of those that ended, and {RATE_FACTOR} times the share of the"
    " seven days before or more"
)
STUCK_RULE = "degraded where a task in processing is silent for longer than normal for its type"
QUEUE_RULE = f"degraded where a task has waited for {LONG_WAIT_SECONDS} seconds or more"
ACCESS_RULE = "degraded where row-level security may hide rows from this login"


class JobHealthService:
    def __init__(self, database: JobsDatabase, *, cache: Cache) -> None:
        self._database, self._cache = database, cache

    def report(self, *, fresh: bool = False) -> Aged[Report]:
        """Every part. A jobs database that is gone is unhealthy, and asked anew each time."""
        return self._cache.get(
            "health/jobs",
            self._everything,
            fresh=fresh,
            keep=lambda report: report.status is not Health.UNHEALTHY,
        )

    def _everything(self) -> Report:
        parts: dict[str, Callable[[JobsWork], Component]] = {
            "jobs": _jobs,
            "tasks": _tasks,
            "stuck_tasks": _stuck_tasks,
            "failure_rate": _failure_rate,
            "queue": _queue,
            "layout": _layout,
        }
        try:
            components = {name: self._component(ask) for name, ask in parts.items()}
            return Report({**components, "access": self._access()})
        except Unavailable as error:
            return Report({"database": Component(Health.UNHEALTHY, {"error": str(error)})})

    def _component(self, ask: Callable[[JobsWork], Component]) -> Component:
        """A part that cannot be asked is a fact of its own."""
        found = ask_part(lambda: self._asked(ask))
        if isinstance(found, NotAvailable):
            return Component(Health.DEGRADED, {"error": found.reason})
        return found

    def _asked(self, ask: Callable[[JobsWork], T]) -> T:
        with self._database.read() as work:
            return ask(work)

    def _access(self) -> Component:
        """A server that has no such policies, or shows none, can hide nothing by them."""
        hidden = ask_part(lambda: self._asked(lambda work: work.job_health.hidden_tables()))
        is_known = not isinstance(hidden, NotAvailable)
        return Component(
            Health.DEGRADED if is_known and hidden else Health.HEALTHY,
            {"rule": ACCESS_RULE, "tables_with_row_security": hidden},
        )


def _jobs(work: JobsWork) -> Component:
    return _counted(work.jobs.job_counts(hours=HOURS), JOB_STATUSES)


def _tasks(work: JobsWork) -> Component:
    return _counted(work.jobs.task_counts(hours=HOURS), TASK_STATUSES)


def _counted(counts: Mapping[str, int], known: tuple[str, ...]) -> Component:
    """A status that nobody here knows is counted as it is, which makes nothing unhealthy."""
    return Component(
        Health.HEALTHY,
        {
            "hours": HOURS,
            "total": sum(counts.values()),
            "by_status": {**dict.fromkeys(known, 0), **counts},
            "unknown_statuses": [status for status in counts if status not in known],
        },
    )


def _stuck_tasks(work: JobsWork) -> Component:
    stuck = stuck_tasks(work, SHOWN_STUCK)
    return Component(
        Health.DEGRADED if stuck.count else Health.HEALTHY,
        {"rule": STUCK_RULE, "count": stuck.count, "longest_silent": stuck.tasks},
    )


def _failure_rate(work: JobsWork) -> Component:
    rate = work.job_health.failure_rate()
    now = _share(rate.recent_failed, rate.recent_completed)
    normal = _share(rate.normal_failed, rate.normal_completed)
    return Component(
        Health.DEGRADED if fails_too_often(rate) else Health.HEALTHY,
        {
            "rule": RATE_RULE,
            "last_hour": now,
            "normal": normal,
            "failed_last_hour": rate.recent_failed,
            "completed_last_hour": rate.recent_completed,
            "failed_7_days_before": rate.normal_failed,
            "completed_7_days_before": rate.normal_completed,
        },
    )


def fails_too_often(rate: FailureRate) -> bool:
    now = _share(rate.recent_failed, rate.recent_completed) or 0.0
    normal = _share(rate.normal_failed, rate.normal_completed) or 0.0
    return rate.recent_failed >= FEWEST_FAILED and now >= SMALL_RATE and now >= RATE_FACTOR * normal


def _queue(work: JobsWork) -> Component:
    oldest = work.job_health.oldest_queued()
    waits_long = oldest is not None and oldest.age_seconds >= LONG_WAIT_SECONDS
    return Component(
        Health.DEGRADED if waits_long else Health.HEALTHY,
        {"rule": QUEUE_RULE, "oldest_queued": oldest},
    )


def _layout(work: JobsWork) -> Component:
    """How the tables differ from ours: what is missing is read as if it were empty."""
    layout = work.layout
    return Component(
        Health.HEALTHY,
        {"renamed": layout.renamed, "missing": layout.missing, "unread": layout.unread},
    )


def _share(failed: int, completed: int) -> float | None:
    """None where nothing ended."""
    ended = failed + completed
    return round(failed / ended, 4) if ended else None
