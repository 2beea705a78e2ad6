"""All that failed in a window, in batches, and what kind of failure each is."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain

from repositories.contracts.jobs import Failures
from repositories.records.trouble import Failure
from services.fingerprints import Excerpt, Kind, kind_of

BATCH = 10_000


class FailureWalk:
    """All that failed from one time to another, up to `most` tasks and as many jobs."""

    def __init__(
        self,
        failures: Failures,
        since: datetime,
        until: datetime,
        *,
        most: int,
        batch: int = BATCH,
        with_job_type: bool = False,
    ) -> None:
        self._failures = failures
        self._since, self._until = since, until
        self._most, self._batch, self._with_job_type = most, batch, with_job_type
        self.was_cut = False

    def everything(self, job_type: str | None, task_type: str | None) -> Iterator[Failure]:
        """A job has no task type: where one is asked for, there are only tasks."""
        tasks = self.tasks(job_type, task_type)
        return tasks if task_type is not None else chain(tasks, self.jobs(job_type))

    def tasks(self, job_type: str | None = None, task_type: str | None = None) -> Iterator[Failure]:
        return self._batches(
            lambda after, limit: self._failures.of_tasks(
                since=self._since,
                until=self._until,
                job_type=job_type,
                task_type=task_type,
                with_job_type=self._with_job_type,
                after=after,
                limit=limit,
            )
        )

    def jobs(self, job_type: str | None = None) -> Iterator[Failure]:
        return self._batches(
            lambda after, limit: self._failures.of_jobs(
                since=self._since, until=self._until, job_type=job_type, after=after, limit=limit
            )
        )

    def _batches(self, ask: Callable[[Failure | None, int], list[Failure]]) -> Iterator[Failure]:
        after, left = None, self._most
        while True:
            limit = min(self._batch, left)
            found = ask(after, limit + 1)
            yield from found[:limit]
            left -= limit
            if len(found) <= limit:
                return
            if left <= 0:
                self.was_cut = True
                return
            after = found[limit - 1]


def kind_of_failure(failure: Failure) -> Kind:
    return kind_of(Excerpt(failure.head or "", failure.tail))
