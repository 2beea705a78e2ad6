"""What the functions of this process came to, until the store is told."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from repositories.records.processes import JobRuns

OLD_SECONDS = 10.0
SAMPLES = 20
SAMPLING_SECONDS = 300.0


@dataclass(slots=True)
class Count:
    """Executions of one job, added up."""

    successes: int = 0
    failures: int = 0
    total_ms: float = 0.0
    least_ms: float = float("inf")
    most_ms: float = 0.0
    succeeded_at: float | None = None
    failed_at: float | None = None

    def add(self, succeeded: bool, duration_ms: float, now: float) -> None:
        self.total_ms += duration_ms
        if duration_ms < self.least_ms:
            self.least_ms = duration_ms
        if duration_ms > self.most_ms:
            self.most_ms = duration_ms
        if succeeded:
            self.successes += 1
            self.succeeded_at = now
        else:
            self.failures += 1
            self.failed_at = now

    def add_all(self, other: "Count") -> None:
        self.successes += other.successes
        self.failures += other.failures
        self.total_ms += other.total_ms
        self.least_ms = min(self.least_ms, other.least_ms)
        self.most_ms = max(self.most_ms, other.most_ms)
        self.succeeded_at = _later(self.succeeded_at, other.succeeded_at)
        self.failed_at = _later(self.failed_at, other.failed_at)

    def runs(self, job_id: str, now: float) -> JobRuns:
        return JobRuns(
            job_id=job_id,
            successes=self.successes,
            failures=self.failures,
            total_duration_ms=self.total_ms,
            min_duration_ms=self.least_ms,
            max_duration_ms=self.most_ms,
            success_age_seconds=None if self.succeeded_at is None else now - self.succeeded_at,
            failure_age_seconds=None if self.failed_at is None else now - self.failed_at,
        )


def _later(one: float | None, other: float | None) -> float | None:
    return max((at for at in (one, other) if at is not None), default=None)


@dataclass(slots=True)
class Reservoir:
    """A few of any number of durations, each as likely to be kept as any other."""

    seen: int = 0
    kept: list[float] = field(default_factory=list)

    def add(self, duration_ms: float) -> None:
        self.seen += 1
        if self.seen <= SAMPLES:
            self.kept.append(duration_ms)
        elif (place := int(random.random() * self.seen)) < SAMPLES:  # noqa: S311 - a sample
            self.kept[place] = duration_ms


@dataclass(frozen=True, slots=True)
class Taken:
    """What was noted since the last time, by job_id.

    `slowest` has the longest duration of each job that shows its speed, in ms; `samples` a few
    durations of each, where they are due.
    """

    counts: Mapping[str, Count]
    slowest: Mapping[str, float]
    samples: Mapping[str, Sequence[float]]


class Tally:
    """Any thread notes; whoever finds what was noted older than ten seconds has it reported.

    It grows with the functions of the app, not with their executions.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._counts: dict[str, Count] = {}
        self._slowest: dict[str, float] = {}
        self._samples: dict[str, Reservoir] = {}
        self._report: Callable[[], object] = lambda: None
        self._report_at = clock() + OLD_SECONDS
        self._sample_at = clock() + SAMPLING_SECONDS

    def report_to(self, report: Callable[[], object]) -> None:
        """Called by threads that have an answer to give: it must not take long."""
        self._report = report

    def note(
        self,
        job_id: str,
        *,
        succeeded: bool,
        duration_ms: float,
        is_typical: bool = True,
        may_report: bool = True,
    ) -> None:
        """One execution. One `is_typical` where its duration says how long the job takes."""
        now = self._clock()
        with self._lock:
            count = self._counts.get(job_id)
            if count is None:
                count = self._counts[job_id] = Count()
            count.add(succeeded, duration_ms, now)
            if is_typical:
                self._watch(job_id, duration_ms)
            is_old = may_report and now >= self._report_at
            if is_old:
                self._report_at = now + OLD_SECONDS
        if is_old:
            self._report()

    def watch(self, job_id: str, duration_ms: float) -> None:
        """The speed of an execution that is counted elsewhere."""
        with self._lock:
            self._watch(job_id, duration_ms)

    def take(self) -> Taken:
        """What is taken is noted no longer."""
        now = self._clock()
        with self._lock:
            counts, self._counts = self._counts, {}
            slowest, self._slowest = self._slowest, {}
            samples: dict[str, Reservoir] = {}
            if now >= self._sample_at:
                samples, self._samples = self._samples, {}
                self._sample_at = now + SAMPLING_SECONDS
            self._report_at = now + OLD_SECONDS
        return Taken(counts, slowest, {job_id: one.kept for job_id, one in samples.items()})

    def put_back(self, taken: Taken) -> None:
        """The store could not be told."""
        with self._lock:
            for job_id, count in taken.counts.items():
                self._counts.setdefault(job_id, Count()).add_all(count)
            for job_id, duration_ms in taken.slowest.items():
                self._slowest[job_id] = max(duration_ms, self._slowest.get(job_id, -1.0))
            if taken.samples:
                self._sample_at = self._clock()
            for job_id, durations in taken.samples.items():
                self._sample(job_id, durations)

    def runs(self, counts: Mapping[str, Count]) -> list[JobRuns]:
        now = self._clock()
        return [count.runs(job_id, now) for job_id, count in counts.items()]

    def _watch(self, job_id: str, duration_ms: float) -> None:
        if duration_ms > self._slowest.get(job_id, -1.0):
            self._slowest[job_id] = duration_ms
        self._sample(job_id, (duration_ms,))

    def _sample(self, job_id: str, durations: Sequence[float]) -> None:
        reservoir = self._samples.get(job_id)
        if reservoir is None:
            reservoir = self._samples[job_id] = Reservoir()
        for duration_ms in durations:
            reservoir.add(duration_ms)
