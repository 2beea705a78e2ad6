"""Failures, grouped by what they have in common."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from repositories.contracts.jobs import Failures, JobsDatabase
from repositories.records.trouble import Failure
from services.caching import Aged, Cache
from services.failure_walks import BATCH, FailureWalk, kind_of_failure
from services.fingerprints import Kind
from services.pages import Page, cut

MOST_FAILURES = 200_000
"""So many failed tasks, and failed jobs, of one window are looked at, the newest."""
MOST_GROUPS = 10_000
"""Further groups are only counted; they are those that failed longest ago."""
LONGEST_TEXT = 65_536
SHOWN_TYPES = 50
RISING = 1.5
FALLING = 1 / RISING
Direction = Literal["new", "rising", "steady", "falling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTask:
    """A task that failed, without its texts."""

    task_id: str
    job_id: str
    task_type: str
    stage: int
    retry_count: int
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundGroup:
    """The failed tasks of one fingerprint, newest first; `count` is of all, `tasks` has the first.

    `was_cut` says that the window has more failures than are looked at.
    """

    fingerprint: str
    error_type: str | None
    message: str
    count: int
    tasks: Sequence[FailedTask]
    was_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCount:
    """How many failures were in a stage."""

    stage: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A group beside the window of the same length before; `change` is 2.0 for twice as many.

    Rising is half as many again or more, falling two thirds or less. `before` is at least so many
    where the totals say `before_was_cut`.
    """

    before: int
    change: float | None
    direction: Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The newest failure of a group with its whole text; `task_id` is null where a job failed."""

    job_id: str
    task_id: str | None
    failed_at: datetime
    error_details: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroup:
    """Failures of one fingerprint. `count` is of tasks and of jobs that say themselves why.

    `share` is of all failures, `tasks` and `jobs` how many of each it hits, `retries` how many of
    them had been tried before.
    """

    fingerprint: str
    error_type: str | None
    message: str
    count: int
    share: float
    tasks: int
    jobs: int
    job_types: Sequence[str]
    task_types: Sequence[str]
    stages: Sequence[StageCount]
    first_seen: datetime
    last_seen: datetime
    trend: Trend
    retries: int
    sample: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTotals:
    """What the groups are of: the window by the database's clock, and all that failed in it.

    Where `was_cut`, only the newest failures of the window were looked at, `looked_at` at most of
    tasks and as many of jobs. `ungrouped` failures are in groups beyond those that are kept.
    """

    since: datetime
    until: datetime
    failures: int
    groups: int
    ungrouped: int
    looked_at: int
    was_cut: bool
    before_was_cut: bool


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """One page of groups, the greatest first, and what all of them are of."""

    groups: Page[ErrorGroup]
    totals: ErrorTotals


@dataclass(slots=True)
class _Tally:
    """One group while it is counted, newest failure first."""

    kind: Kind
    newest: Failure
    first_seen: datetime
    count: int = 0
    tasks: int = 0
    retries: int = 0
    before: int = 0
    by_job: Counter[str] = field(default_factory=Counter)
    job_types: set[str] = field(default_factory=set)
    task_types: set[str] = field(default_factory=set)
    stages: Counter[int] = field(default_factory=Counter)

    def add(self, failure: Failure) -> None:
        self.count += 1
        self.by_job[failure.job_id] += 1
        self.stages[failure.stage] += 1
        self.first_seen = min(self.first_seen, failure.failed_at)
        if failure.failed_at > self.newest.failed_at:
            self.newest = failure
        if failure.job_type is not None:
            self.job_types.add(failure.job_type)
        if failure.task_type is not None:
            self.tasks += 1
            self.retries += failure.retry_count > 0
            self.task_types.add(failure.task_type)

    def group(self, failures: int, sample: Sample) -> ErrorGroup:
        return ErrorGroup(
            fingerprint=self.kind.fingerprint,
            error_type=self.kind.error_type,
            message=self.kind.message,
            count=self.count,
            share=round(self.count / failures, 4),
            tasks=self.tasks,
            jobs=len(self.by_job),
            job_types=sorted(self.job_types)[:SHOWN_TYPES],
            task_types=sorted(self.task_types)[:SHOWN_TYPES],
            stages=[StageCount(stage=n, count=self.stages[n]) for n in sorted(self.stages)],
            first_seen=self.first_seen,
            last_seen=self.newest.failed_at,
            trend=trend_of(self.count, self.before),
            retries=self.retries,
            sample=sample,
        )


@dataclass(frozen=True, slots=True)
class _Survey:
    """A window's groups, the greatest first."""

    tallies: Sequence[_Tally]
    totals: ErrorTotals


