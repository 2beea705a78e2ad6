"""The migrations that exist, by their file names, and which of them a database still lacks.

A migration is `sql/<engine>/migrations/NNNN_name.up.sql` with its `NNNN_name.down.sql`; its
revision is NNNN, counted from 0001 without gaps. Cheap to import and to call: the app uses it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from repositories.errors import StorageError
from repositories.statements import ROOT

FILE_NAME = re.compile(r"(\d{4})_(\w+)\.(up|down)\.sql")


class BadMigrations(StorageError):
    """The migration files do not make one unbroken line."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema and the way back."""

    revision: str
    name: str
    up: Path
    down: Path


def known(engine: str) -> tuple[str, ...]:
    """The revisions of an engine, oldest first."""
    return tuple(migration.revision for migration in _known_migrations(engine))


def pending(applied: str | None, engine: str) -> list[str]:
    """The revisions after `applied` (None: a database without any), oldest first.

    Empty too where the database is ahead of these files: then `applied` is not among `known`.
    """
    return [revision for revision in known(engine) if applied is None or revision > applied]


def folder_of(engine: str) -> Path:
    return ROOT / engine / "migrations"


def read_migrations(folder: Path) -> tuple[Migration, ...]:
    """The migrations of a folder, oldest first. BadMigrations names the file that is wrong."""
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix == ".sql")
    except OSError as error:
        raise BadMigrations(f"{folder}: {error.strerror}") from error
    matches = [_match(folder, name) for name in names]
    ups = _by_revision(match for match in matches if match[3] == "up")
    downs = _by_revision(match for match in matches if match[3] == "down")
    _check_pairs(ups, downs)
    _check_line(list(ups))
    return tuple(
        Migration(revision, up[2], folder / up[0], folder / downs[revision][0])
        for revision, up in ups.items()
    )


@cache
def _known_migrations(engine: str) -> tuple[Migration, ...]:
    return read_migrations(folder_of(engine))


def _match(folder: Path, name: str) -> re.Match[str]:
    match = FILE_NAME.fullmatch(name)
    if match is None:
        raise BadMigrations(f"{folder / name}: not NNNN_name.up.sql or NNNN_name.down.sql")
    return match


def _by_revision(matches: Iterable[re.Match[str]]) -> dict[str, re.Match[str]]:
    found: dict[str, re.Match[str]] = {}
    for match in matches:
        other = found.setdefault(match[1], match)
        if other is not match:
            raise BadMigrations(f"{other[0]} and {match[0]} have the same number")
    return found


def _check_pairs(ups: dict[str, re.Match[str]], downs: dict[str, re.Match[str]]) -> None:
    stems = {f"{match[1]}_{match[2]}" for match in ups.values()}
    others = {f"{match[1]}_{match[2]}" for match in downs.values()}
    for stem in sorted(stems ^ others):
        there, missing = ("up", "down") if stem in stems else ("down", "up")
        raise BadMigrations(f"{stem}.{there}.sql has no {stem}.{missing}.sql")


def _check_line(revisions: Sequence[str]) -> None:
    for number, revision in enumerate(revisions, start=1):
        if revision != f"{number:04}":
            raise BadMigrations(f"migration {number:04} is missing: the next file is {revision}")
