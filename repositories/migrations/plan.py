"""Which migrations a command has to run, in order. Pure: knows no database and no Alembic."""

from collections.abc import Sequence
from dataclasses import dataclass

from repositories.migrations.errors import MigrationError
from repositories.revisions import Migration


@dataclass(frozen=True, slots=True)
class Plan:
    """The migrations to run, in the order to run them, and where that leads (None: base)."""

    migrations: tuple[Migration, ...]
    upwards: bool
    start: str | None
    end: str | None


def plan_up(migrations: Sequence[Migration], applied: str | None, target: str) -> Plan:
    """`target` is a revision, or `head` for the newest one."""
    start = position_of(migrations, applied)
    end = len(migrations) if target == "head" else position_of(migrations, target)
    if end < start:
        raise MigrationError(f"{target} is applied already: the database is at {applied}")
    return Plan(tuple(migrations[start:end]), True, applied, _at(migrations, end))


def plan_down(migrations: Sequence[Migration], applied: str | None, target: str) -> Plan:
    """`target` is a revision to stay at, `base`, or -N for N steps."""
    start = position_of(migrations, applied)
    end = start + int(target) if target.startswith("-") else _end(migrations, target)
    if end < 0:
        raise MigrationError(f"there are not {target[1:]} migrations to undo: {start} applied")
    if end > start:
        raise MigrationError(f"{target} is not applied: the database is at {applied or 'base'}")
    undone = tuple(reversed(migrations[end:start]))
    return Plan(undone, False, applied, _at(migrations, end))


def plan_mark(migrations: Sequence[Migration], applied: str | None, target: str) -> Plan:
    """What would lead to `target`, up or down: a revision, `head` or `base`."""
    end = len(migrations) if target == "head" else _end(migrations, target)
    if end < position_of(migrations, applied):
        return plan_down(migrations, applied, _at(migrations, end) or "base")
    return plan_up(migrations, applied, _at(migrations, end) or "head")


def position_of(migrations: Sequence[Migration], revision: str | None) -> int:
    """How many migrations lead to a revision; MigrationError where no file has its number."""
    revisions = [None, *(migration.revision for migration in migrations)]
    if revision not in revisions:
        newest = revisions[-1] or "base"
        raise MigrationError(f"revision {revision} is not among the files: the newest is {newest}")
    return revisions.index(revision)


def _end(migrations: Sequence[Migration], target: str) -> int:
    return 0 if target == "base" else position_of(migrations, target)


def _at(migrations: Sequence[Migration], position: int) -> str | None:
    return migrations[position - 1].revision if position else None
