"""SQL Server's catalogue as rows of ours, in words that its versions and relatives share."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from repositories.migrations.database import CatalogueRow

Ask = Callable[[str], Sequence[Any]]
"""Given a statement's name, its rows."""

CAST = re.compile(r"cast\((.*) as \w+(?:\(\w+\))?\)", re.DOTALL)
CREATE = re.compile(r"\bCREATE (?:VIEW|PROCEDURE)\b.*", re.DOTALL)


def read_rows(ask: Ask) -> list[CatalogueRow]:
    """Tables first, then what is in them."""
    return [
        *(CatalogueRow("tables", None, row.name, {}) for row in ask("tables")),
        *map(_column, ask("columns")),
        *(CatalogueRow("constraints", row.owner, row.name, CHECK) for row in ask("checks")),
        *_references(ask("references")),
        *_indexes(ask("indexes")),
        *_views(ask("views")),
        *(CatalogueRow("functions", None, row.name, _body(row)) for row in ask("procedures")),
    ]


CHECK: dict[str, Any] = {"kind": "check"}  # servers write its expression in their own words


def _column(row: Any) -> CatalogueRow:  # noqa: ANN401 - a row of the driver's
    facts: dict[str, Any] = {"type": type_name(row), "nullable": bool(row.nullable)}
    if row.is_identity:
        facts["identity"] = True
    if row.given is not None:
        facts["default"] = plain_default(row.given)
    return CatalogueRow("columns", row.owner, row.name, facts)


def type_name(row: Any) -> str:  # noqa: ANN401
    """As it is declared; of times, without a precision, in which servers differ."""
    match row.type:
        case "nvarchar":
            return f"nvarchar({'max' if row.size == -1 else row.size // 2})"
        case "varchar" | "varbinary":
            return f"{row.type}({'max' if row.size == -1 else row.size})"
        case "decimal" | "numeric":
            return f"decimal({row.digits}, {row.scale})"
    return str(row.type)


def plain_default(definition: str) -> str:
    """Without the parentheses, casts and prefixes that a server adds: `((5))` is `5`."""
    text = definition.strip()
    if cast := CAST.fullmatch(text.lower()):
        text = text[cast.start(1) : cast.end(1)]
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    return text[1:] if text.startswith("N'") else text


def _references(rows: Sequence[Any]) -> Iterator[CatalogueRow]:
    key = lambda row: (row.owner, row.name)  # noqa: E731
    for (owner, name), parts in groupby(sorted(rows, key=key), key):
        columns = list(parts)
        facts = {
            "kind": "foreign key",
            "columns": [part.column_name for part in columns],
            "references": columns[0].referenced,
            "referenced_columns": [part.referenced_column for part in columns],
            "on_delete": columns[0].on_delete,
            "on_update": columns[0].on_update,
        }
        yield CatalogueRow("constraints", owner, name, facts)


def _indexes(rows: Sequence[Any]) -> Iterator[CatalogueRow]:
    """A primary key by its name; any other index, a unique constraint's too, by its columns."""
    for (owner, _), parts in groupby(rows, lambda row: (row.owner, row.number)):
        columns = list(parts)
        keys = [f"{part.column_name}{' desc' if part.descending else ''}" for part in columns]
        if columns[0].is_primary_key:
            facts: dict[str, Any] = {"kind": "primary key", "columns": keys}
            yield CatalogueRow("constraints", owner, columns[0].name, facts)
        else:
            unique = {"unique": True} if columns[0].is_unique else {}
            yield CatalogueRow("indexes", owner, f"({', '.join(keys)})", unique)


def _views(rows: Sequence[Any]) -> Iterator[CatalogueRow]:
    for name, parts in groupby(rows, lambda row: row.name):
        columns = list(parts)
        facts = {"columns": [part.column_name for part in columns], **_body(columns[0])}
        yield CatalogueRow("views", None, name, facts)


def _body(row: Any) -> dict[str, Any]:  # noqa: ANN401
    """From its CREATE on: a comment before it is kept by some servers."""
    created = CREATE.search(row.definition or "")
    text = "\n".join(created[0].split("\r\n")) if created else ""
    return {"body_md5": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}
