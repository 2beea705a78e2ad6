"""What does not get on by itself."""

from collections.abc import Collection, Mapping, Sequence

from repositories.contracts.databases import Session
from repositories.counting import build_counted
from repositories.records.rows import Counted
from repositories.records.trouble import (
    Orphan,
    RetriedJob,
    RetriedTask,
    StageTask,
    StalledJob,
    StuckTask,
)


class SqlPoison:
    def __init__(self, session: Session) -> None:
        self._session = session

    def stuck_tasks(
        self, *, floor_seconds: int, sample: int, hours: int | None = None, limit: int
    ) -> Counted[StuckTask]:
        rows = self._session.rows(
            "poison.stuck_tasks",
            floor_seconds=floor_seconds,
            sample=sample,
            hours=hours,
            limit=limit,
        )
        return build_counted(StuckTask, rows)

    def retried_tasks(
        self, *, least: int, looked_at: int, hours: int | None = None, longest: int, limit: int
    ) -> Counted[RetriedTask]:
        rows = self._session.rows(
            "poison.retried_tasks",
            least=least,
            looked_at=looked_at,
            hours=hours,
            longest=longest,
            limit=limit,
        )
        return build_counted(RetriedTask, rows)

    def retried_jobs(
        self, *, least: int, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[RetriedJob]:
        rows = self._session.rows(
            "poison.retried_jobs", least=least, looked_at=looked_at, hours=hours, limit=limit
        )
        return build_counted(RetriedJob, rows)

    def stalled_jobs(
        self, *, quiet_seconds: int, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[StalledJob]:
        rows = self._session.rows(
            "poison.stalled_jobs",
            quiet_seconds=quiet_seconds,
            looked_at=looked_at,
            hours=hours,
            limit=limit,
        )
        return build_counted(StalledJob, rows)

    def tasks_of_stalled(
        self, job_ids: Collection[str], *, limit: int
    ) -> Mapping[str, Sequence[StageTask]]:
        found: dict[str, list[StageTask]] = {job_id: [] for job_id in job_ids}
        for row in self._session.rows("poison.tasks_of_stalled", job_ids=[*job_ids], limit=limit):
            columns = {name: row[name] for name in row if name != "job_id"}
            found[row["job_id"]].append(StageTask(**columns))
        return found

    def has_foreign_key(self) -> bool:
        row = self._session.row("poison.foreign_key")
        return row is not None and bool(row["is_held"])

    def tasks_without_job(
        self, *, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[Orphan]:
        rows = self._session.rows(
            "poison.tasks_without_job", looked_at=looked_at, hours=hours, limit=limit
        )
        return build_counted(Orphan, rows)

    def tasks_left_behind(
        self, *, looked_at: int, hours: int | None = None, limit: int
    ) -> Counted[Orphan]:
        rows = self._session.rows(
            "poison.tasks_left_behind", looked_at=looked_at, hours=hours, limit=limit
        )
        return build_counted(Orphan, rows)
