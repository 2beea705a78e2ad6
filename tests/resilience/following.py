"""Every slot that is taken, written down by the store itself, and what came of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from services.schedules import jitter_of, next_slot

Connection = psycopg.Connection[Any]

ENDED = {"Completed", "Failed"}
NOTING = """
-- When a slot was taken: between these two, since it is taken and written down in one transaction.
CREATE TABLE public.taken (
    indicator_id uuid, slot_at timestamptz, not_before timestamptz, not_after timestamptz);
CREATE FUNCTION public.note_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.taken VALUES (NEW.indicator_id, NEW.slot_at, now(), clock_timestamp());
    RETURN NEW;
END $$;
CREATE TRIGGER noted AFTER INSERT ON monitoring.worker_jobs
    FOR EACH ROW EXECUTE FUNCTION public.note_taken();
"""


@dataclass(frozen=True)
class Taken:
    """A slot that some host took, and what came of it."""

    slot_at: datetime
    not_before: datetime
    not_after: datetime
    jobs: Sequence[str]
    results: int


@dataclass(frozen=True)
class Followed:
    """A KPI, the first of its slots and the next, and what was taken in between."""

    name: str
    schedule: str
    jitter_seconds: int
    first: datetime
    next: datetime
    taken: list[Taken] = field(default_factory=list)

    def assert_no_slot_was_lost(self) -> None:
        """Each slot that was taken leads to the next after the time that it was taken at."""
        first, *came = [*(one.slot_at for one in self.taken), self.next]
        assert first == self.first, self.name
        for one, following in zip(self.taken, came, strict=True):
            earliest, latest = (
                self._next(one.slot_at, now) for now in (one.not_before, one.not_after)
            )
            assert earliest <= following <= latest, (self.name, one)

    def assert_results_agree_with_jobs(self) -> None:
        """One job for each slot, and one result as soon as that has ended."""
        for one in self.taken:
            assert len(one.jobs) == 1, (self.name, one)
            assert one.results == (1 if one.jobs[0] in ENDED else 0), (self.name, one)

    def _next(self, slot_at: datetime, now: datetime) -> datetime:
        jitter = jitter_of(self.name, self.jitter_seconds)
        return next_slot(self.schedule, slot_at=slot_at, now=now, jitter=jitter)


def note_taken_slots(connection: Connection) -> None:
    """From now on."""
    connection.execute(NOTING.encode())


def put_off(connection: Connection) -> Mapping[str, datetime]:
    """Nothing is due any more; what would have been the next slot of each KPI, by its id."""
    rows = connection.execute(
        """
        WITH before AS (
            SELECT indicator_id, next_due_at FROM monitoring.indicators FOR UPDATE)
        UPDATE monitoring.indicators AS indicator
           SET next_due_at = before.next_due_at + interval '1 year'
          FROM before
         WHERE before.indicator_id = indicator.indicator_id
        RETURNING indicator.indicator_id::text, before.next_due_at
        """
    ).fetchall()
    return dict(rows)


def follow(
    connection: Connection, first: Mapping[str, datetime], following: Mapping[str, datetime]
) -> list[Followed]:
    """Each KPI that has a `first` slot, with all that was taken of it in order."""
    rows = connection.execute(
        "SELECT indicator_id::text, indicator_name, schedule, jitter_seconds"
        "  FROM monitoring.indicators"
    ).fetchall()
    found = {
        kpi_id: Followed(name, schedule, jitter, first=first[kpi_id], next=following[kpi_id])
        for kpi_id, name, schedule, jitter in rows
        if kpi_id in first
    }
    for kpi_id, one in taken(connection):
        if kpi_id in found:
            found[kpi_id].taken.append(one)
    return [*found.values()]


def taken(connection: Connection) -> list[tuple[str, Taken]]:
    with connection.cursor(row_factory=class_row(Taken)) as cursor:
        slots = cursor.execute(
            """
            SELECT slot_at, not_before, not_after,
                   ARRAY (SELECT job.status::text FROM monitoring.worker_jobs AS job
                           WHERE (job.indicator_id, job.slot_at)
                               = (taken.indicator_id, taken.slot_at)) AS jobs,
                   (SELECT count(*) FROM monitoring.database_monitoring_results AS result
                     WHERE (result.indicator_id, result.slot_at)
                         = (taken.indicator_id, taken.slot_at)) AS results
              FROM public.taken
             ORDER BY indicator_id, slot_at
            """
        ).fetchall()
    ids = connection.execute(
        "SELECT indicator_id::text FROM public.taken ORDER BY indicator_id, slot_at"
    ).fetchall()
    return [(kpi_id, slot) for (kpi_id,), slot in zip(ids, slots, strict=True)]


def results_without_a_job(connection: Connection) -> int:
    row = connection.execute(
        """
        SELECT count(*) FROM monitoring.database_monitoring_results AS result
         WHERE NOT EXISTS (
                   SELECT FROM monitoring.worker_jobs AS job
                    WHERE (job.indicator_id, job.slot_at) = (result.indicator_id, result.slot_at))
        """
    ).fetchone()
    assert row is not None
    return int(row[0])