class FailureService:
    def __init__(
        self,
        database: JobsDatabase,
        *,
        cache: Cache,
        most_failures: int = MOST_FAILURES,
        most_groups: int = MOST_GROUPS,
        batch: int = BATCH,
    ) -> None:
        self._database, self._cache = database, cache
        self._most_failures, self._most_groups, self._batch = most_failures, most_groups, batch

    def groups(
        self,
        *,
        hours: int,
        job_type: str | None,
        task_type: str | None,
        after: tuple[int, str] | None,
        limit: int,
        fresh: bool = False,
    ) -> Aged[ErrorPage]:
        """Groups by count and fingerprint; `after` is the count and fingerprint of the last."""
        survey = self._surveyed(hours, job_type, task_type, fresh=fresh)
        place = (-after[0], after[1]) if after else (0, "")
        behind = [one for one in survey.value.tallies if after is None or _place(one) > place]
        page = cut(behind[: limit + 1], limit, lambda one: (one.count, one.kind.fingerprint))
        totals = survey.value.totals
        samples = self._samples([one.newest for one in page.items])
        groups = [
            one.group(totals.failures, sample)
            for one, sample in zip(page.items, samples, strict=True)
        ]
        return Aged(ErrorPage(Page(groups, page.next), totals), survey.age_seconds)

    def find_group(self, fingerprint: str, *, hours: int, limit: int) -> FoundGroup | None:
        """The failed tasks of the last hours with this fingerprint, always read anew."""
        with self._database.read() as work:
            walk = self._walk(work.failures, *work.failures.window(hours=hours))
            alike = ((kind_of_failure(one), one) for one in walk.tasks())
            found = [(kind, one) for kind, one in alike if kind.fingerprint == fingerprint]
        if not found:
            return None
        kind, _ = found[0]
        return FoundGroup(
            fingerprint=fingerprint,
            error_type=kind.error_type,
            message=kind.message,
            count=len(found),
            tasks=[_failed_task(one) for _, one in found[:limit]],
            was_cut=walk.was_cut,
        )

    def _surveyed(
        self, hours: int, job_type: str | None, task_type: str | None, *, fresh: bool
    ) -> Aged[_Survey]:
        return self._cache.get(
            ("failures", hours, job_type, task_type),
            lambda: self._survey(hours, job_type, task_type),
            fresh=fresh,
        )

    def _survey(self, hours: int, job_type: str | None, task_type: str | None) -> _Survey:
        tallies: dict[str, _Tally] = {}
        failures = ungrouped = 0
        with self._database.read() as work:
            since, until = work.failures.window(hours=hours)
            now = self._walk(work.failures, since, until, with_job_type=True)
            for failure in now.everything(job_type, task_type):
                failures += 1
                ungrouped += not self._add(tallies, failure)
            earliest = since - timedelta(hours=hours)
            before = self._walk(work.failures, earliest, since)
            for failure in before.everything(job_type, task_type) if tallies else ():
                known = tallies.get(kind_of_failure(failure).fingerprint)
                if known is not None:
                    known.before += 1
        totals = ErrorTotals(
            since=since,
            until=until,
            failures=failures,
            groups=len(tallies),
            ungrouped=ungrouped,
            looked_at=self._most_failures,
            was_cut=now.was_cut,
            before_was_cut=before.was_cut,
        )
        return _Survey(sorted(tallies.values(), key=_place), totals)

    def _add(self, tallies: dict[str, _Tally], failure: Failure) -> bool:
        """False where it belongs to a group beyond those that are kept."""
        kind = kind_of_failure(failure)
        tally = tallies.get(kind.fingerprint)
        if tally is None:
            if len(tallies) >= self._most_groups:
                return False
            tally = tallies[kind.fingerprint] = _Tally(kind, failure, failure.failed_at)
        tally.add(failure)
        return True

    def _walk(
        self, failures: Failures, since: datetime, until: datetime, *, with_job_type: bool = False
    ) -> FailureWalk:
        return FailureWalk(
            failures,
            since,
            until,
            most=self._most_failures,
            batch=self._batch,
            with_job_type=with_job_type,
        )

    def _samples(self, newest: Sequence[Failure]) -> list[Sample]:
        """The texts of these; None where the task or job has been changed or removed since."""
        if not newest:
            return []
        task_ids = [one.task_id for one in newest if one.task_id is not None]
        job_ids = [one.job_id for one in newest if one.task_id is None]
        with self._database.read() as work:
            of_tasks = work.failures.task_texts(task_ids, longest=LONGEST_TEXT) if task_ids else {}
            of_jobs = work.failures.job_texts(job_ids, longest=LONGEST_TEXT) if job_ids else {}
        return [
            Sample(
                job_id=one.job_id,
                task_id=one.task_id,
                failed_at=one.failed_at,
                error_details=of_tasks.get(one.task_id)
                if one.task_id is not None
                else of_jobs.get(one.job_id),
            )
            for one in newest
        ]


def trend_of(count: int, before: int) -> Trend:
    if before == 0:
        return Trend(before=0, change=None, direction="new")
    change = count / before
    direction: Direction = (
        "rising" if change >= RISING else "falling" if change <= FALLING else "steady"
    )
    return Trend(before=before, change=round(change, 4), direction=direction)


def _place(tally: _Tally) -> tuple[int, str]:
    return -tally.count, tally.kind.fingerprint


def _failed_task(failure: Failure) -> FailedTask:
    return FailedTask(
        task_id=failure.task_id or "",
        job_id=failure.job_id,
        task_type=failure.task_type or "",
        stage=failure.stage,
        retry_count=failure.retry_count,
        failed_at=failure.failed_at,
    )
