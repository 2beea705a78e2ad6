"""Scratch stores for the benches: migrated, filled, and planned for what is in them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from devhost.postgres import EmbeddedPostgres
from devhost.postgres.scratch import scratch_folder
from repositories.migrations.__main__ import main as migrate

FOLDER = Path(__file__).parent


@contextmanager
def migrated_store(*, durable: bool = False) -> Iterator[str]:
    """The URL of a store that lives as long as the block; its login may make databases.

    A `durable` one waits for its disk at each commit, as one that is to last does.
    """
    with migrated_server(durable=durable) as postgres:
        yield postgres.url


@contextmanager
def migrated_server(*, durable: bool) -> Iterator[EmbeddedPostgres]:
    with scratch_folder() as folder, EmbeddedPostgres(folder / "postgres") as postgres:
        postgres.start(durable=durable)
        with redirect_stdout(sys.stderr):
            if migrate(["--url", postgres.url, "up"]) != 0:
                raise RuntimeError("the scratch store cannot be migrated")
        yield postgres


def configure(server: EmbeddedPostgres, *, durable: bool, **settings: object) -> None:
    """Start a server anew with these settings of its own."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}".encode())
    server.stop()
    os.sync()
    server.start(durable=durable)


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
