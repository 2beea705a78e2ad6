"""What is managed, of any kind: found, listed, added, replaced and removed, one or many at once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from repositories.contracts.databases import Row, Session
from repositories.json_rows import json_rows
from repositories.records.definitions import EVERY, DefinitionFilter, Stored

D = TypeVar("D")
Rows = list
"""Within a class that has a `list` of its own."""
STORED = ("id", "version", "created_at", "created_by", "modified_at", "modified_by")


class SqlDefinitions(Generic[D]):
    """`file` names the statements; `columns_of` and `definition_of` are the way there and back."""

    def __init__(
        self,
        session: Session,
        file: str,
        columns_of: Callable[[D], Mapping[str, object]],
        definition_of: Callable[[Row], D],
        filters: Sequence[str],
    ) -> None:
        self._session, self._file, self._filters = session, file, filters
        self._columns_of, self._definition_of = columns_of, definition_of

    def find(self, name: str) -> Stored[D] | None:
        rows = self._rows(EVERY, name=name, after=None, limit=1)
        return rows[0] if rows else None

    def list(self, filters: DefinitionFilter, *, after: str | None, limit: int) -> list[Stored[D]]:
        return self._rows(filters, name=None, after=after, limit=limit)

    def users(self, name: str, *, limit: int) -> Sequence[str]:
        """Of what KPIs use."""
        rows = self._session.rows(f"{self._file}.users", name=name, limit=limit)
        return [row["name"] for row in rows]

    def add(self, definition: D, *, actor: str) -> bool:
        return bool(self.add_all([definition], actor=actor))

    def replace(self, definition: D, *, version: int, actor: str) -> bool:
        return bool(self.replace_all([(definition, version)], actor=actor))

    def remove(self, name: str, *, version: int) -> bool:
        return bool(self.remove_all({name: version}))

    def add_all(self, definitions: Sequence[D], *, actor: str) -> frozenset[str]:
        rows = [self._columns_of(one) for one in definitions]
        return self._change("add", rows, actor=actor)

    def replace_all(self, definitions: Sequence[tuple[D, int]], *, actor: str) -> frozenset[str]:
        rows = [{**self._columns_of(one), "version": version} for one, version in definitions]
        return self._change("replace", rows, actor=actor)

    def remove_all(self, versions: Mapping[str, int]) -> frozenset[str]:
        rows = [{"name": name, "version": version} for name, version in versions.items()]
        return self._change("remove", rows)

    def _change(
        self, statement: str, rows: Sequence[Mapping[str, object]], **values: object
    ) -> frozenset[str]:
        changed = self._session.rows(f"{self._file}.{statement}", rows=json_rows(rows), **values)
        return frozenset(row["name"] for row in changed)

    def _rows(
        self, filters: DefinitionFilter, *, name: str | None, after: str | None, limit: int
    ) -> "Rows[Stored[D]]":
        chosen = {filter: getattr(filters, filter) for filter in self._filters}
        rows = self._session.rows(
            f"{self._file}.list", **chosen, name=name, after=after, limit=limit
        )
        return [self._stored(row) for row in rows]

    def _stored(self, row: Row) -> Stored[D]:
        kept = {name: row[name] for name in STORED}
        rest = {name: value for name, value in row.items() if name not in STORED}
        return Stored(definition=self._definition_of(rest), **kept)


def joined(tags: Sequence[str]) -> str | None:
    return ",".join(tags) or None


def split(tags: str | None) -> tuple[str, ...]:
    return tuple(tags.split(",")) if tags else ()
