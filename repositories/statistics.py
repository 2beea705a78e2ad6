"""What the server knows of the jobs database: sizes, scans, counters."""

from collections.abc import Iterable, Iterator, Sequence

from repositories.contracts.databases import Row, Session
from repositories.errors import NotOffered
from repositories.records.rows import build
from repositories.records.server import (
    CacheUse,
    HourCounts,
    IndexSize,
    MissingIndex,
    ScannedTable,
    ServerFacts,
    SuggestedIndex,
    TableSize,
    Wait,
)


class SqlStatistics:
    def __init__(self, session: Session) -> None:
        self._session = session

    def server(self) -> ServerFacts:
        (facts,) = build(ServerFacts, self._session.rows("statistics.server"))
        return facts

    def tables(self, *, limit: int) -> list[TableSize]:
        return build(TableSize, offered(self._session.rows("statistics.tables", limit=limit)))

    def indexes(self, *, unused: bool = False, limit: int) -> list[IndexSize]:
        rows = self._session.rows("statistics.indexes", unused=unused, limit=limit)
        return build(IndexSize, offered(rows))

    def missing_indexes(self) -> Sequence[MissingIndex]:
        return build(MissingIndex, self._session.rows("statistics.missing_indexes"))

    def suggested_indexes(self, *, limit: int) -> list[SuggestedIndex]:
        rows = self._session.rows("statistics.suggested_indexes", limit=limit)
        return build(SuggestedIndex, offered(rows))

    def scanned_tables(self, *, limit: int) -> list[ScannedTable]:
        rows = self._session.rows("statistics.scanned_tables", limit=limit)
        return build(ScannedTable, offered(rows))

    def activity_by_hour(self, *, hours: int) -> list[HourCounts]:
        return build(HourCounts, self._session.rows("statistics.activity_by_hour", hours=hours))

    def cache_use(self) -> CacheUse:
        (use,) = build(CacheUse, offered(self._session.rows("statistics.cache_use")))
        return use

    def waits(self, *, limit: int) -> list[Wait]:
        return build(Wait, offered(self._session.rows("statistics.waits", limit=limit)))


def offered(rows: list[Row]) -> list[Row]:
    """The rows, unless the only one says why there are none: NotOffered."""
    reason = next(_reasons(rows), None)
    if reason is not None:
        raise NotOffered(reason)
    return rows


def _reasons(rows: Iterable[Row]) -> Iterator[str]:
    return (row["not_available"] for row in rows if row.get("not_available"))
