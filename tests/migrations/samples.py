"""Sample migrations, a database of one's own, and what a command answers."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg


@dataclass(frozen=True)
class Outcome:
    """What a command answered."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


class Folder:
    """Sample migrations in `engine/migrations`, as in the repository's `sql`."""

    def __init__(self, path: Path) -> None:
        self.path = path / "engine" / "migrations"
        self.path.mkdir(parents=True)

    def write(self, stem: str, up: str, down: str | None = None) -> None:
        (self.path / f"{stem}.up.sql").write_text(up)
        if down is not None:
            (self.path / f"{stem}.down.sql").write_text(down)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The URL of an empty database on a server, dropped after."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
