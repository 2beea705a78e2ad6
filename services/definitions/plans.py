"""What must change for the store to be as a file says; and that, done in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from repositories.contracts.kpis import Definitions
from repositories.contracts.store import Store, Work
from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
    Stored,
)
from services.definitions.changes import (
    CONNECTIONS,
    KPIS,
    MEANWHILE,
    QUERIES,
    Author,
    D,
    Kind,
    changing,
    definition_of,
    every,
    standing,
)
from services.definitions.checking import Whole, faults_of_whole, placed
from services.definitions.connections import ConnectionRegister
from services.definitions.files import ConnectionEntry, DefinitionFile, write_file
from services.definitions.kpis import first_slot_of, is_rescheduled
from services.definitions.removals import (
    finish_removals,
    refuse_going,
    remove_histories,
    switch_off,
)
from services.definitions.unmasking import unmask
from services.errors import Fault, InvalidRequest, PreconditionFailed

WRITTEN_AT_ONCE = 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Changes(Generic[D]):
    """Of one kind, by name."""

    kind: Kind[D]
    added: Sequence[D]
    changed: Sequence[tuple[Stored[D], D]]
    removed: Sequence[Stored[D]]

    @property
    def count(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed)


@dataclass(frozen=True, slots=True)
class Stock:
    """All that is stored, by name."""

    connections: Mapping[str, Stored[ConnectionDefinition]]
    queries: Mapping[str, Stored[QueryDefinition]]
    kpis: Mapping[str, Stored[KpiDefinition]]

    @classmethod
    def read(cls, work: Work) -> "Stock":
        return cls(*(_by_name(kind.of(work)) for kind in (CONNECTIONS, QUERIES, KPIS)))


@dataclass(frozen=True, slots=True)
class Plan:
    """`stock` is what it was made for."""

    stock: Stock
    connections: Changes[ConnectionDefinition]
    queries: Changes[QueryDefinition]
    kpis: Changes[KpiDefinition]

    @property
    def every(self) -> Sequence[Changes[Any]]:
        return self.connections, self.queries, self.kpis

    @property
    def is_empty(self) -> bool:
        return not any(changes.count for changes in self.every)


class Planner:
    def __init__(
        self, store: Store, connections: ConnectionRegister, *, jobs_writable: bool
    ) -> None:
        self._store, self._connections = store, connections
        self._jobs_writable = jobs_writable

    def plan(self, file: DefinitionFile) -> Plan:
        """Raises InvalidRequest, which names every fault by its place in the file."""
        with standing(self._store) as work:
            stock = Stock.read(work)
        faults: list[Fault] = []
        sealed = self._sealed(file.connections, stock.connections, faults)
        queries = _defined("queries", file.queries, stock.queries, faults)
        kpis = _defined("kpis", file.kpis, stock.kpis, faults)
        whole = Whole(
            connections=_wanted(sealed, stock.connections),
            queries=_wanted(queries, stock.queries),
            kpis=_wanted(kpis, stock.kpis),
        )
        new = {
            name: place
            for name, place in _places("queries", file.queries).items()
            if definition_of(stock.queries.get(name)) != whole.queries[name]
        }
        kpi_places = _places("kpis", file.kpis)
        faults += faults_of_whole(whole, new, kpi_places, jobs_writable=self._jobs_writable)
        if faults:
            raise InvalidRequest(faults)
        return Plan(
            stock,
            _changes(CONNECTIONS, stock.connections, whole.connections),
            _changes(QUERIES, stock.queries, whole.queries),
            _changes(KPIS, stock.kpis, whole.kpis),
        )

    def apply(self, plan: Plan, author: Author) -> None:
        """All of it or nothing; PreconditionFailed where the store is no longer what it was.

        But KPIs with many results are only switched off with the rest: they go afterwards, a part
        at a time, and what they used goes after them.
        """
        with changing(self._store) as work:
            if Stock.read(work) != plan.stock:
                raise PreconditionFailed(MEANWHILE)
            refuse_going(work, [old for old, _ in plan.kpis.changed])
            long = remove_histories(work, plan.kpis.removed, author)
            first, rest = (_without(plan, len(long)), _what_goes(plan)) if long else (plan, None)
            self._write(work, first, author)
            switch_off(work, long, author)
        finish_removals(self._store, long, author)
        if rest is not None:
            with changing(self._store) as work:
                self._write(work, rest, author)

    def export(self) -> str:
        """The file that says what there is now."""
        with standing(self._store) as work:
            stock = Stock.read(work)
        return write_file(
            [one.definition for one in stock.connections.values()],
            [one.definition for one in stock.queries.values()],
            [one.definition for one in stock.kpis.values()],
        )

    def _write(self, work: Work, plan: Plan, author: Author) -> None:
        _write(work, plan.connections, author)
        _write(work, plan.queries, author)
        _remove(work, plan.kpis)
        _write(work, plan.kpis, author)
        self._schedule(work, plan.kpis)
        _remove(work, plan.queries)
        _remove(work, plan.connections)
        entries = [entry for changes in plan.every for entry in _entries(changes, author)]
        for part in _parts(entries):
            work.audit.add(part)

    def _sealed(
        self,
        entries: Sequence[ConnectionEntry] | None,
        stored: Mapping[str, Stored[ConnectionDefinition]],
        faults: list[Fault],
    ) -> Mapping[str, ConnectionDefinition] | None:
        """As they are to be stored; one that cannot be is taken as it is stored, and is a fault."""
        if entries is None:
            return None
        found: dict[str, ConnectionDefinition] = {}
        for number, entry in enumerate(entries):
            found[entry.name] = entry.definition(entry.name)
            try:
                found[entry.name] = self._connections.sealed(
                    entry.name, entry, definition_of(stored.get(entry.name))
                )
            except InvalidRequest as refused:
                faults += placed(f"connections[{number}]", refused.faults)
        return found

    def _schedule(self, work: Work, kpis: Changes[KpiDefinition]) -> None:
        now = work.facts.now()
        moved = [new for old, new in kpis.changed if is_rescheduled(old.definition, new)]
        for part in _parts([*kpis.added, *moved]):
            work.indicators.schedule_at({kpi.name: first_slot_of(kpi, now) for kpi in part})


def _by_name(definitions: Definitions[D]) -> Mapping[str, Stored[D]]:
    return {one.definition.name: one for one in every(definitions)}


def _without(plan: Plan, number: int) -> Plan:
    """All but the removal of the last KPIs, and of what KPIs use."""
    return replace(
        plan,
        connections=replace(plan.connections, removed=()),
        queries=replace(plan.queries, removed=()),
        kpis=replace(plan.kpis, removed=plan.kpis.removed[:-number]),
    )


def _what_goes(plan: Plan) -> Plan:
    """The removal of what KPIs use."""
    return replace(
        plan,
        connections=replace(plan.connections, added=(), changed=()),
        queries=replace(plan.queries, added=(), changed=()),
        kpis=Changes(KPIS, (), (), ()),
    )


class _Entry(Protocol):
    @property
    def name(self) -> str: ...


def _defined(
    section: str,
    entries: Sequence[Any] | None,
    stored: Mapping[str, Stored[D]],
    faults: list[Fault],
) -> Mapping[str, D] | None:
    if entries is None:
        return None
    found: dict[str, D] = {}
    for number, entry in enumerate(entries):
        plain, hidden = unmask(entry, definition_of(stored.get(entry.name)))
        found[entry.name] = plain.definition(entry.name)
        faults += placed(f"{section}[{number}]", hidden)
    return found


def _wanted(given: Mapping[str, D] | None, stored: Mapping[str, Stored[D]]) -> Mapping[str, D]:
    """What the file says, or else what is stored."""
    return {name: one.definition for name, one in stored.items()} if given is None else given


def _places(section: str, entries: Sequence[_Entry] | None) -> Mapping[str, str]:
    return {one.name: f"{section}[{number}]" for number, one in enumerate(entries or ())}


def _changes(kind: Kind[D], stored: Mapping[str, Stored[D]], wanted: Mapping[str, D]) -> Changes[D]:
    return Changes(
        kind,
        added=[one for name, one in wanted.items() if name not in stored],
        changed=[
            (stored[name], one)
            for name, one in wanted.items()
            if name in stored and stored[name].definition != one
        ],
        removed=[one for name, one in stored.items() if name not in wanted],
    )


def _write(work: Work, changes: Changes[D], author: Author) -> None:
    definitions = changes.kind.of(work)
    for part in _parts(changes.added):
        _expect(definitions.add_all(part, actor=author.actor), len(part))
    for pairs in _parts(changes.changed):
        versions = [(new, old.version) for old, new in pairs]
        _expect(definitions.replace_all(versions, actor=author.actor), len(pairs))


def _remove(work: Work, changes: Changes[D]) -> None:
    for part in _parts(changes.removed):
        versions = {one.definition.name: one.version for one in part}
        _expect(changes.kind.of(work).remove_all(versions), len(part))


def _expect(done: frozenset[str], number: int) -> None:
    if len(done) != number:
        raise PreconditionFailed(MEANWHILE)


def _entries(changes: Changes[D], author: Author) -> Iterator[Any]:
    kind = changes.kind
    yield from (kind.entry(None, new, author) for new in changes.added)
    yield from (kind.entry(old.definition, new, author) for old, new in changes.changed)
    yield from (kind.entry(old.definition, None, author) for old in changes.removed)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), WRITTEN_AT_ONCE):
        yield items[start : start + WRITTEN_AT_ONCE]
