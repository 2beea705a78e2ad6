"""What the server knows of the jobs database, each part by itself."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from repositories.contracts.jobs import JobsDatabase, JobsWork
from repositories.records.server import (
    CacheUse,
    ConnectionGroup,
    HourCounts,
    IndexSize,
    MissingIndex,
    ScannedTable,
    ServerFacts,
    SuggestedIndex,
    TableSize,
    Wait,
)
from services.caching import Aged, Cache
from services.parts import NotAvailable, ask_part
from services.stopwatch import Stopwatch

T = TypeVar("T")

TABLES, INDEXES, ADVICE, WAITS, GROUPS, HOURS = 100, 200, 50, 20, 50, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPart:
    """Which server it is; the time is that of a connection and one round trip."""

    status: Literal["available"] = "available"
    connection_time_ms: float
    server: ServerFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesPart:
    """The biggest tables, the biggest first."""

    status: Literal["available"] = "available"
    tables: Sequence[TableSize]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexesPart:
    """The biggest indexes, the biggest first."""

    status: Literal["available"] = "available"
    indexes: Sequence[IndexSize]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedIndexesPart:
    """Indexes for speed alone that nobody has used `since`: None where nobody knows since when."""

    status: Literal["available"] = "available"
    since: datetime | None
    indexes: Sequence[IndexSize]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionsPart:
    """The indexes that the server itself would have liked."""

    status: Literal["available"] = "available"
    indexes: Sequence[SuggestedIndex]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedTablesPart:
    """The tables that are read from end to end again and again."""

    status: Literal["available"] = "available"
    tables: Sequence[ScannedTable]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingIndexesPart:
    """The indexes that Watchkeeper's own questions want, and what the server has noticed."""

    status: Literal["available"] = "available"
    indexes: Sequence[MissingIndex]
    suggested: SuggestionsPart | NotAvailable
    scanned: ScannedTablesPart | NotAvailable


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursPart:
    """The last hours by the clock, the oldest first and the one that goes on last."""

    status: Literal["available"] = "available"
    hours: Sequence[HourCounts]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCount:
    """How many connections have this name, which is None where it may not be seen."""

    name: str | None
    connections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionsPart:
    """The server's connections; `missing_right` says why some states are None."""

    status: Literal["available"] = "available"
    used: int
    max: int
    used_percent: float
    by_state: Sequence[NamedCount]
    by_application: Sequence[NamedCount]
    by_user: Sequence[NamedCount]
    restricted: bool
    missing_right: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePart:
    """How much of what was asked for was in memory."""

    status: Literal["available"] = "available"
    cache_hit_ratio: float | None
    hits: int | None
    reads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitsPart:
    """What sessions wait for, the most first."""

    status: Literal["available"] = "available"
    waits: Sequence[Wait]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatistics:
    """Every part that can be had, and why the others cannot."""

    server: ServerPart | NotAvailable
    tables: TablesPart | NotAvailable
    indexes: IndexesPart | NotAvailable
    unused_indexes: UnusedIndexesPart | NotAvailable
    missing_indexes: MissingIndexesPart | NotAvailable
    activity_by_hour: HoursPart | NotAvailable
    connections: ConnectionsPart | NotAvailable
    cache_hit_ratio: CachePart | NotAvailable
    waits: WaitsPart | NotAvailable


class StatisticsService:
    def __init__(self, database: JobsDatabase, *, cache: Cache) -> None:
        self._database, self._cache = database, cache

    def statistics(self, *, fresh: bool = False) -> Aged[DatabaseStatistics]:
        return self._cache.get("statistics", self._every_part, fresh=fresh)

    def _every_part(self) -> DatabaseStatistics:
        return DatabaseStatistics(
            server=ask_part(self._server),
            tables=self._part(tables_of),
            indexes=self._part(indexes_of),
            unused_indexes=self._part(unused_indexes_of),
            missing_indexes=ask_part(self._missing_indexes),
            activity_by_hour=self._part(hours_of),
            connections=self._part(connections_of),
            cache_hit_ratio=self._part(cache_of),
            waits=self._part(waits_of),
        )

    def _server(self) -> ServerPart:
        watch = Stopwatch.start()
        with self._database.read() as work:
            work.activity.missing_right()
            connected_ms = watch.elapsed_ms
            return ServerPart(connection_time_ms=connected_ms, server=work.statistics.server())

    def _missing_indexes(self) -> MissingIndexesPart:
        with self._database.read() as work:
            indexes = work.statistics.missing_indexes()
        return MissingIndexesPart(
            indexes=indexes,
            suggested=self._part(suggestions_of),
            scanned=self._part(scanned_tables_of),
        )

    def _part(self, ask: Callable[[JobsWork], T]) -> T | NotAvailable:
        """Asked on a session of its own: a statement that fails may spoil its session."""
        return ask_part(lambda: read_part(self._database, ask))


def read_part(database: JobsDatabase, ask: Callable[[JobsWork], T]) -> T:
    with database.read() as work:
        return ask(work)


def tables_of(work: JobsWork) -> TablesPart:
    return TablesPart(tables=work.statistics.tables(limit=TABLES))


def indexes_of(work: JobsWork) -> IndexesPart:
    return IndexesPart(indexes=work.statistics.indexes(limit=INDEXES))


def unused_indexes_of(work: JobsWork) -> UnusedIndexesPart:
    return UnusedIndexesPart(
        since=work.statistics.server().statistics_since,
        indexes=work.statistics.indexes(unused=True, limit=INDEXES),
    )


def suggestions_of(work: JobsWork) -> SuggestionsPart:
    return SuggestionsPart(indexes=work.statistics.suggested_indexes(limit=ADVICE))


def scanned_tables_of(work: JobsWork) -> ScannedTablesPart:
    return ScannedTablesPart(tables=work.statistics.scanned_tables(limit=ADVICE))


def hours_of(work: JobsWork) -> HoursPart:
    return HoursPart(hours=work.statistics.activity_by_hour(hours=HOURS))


def connections_of(work: JobsWork) -> ConnectionsPart:
    groups, missing = work.activity.connections(), work.activity.missing_right()
    used, most = (
        sum(group.connections for group in groups),
        work.statistics.server().max_connections,
    )
    return ConnectionsPart(
        used=used,
        max=most,
        used_percent=round(100 * used / most, 2),
        by_state=_counted(groups, lambda group: group.state),
        by_application=_counted(groups, lambda group: group.application),
        by_user=_counted(groups, lambda group: group.user),
        restricted=missing is not None,
        missing_right=missing,
    )


def cache_of(work: JobsWork) -> CachePart:
    use: CacheUse = work.statistics.cache_use()
    return CachePart(cache_hit_ratio=use.ratio, hits=use.hits, reads=use.reads)


def waits_of(work: JobsWork) -> WaitsPart:
    return WaitsPart(waits=work.statistics.waits(limit=WAITS))


def _counted(
    groups: Iterable[ConnectionGroup], name_of: Callable[[ConnectionGroup], str | None]
) -> Sequence[NamedCount]:
    counts: Counter[str | None] = Counter()
    for group in groups:
        counts[name_of(group)] += group.connections
    return [
        NamedCount(name=name, connections=connections)
        for name, connections in counts.most_common(GROUPS)
    ]
