"""What must change for the store to be as a file says; and that, done in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

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
    definition_of,
    every,
)
from services.definitions.checking import Whole, faults_of_whole
from services.definitions.connections import ConnectionRegister
from services.definitions.files import ConnectionEntry, DefinitionFile, write_file
from services.definitions.kpis import first_slot_of, give_up_unfinished, is_rescheduled
from services.errors import Fault, InvalidRequest, PreconditionFailed

REMOVED_AT_ONCE = 10_000
WRITTEN_AT_ONCE = 1000
T = TypeVar("T")
Made = TypeVar("Made", covariant=True)


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
class Plan:
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
    def __init__(self, store: Store, connections: ConnectionRegister) -> None:
        self._store, self._connections = store, connections

    def plan(self, file: DefinitionFile) -> Plan:
        """Raises InvalidRequest, which names every fault by its place in the file."""
        with self._store.read() as work:
            connections = {one.definition.name: one for one in every(work.connections)}
            queries = {one.definition.name: one for one in every(work.queries)}
            kpis = {one.definition.name: one for one in every(work.indicators)}
        sealed, faults = self._sealed(file.connections, connections)
        whole = Whole(
            connections=_wanted(sealed, connections),
            queries=_wanted(_defined(file.queries), queries),
            kpis=_wanted(_defined(file.kpis), kpis),
        )
        places = _places("queries", file.queries), _places("kpis", file.kpis)
        if faults := [*faults, *faults_of_whole(whole, *places)]:
            raise InvalidRequest(faults)
        return Plan(
            _changes(CONNECTIONS, connections, whole.connections),
            _changes(QUERIES, queries, whole.queries),
            _changes(KPIS, kpis, whole.kpis),
        )

    def apply(self, plan: Plan, author: Author) -> None:
        """All of it or nothing; PreconditionFailed where the store is no longer what it was."""
        with self._store.work() as work:
            _write(work, plan.connections, author)
            _write(work, plan.queries, author)
            for stored in plan.kpis.removed:
                _remove_history(work, stored, author)
            _remove(work, plan.kpis)
            _write(work, plan.kpis, author)
            self._schedule(work, plan.kpis)
            _remove(work, plan.queries)
            _remove(work, plan.connections)
            entries = [entry for changes in plan.every for entry in _entries(changes, author)]
            for part in _parts(entries):
                work.audit.add(part)

    def export(self) -> str:
        """The file that says what there is now."""
        with self._store.read() as work:
            return write_file(
                [one.definition for one in every(work.connections)],
                [one.definition for one in every(work.queries)],
                [one.definition for one in every(work.indicators)],
            )

    def _sealed(
        self,
        entries: Sequence[ConnectionEntry] | None,
        stored: Mapping[str, Stored[ConnectionDefinition]],
    ) -> tuple[Mapping[str, ConnectionDefinition] | None, list[Fault]]:
        """As they are to be stored; one that cannot be is taken as it is stored, and is a fault."""
        if entries is None:
            return None, []
        found: dict[str, ConnectionDefinition] = {}
        faults: list[Fault] = []
        for number, entry in enumerate(entries):
            found[entry.name] = entry.definition(entry.name)
            try:
                found[entry.name] = self._connections.sealed(
                    entry.name, entry, definition_of(stored.get(entry.name))
                )
            except InvalidRequest as refused:
                place = f"connections[{number}]"
                faults += [Fault(f"{place}.{one.parameter}", one.message) for one in refused.faults]
        return found, faults

    def _schedule(self, work: Work, kpis: Changes[KpiDefinition]) -> None:
        now = work.facts.now()
        moved = [new for old, new in kpis.changed if is_rescheduled(old.definition, new)]
        for part in _parts([*kpis.added, *moved]):
            work.indicators.schedule_at({kpi.name: first_slot_of(kpi, now) for kpi in part})


class _Entry(Protocol[Made]):
    @property
    def name(self) -> str: ...
    def definition(self, name: str) -> Made: ...


def _defined(entries: Sequence[_Entry[D]] | None) -> Mapping[str, D] | None:
    return None if entries is None else {one.name: one.definition(one.name) for one in entries}


def _wanted(given: Mapping[str, D] | None, stored: Mapping[str, Stored[D]]) -> Mapping[str, D]:
    """What the file says, or else what is stored."""
    return {name: one.definition for name, one in stored.items()} if given is None else given


def _places(section: str, entries: Sequence[_Entry[Any]] | None) -> Mapping[str, str]:
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


def _remove_history(work: Work, stored: Stored[KpiDefinition], author: Author) -> None:
    """A part at a time, since the server allows no statement more than its time."""
    while work.results.remove_of(stored.id, batch=REMOVED_AT_ONCE) == REMOVED_AT_ONCE:
        pass
    give_up_unfinished(work, stored, author)


def _entries(changes: Changes[D], author: Author) -> Iterator[Any]:
    kind = changes.kind
    yield from (kind.entry(None, new, author) for new in changes.added)
    yield from (kind.entry(old.definition, new, author) for old, new in changes.changed)
    yield from (kind.entry(old.definition, None, author) for old in changes.removed)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), WRITTEN_AT_ONCE):
        yield items[start : start + WRITTEN_AT_ONCE]
