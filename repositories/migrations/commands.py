"""What each command of `python -m repositories.migrations` does, given where to work."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TextIO

from repositories.migrations.catalogue import assemble_schema, read_snapshot, write_snapshot
from repositories.migrations.database import Database, open_database
from repositories.migrations.differences import compare_schemas
from repositories.migrations.errors import MigrationError
from repositories.migrations.plan import Plan, plan_down, plan_mark, plan_up
from repositories.revisions import Migration
from repositories.urls import DatabaseUrl

Planner = Callable[[str | None], Plan]


@dataclass(frozen=True, slots=True)
class Place:
    """The database, the files for it, and how long to wait for the lock (seconds)."""

    url: DatabaseUrl
    folder: Path
    migrations: tuple[Migration, ...]
    lock_timeout: float
    output: TextIO

    @property
    def snapshot(self) -> Path:
        return self.folder.parent / "schema.json"

    @property
    def newest(self) -> str | None:
        return self.migrations[-1].revision if self.migrations else None

    def say(self, line: str) -> None:
        self.output.write(f"{line}\n")
        self.output.flush()


def up(place: Place, target: str) -> int:
    return _migrate(place, lambda applied: plan_up(place.migrations, applied, target))


def down(place: Place, target: str) -> int:
    return _migrate(place, lambda applied: plan_down(place.migrations, applied, target))


def mark(place: Place, target: str) -> int:
    with open_database(place.url) as database, _only_one(database, place):
        plan = plan_mark(place.migrations, database.read_applied(), target)
        from repositories.migrations.chain import SqlChain
        from repositories.migrations.runner import mark_plan

        mark_plan(database, SqlChain(place.folder, place.migrations), plan)
        place.say(f"marked: the database counts as being at {plan.end or 'base'}")
        return 0


def status(place: Place) -> int:
    with open_database(place.url) as database:
        applied, times = database.read_applied(), database.read_times()
    done = [m for m in place.migrations if applied is not None and m.revision <= applied]
    for migration in place.migrations:
        state = "applied" if migration in done else "pending"
        at = times.get(migration.revision) if migration in done else None
        when = f"  {at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""
        place.say(f"{migration.revision}  {migration.name:<30}  {state}{when}")
    if applied is not None and applied not in [m.revision for m in done]:
        place.say(f"{applied}  is applied, and not among these files")
    return 0


def verify(place: Place) -> int:
    """1 where something is missing or different, unless another application made it so."""
    revision, expected = read_snapshot(place.snapshot)
    if revision != place.newest:
        raise MigrationError(
            f"{place.snapshot.name} is of {revision}, the files go to {place.newest}: "
            "run `up` on an empty database, then `snapshot`"
        )
    with open_database(place.url) as database:
        _check_newest(place, database)
        live, elsewhere = assemble_schema(database.read_catalogue()), database.read_elsewhere()
    differences = compare_schemas(expected, live, elsewhere)
    for difference in differences:
        place.say(str(difference))
    bad = sum(difference.matters for difference in differences)
    count = "1 difference" if bad == 1 else f"{bad} differences"
    place.say(count if bad else f"the schema is that of {revision}")
    return 1 if bad else 0


def snapshot(place: Place) -> int:
    with open_database(place.url) as database:
        _check_newest(place, database)
        schema = assemble_schema(database.read_catalogue())
    write_snapshot(place.snapshot, place.newest or "base", schema)
    place.say(str(place.snapshot))
    return 0


def _migrate(place: Place, planner: Planner) -> int:
    """Import Alembic only where there is something to run: it costs most of a second."""
    began = time.monotonic()
    with open_database(place.url) as database:
        plan = planner(database.read_applied())
        if plan.migrations:
            with _only_one(database, place):
                plan = planner(database.read_applied())
                _run(place, database, plan)
    if plan.migrations:
        place.say(f"the database is at {plan.end or 'base'} ({time.monotonic() - began:.1f} s)")
    else:
        place.say(f"nothing to do: the database is at {plan.end or 'base'}")
    return 0


def _run(place: Place, database: Database, plan: Plan) -> None:
    if not plan.migrations:  # another run did it while this one waited
        return
    from repositories.migrations.chain import SqlChain
    from repositories.migrations.runner import run_plan

    run_plan(database, SqlChain(place.folder, place.migrations), plan, place.say)


@contextmanager
def _only_one(database: Database, place: Place) -> Iterator[None]:
    """Hold the lock, which ends with the connection, and have the schema to write versions in."""
    if not database.try_lock():
        sys.stderr.write(
            f"another migration of this database is running: waiting for up to "
            f"{place.lock_timeout:g} s\n"
        )
        database.lock(place.lock_timeout)
    database.prepare()
    yield


def _check_newest(place: Place, database: Database) -> None:
    applied = database.read_applied()
    if applied != place.newest:
        raise MigrationError(
            f"the database is at {applied or 'base'}, the files go to {place.newest}: run `up`"
        )
