"""A database's schema as plain data, and the snapshot of what the migrations make of it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from repositories.migrations.database import (
    HISTORY_TABLE,
    MADE_TABLE,
    SCHEMA,
    VERSION_TABLE,
    CatalogueRow,
)
from repositories.migrations.errors import MigrationError

Schema = dict[str, dict[str, dict[str, Any]]]
"""Kind of thing (tables, views, functions), then its qualified name, then its facts. A table has
its columns, constraints, indexes and triggers among them, each by name with facts of its own."""

PARTS = ("columns", "constraints", "indexes", "triggers")
BOOKKEEPING = {f"{SCHEMA}.{table}" for table in (VERSION_TABLE, HISTORY_TABLE, MADE_TABLE)}


def assemble_schema(rows: Iterable[CatalogueRow]) -> Schema:
    """The rows as a tree, tables before what is in them, without our own bookkeeping."""
    schema: Schema = {"tables": {}, "views": {}, "functions": {}}
    for row in rows:
        if not BOOKKEEPING & {row.owner, row.name}:
            _place(schema, row).update(row.facts)
    return schema


def write_snapshot(path: Path, revision: str, schema: Schema) -> None:
    text = json.dumps({"revision": revision, **schema}, indent=1, sort_keys=True)
    path.write_text(text + "\n", "utf-8")


def read_snapshot(path: Path) -> tuple[str, Schema]:
    """The revision of a snapshot, and its schema. MigrationError where there is none to read."""
    try:
        content = json.loads(path.read_text("utf-8"))
        return content.pop("revision"), content
    except OSError as error:
        raise MigrationError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError) as error:
        raise MigrationError(f"{path} is not a snapshot of a schema") from error


def _place(schema: Schema, row: CatalogueRow) -> dict[str, Any]:
    if row.owner is None:
        return schema[row.kind].setdefault(row.name, {})
    parts: dict[str, dict[str, Any]] = schema["tables"][row.owner].setdefault(row.kind, {})
    return parts.setdefault(row.name, {})
