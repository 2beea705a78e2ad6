"""What else there was while a job ran: other jobs and tasks, and what KPIs found bad."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from repositories.contracts.jobs import JobsDatabase
from repositories.contracts.store import Store
from repositories.records.jobs import JobSpan, OtherCount, OtherJob, Window
from repositories.records.kpis import BadVerdict

LOOKED_AT = 5000
LOOK_BACK = timedelta(hours=24)
SHOWN_JOBS = 20
AROUND = timedelta(minutes=10)
LONGEST_FOR_KPIS = timedelta(hours=24)
MOST_VERDICTS = 2000
MOST_OF_A_KPI = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsOfKind:
    job_type: str
    status: str
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksOfKind:
    task_type: str
    status: str
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanwhile:
    """The other jobs of a time by type and status, those that overlap most, and the tasks of others
    that were in processing in it, by what became of them.

    Of each kind the newest `bound` that were created up to the end of that time, from a day before
    it, are looked at; `complete` says that there were no more.
    """

    since: datetime
    until: datetime
    bound: int
    complete: bool
    jobs: Sequence[JobsOfKind]
    overlapping: Sequence[OtherJob]
    tasks: Sequence[TasksOfKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadKpi:
    """A KPI that was not healthy: its newest verdict of one status, and how often it was that."""

    name: str
    connection: str
    status: str
    value: Decimal | str | None
    unit: str | None
    checked_at: datetime
    message: str
    times: int
    first_checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KpisMeanwhile:
    """What the checks of some connections found bad; `complete` says that no more was found."""

    since: datetime
    until: datetime
    connections: Sequence[str]
    complete: bool
    kpis: Sequence[BadKpi]


def ask_meanwhile(database: JobsDatabase, job_id: str, span: JobSpan) -> Meanwhile:
    until = span.ended_at or span.read_at
    window = Window(earliest=span.created_at - LOOK_BACK, since=span.created_at, until=until)
    with database.read() as work:
        jobs = work.histories.job_counts_meanwhile(job_id, window, bound=LOOKED_AT)
        tasks = work.histories.task_counts_meanwhile(job_id, window, bound=LOOKED_AT)
        overlapping = work.histories.jobs_meanwhile(
            job_id, window, bound=LOOKED_AT, limit=SHOWN_JOBS
        )
    return Meanwhile(
        since=window.since,
        until=window.until,
        bound=LOOKED_AT,
        complete=_is_complete(jobs) and _is_complete(tasks),
        jobs=[
            JobsOfKind(job_type=one.kind, status=one.status, jobs=one.alive)
            for one in jobs
            if one.alive
        ],
        overlapping=overlapping,
        tasks=[
            TasksOfKind(task_type=one.kind, status=one.status, tasks=one.alive)
            for one in tasks
            if one.alive
        ],
    )


def ask_kpis_meanwhile(store: Store, connections: Sequence[str], span: JobSpan) -> KpisMeanwhile:
    """The last day of a job that took longer, and some minutes around."""
    end = span.ended_at or span.read_at
    since = max(span.created_at, end - LONGEST_FOR_KPIS) - AROUND
    with store.read() as work:
        verdicts = work.results.not_healthy(
            connections,
            since=since,
            until=end + AROUND,
            limit=MOST_VERDICTS,
            limit_each=MOST_OF_A_KPI,
        )
    kpis = group_verdicts(verdicts)
    return KpisMeanwhile(
        since=since,
        until=end + AROUND,
        connections=connections,
        complete=len(verdicts) < MOST_VERDICTS and all(one.times < MOST_OF_A_KPI for one in kpis),
        kpis=kpis,
    )


def group_verdicts(verdicts: Collection[BadVerdict]) -> Sequence[BadKpi]:
    """One for each KPI and status, the newest first; `verdicts` come newest first."""
    newest: dict[tuple[str, str], list[BadVerdict]] = {}
    for verdict in verdicts:
        newest.setdefault((verdict.name, verdict.status), []).append(verdict)
    return [
        BadKpi(
            name=group[0].name,
            connection=group[0].connection,
            status=group[0].status,
            value=group[0].value,
            unit=group[0].unit,
            checked_at=group[0].checked_at,
            message=group[0].message,
            times=len(group),
            first_checked_at=group[-1].checked_at,
        )
        for group in newest.values()
    ]


def _is_complete(counts: Collection[OtherCount]) -> bool:
    return sum(one.looked_at for one in counts) < LOOKED_AT
