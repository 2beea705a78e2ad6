"""Scratch stores for the benches: migrated, filled, and planned for what is in them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from devhost.postgres import scratch_postgres
from repositories.migrations.__main__ import main as migrate

FOLDER = Path(__file__).parent


@contextmanager
def migrated_store() -> Iterator[str]:
    """The URL of a store that lives as long as the block; its login may make databases."""
    with scratch_postgres() as postgres:
        with redirect_stdout(sys.stderr):
            if migrate(["--url", postgres.url, "up"]) != 0:
                raise RuntimeError("the scratch store cannot be migrated")
        yield postgres.url


def copy_of(url: str, name: str) -> str:
    """Copy a database that nobody is connected to, under this name, and give the copy's URL."""
    parts = urlsplit(url)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{parts.path.lstrip("/")}"'.encode())
    return urlunsplit(parts._replace(path=f"/{name}"))


def fill(url: str, script: str) -> None:
    """Run a script of this folder, then settle the tables as autovacuum would in time."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((FOLDER / script).read_bytes())
        connection.execute("VACUUM ANALYZE")
