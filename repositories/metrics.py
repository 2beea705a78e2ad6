"""How often each job ran, how long it took, and how it ended."""

from collections.abc import Sequence

from repositories.contracts.databases import Session
from repositories.records.processes import JobMetric
from repositories.records.rows import Json, build


class SqlMetrics:
    def __init__(self, session: Session) -> None:
        self._session = session

    def count(self, job_id: str, *, succeeded: bool, duration_ms: float, metadata: Json) -> None:
        self._session.run(
            "metrics.count",
            job_id=job_id,
            succeeded=succeeded,
            duration_ms=duration_ms,
            metadata=metadata,
        )

    def totals(self) -> Sequence[JobMetric]:
        return build(JobMetric, self._session.rows("metrics.totals"))
