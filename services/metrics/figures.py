"""How often jobs ran, how they went, and how fast they are."""

from repositories.contracts.store import Store
from repositories.records.speeds import JobFigures
from services.errors import NotFound
from services.pages import Page, cut


class MetricsService:
    def __init__(self, store: Store) -> None:
        self._store = store

    def jobs(
        self,
        *,
        prefix: str | None,
        regressed_hours: int | None,
        after: str | None,
        limit: int,
    ) -> Page[JobFigures]:
        """By job_id; those that begin so, and that were far from normal in the last hours."""
        with self._store.read() as work:
            rows = work.metrics.page(
                prefix=prefix, regressed_hours=regressed_hours, after=after, limit=limit + 1
            )
        return cut(rows, limit, lambda job: (job.job_id,))

    def job(self, job_id: str) -> Page[JobFigures]:
        """The one, as a page; NotFound where it has never run."""
        with self._store.read() as work:
            rows = work.metrics.page(job_id=job_id, limit=1)
        if not rows:
            raise NotFound(f"no job {job_id} has run")
        return Page(rows)
