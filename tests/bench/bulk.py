"""Filling tables fast: their keys and indexes are made anew behind the rows."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from repositories.statements import Statement, compile_statement, sections

WORKERS = 2
OPTIONS = "-c maintenance_work_mem=1GB -c max_parallel_maintenance_workers=1"


@dataclass(frozen=True, slots=True)
class TakenOff:
    """What makes the indexes and the keys again."""

    indexes: Sequence[str]
    keys: Sequence[str]


def statements_in(script: Path) -> Mapping[str, Statement]:
    texts = dict(sections(script.read_text("utf-8")))
    return {name: compile_statement(text, "%s", {}) for name, text in texts.items()}


def run_statement(url: str, statement: Statement, values: Mapping[str, object]) -> None:
    text, bound = statement.bind(values)
    with psycopg.connect(url, autocommit=True) as connection:
        psycopg.ClientCursor(connection).execute(text.encode(), bound)


@contextmanager
def without_indexes(url: str, tables: Sequence[str]) -> Iterator[None]:
    """Inside the block these tables, named with their schema, have neither keys nor indexes."""
    taken = _take_off(url, tables)
    yield
    run_at_once(url, taken.indexes)
    for key in taken.keys:
        run_at_once(url, [key])


def run_at_once(url: str, commands: Sequence[str]) -> None:
    def run(command: str) -> None:
        with psycopg.connect(url, autocommit=True, options=OPTIONS) as connection:
            connection.execute(command.encode())

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(run, commands))


def _take_off(url: str, tables: Sequence[str]) -> TakenOff:
    with psycopg.connect(url, autocommit=True) as connection:
        keys = connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
            "  FROM pg_constraint"
            " WHERE contype IN ('p', 'f', 'u')"
            "   AND (conrelid = ANY (%(tables)s::regclass[])"
            "        OR confrelid = ANY (%(tables)s::regclass[]))"
            " ORDER BY contype DESC",
            {"tables": [*tables]},
        ).fetchall()
        for table, name, _ in sorted(keys, key=lambda key: key[2].startswith("PRIMARY")):
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        indexes = connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = ANY (%s::regclass[])",
            [[*tables]],
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
    return TakenOff(
        [definition for _, definition in indexes],
        [f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}" for table, name, text in keys],
    )
