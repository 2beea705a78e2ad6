"""What the server would do for a statement of ours, and with which values it is asked."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import psycopg

from repositories.layouts import EVERYTHING, flags_of
from repositories.statements import ROOT, Catalogue, Statement, Variant, load, sections
from tests.bench.volumes import BIG_JOB

TABLES = {"jobs", "tasks"}
MENTIONS = re.compile(r"\{(?:jobs|tasks)\}")
MORE = 60
Plan = Mapping[str, Any]


def catalogue() -> Catalogue:
    """The statements as they are asked on tables of our own."""
    ours = load("postgres", "%s", {"schema": "app"}).relations(flags_of(EVERYTHING))
    return load("postgres", "%s", {"schema": "app", **ours})


def statements_on_jobs() -> list[str]:
    """The names of all that read the jobs or their tasks."""
    return [
        f"{path.stem}.{name}"
        for path in sorted((ROOT / "postgres").glob("*.sql"))
        for name, text in sections(path.read_text("utf-8"))
        if path.stem != "relations" and MENTIONS.search(text)
    ]


def combinations_of(statement: Statement) -> Iterator[frozenset[str]]:
    """What may be given at once: each optional one, each two, all, and some others."""
    needed = statement.parameters - _optional(statement)
    free = sorted((statement.parameters | statement.flags) - needed)
    for size in (0, 1, 2, len(free)):
        yield from (frozenset(needed | {*some}) for some in combinations(free, size))
    chance = random.Random(1)  # noqa: S311 - the same each time
    for _ in range(MORE if len(free) > 2 else 0):
        some = [name for name in free if chance.random() < 0.5]
        yield frozenset(needed | {*some})


def plan_of(connection: psycopg.Connection[Any], text: str, values: Sequence[object]) -> Plan:
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {text}".encode(), values).fetchone()
    assert row is not None
    plan: Plan = row[0][0]["Plan"]
    return plan


def tables_read_whole(plan: Plan) -> set[str]:
    """The names of those of our tables that a plan reads from one end to the other."""
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return (own & TABLES).union(*(tables_read_whole(part) for part in plan.get("Plans", ())))


def values_for(
    connection: psycopg.Connection[Any], variant: Variant, known: Mapping[str, object]
) -> list[object]:
    """A likely value for each parameter: by its name, else of the type that the server takes."""
    unknown = [name for name in variant.names if name not in known]
    types = _types(connection, variant) if unknown else [""] * len(variant.names)
    return [
        known[name] if name in known else _of_type(kind)
        for name, kind in zip(variant.names, types, strict=True)
    ]


def _optional(statement: Statement) -> set[str]:
    return {condition for _, condition, _ in statement.lines if condition}


def _types(connection: psycopg.Connection[Any], variant: Variant) -> Sequence[str]:
    numbers = iter(range(1, len(variant.names) + 1))
    text = re.sub(
        "%s|%%", lambda mark: f"${next(numbers)}" if mark[0] == "%s" else "%", variant.text
    )
    connection.execute(f"PREPARE asked AS {text}".encode())
    try:
        row = connection.execute(
            "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'"
        ).fetchone()
    finally:
        connection.execute("DEALLOCATE asked")
    assert row is not None
    types: Sequence[str] = row[0]
    return types


def _of_type(kind: str) -> object:
    """Times and ids are those of few rows."""
    known: Mapping[str, object] = {
        "text": BIG_JOB,
        "character varying": BIG_JOB,
        "text[]": [BIG_JOB],
        "character varying[]": [BIG_JOB],
        "integer": 24,
        "bigint": 24,
        "numeric": 24,
        "double precision": 24.0,
        "boolean": True,
        "interval": "1 hour",
    }
    if kind.startswith("timestamp"):
        return "now"
    if kind not in known:
        raise AssertionError(f"no value of the type {kind} is known here: add one")
    return known[kind]
