"""How much fails elsewhere in the same way as something that is looked at."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from repositories.contracts.jobs import JobsDatabase
from services.caching import Cache
from services.failure_walks import FailureWalk, kind_of_failure
from services.fingerprints import Kind, kind_of_text

LOOKED_AT_ELSEWHERE = 5_000
"""So many failed tasks, and failed jobs, of the window are looked at, the newest."""
JobsByFingerprint = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSize:
    """How many failures elsewhere are like one error text, and in how many jobs."""

    fingerprint: str
    error_type: str | None
    message: str
    count: int
    jobs: int


class FailureSizes:
    def __init__(self, database: JobsDatabase, *, cache: Cache) -> None:
        self._database, self._cache = database, cache

    def sizes_of(
        self, error_texts: Iterable[str], *, hours: int, except_job: str | None
    ) -> Mapping[str, GroupSize]:
        """By text, how much failed in the same way in other jobs within the last hours.

        As old as the cache allows.
        """
        known = self._cache.get(("sizes", hours), lambda: self._count(hours)).value
        return {text: _size(kind_of_text(text), known, except_job) for text in error_texts}

    def _count(self, hours: int) -> JobsByFingerprint:
        counts: dict[str, Counter[str]] = {}
        with self._database.read() as work:
            since, until = work.failures.window(hours=hours)
            walk = FailureWalk(work.failures, since, until, most=LOOKED_AT_ELSEWHERE)
            for failure in walk.everything(None, None):
                fingerprint = kind_of_failure(failure).fingerprint
                counts.setdefault(fingerprint, Counter())[failure.job_id] += 1
        return counts


def _size(kind: Kind, known: JobsByFingerprint, except_job: str | None) -> GroupSize:
    by_job = known.get(kind.fingerprint, {})
    own = by_job.get(except_job, 0) if except_job is not None else 0
    return GroupSize(
        fingerprint=kind.fingerprint,
        error_type=kind.error_type,
        message=kind.message,
        count=sum(by_job.values()) - own,
        jobs=len(by_job) - (own > 0),
    )
