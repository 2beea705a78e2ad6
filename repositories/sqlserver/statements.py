"""The named statements as the driver takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from repositories import statements
from repositories.statements import Catalogue, Statement

MARK = "{?}"


def load_statements(names: Mapping[str, str]) -> Catalogue:
    """Without their comments, in which the driver might find a placeholder."""
    loaded = statements.load("sqlserver", MARK, names)
    return loaded.changed(_without_comments)


def with_nulls(text: str, values: Sequence[object]) -> tuple[str, list[object]]:
    """NULL is written out: for a bound one the driver asks the server first what type it has."""
    first, *rest = text.split(MARK)
    parts = [
        ("NULL" if value is None else "?") + part for value, part in zip(values, rest, strict=True)
    ]
    return first + "".join(parts), [value for value in values if value is not None]


def _without_comments(statement: Statement) -> Statement:
    lines = tuple(line for line in statement.lines if not line[0].lstrip().startswith("--"))
    return replace(statement, lines=lines)
