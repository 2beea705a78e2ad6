"""One change of what is managed: written with the entry that says who made it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from repositories.contracts.kpis import Definitions, Used
from repositories.contracts.store import Store, Work
from repositories.records.definitions import (
    EVERY,
    ConnectionDefinition,
    DefinitionFilter,
    KpiDefinition,
    QueryDefinition,
    Stored,
)
from repositories.records.retries import AuditEntry
from services.definitions.members import Definition, as_json, changes_between
from services.errors import NotFound, PreconditionFailed

D = TypeVar("D", bound=Definition)

READ_AT_ONCE = 1000
LOCK = "definitions"
NAMED_USERS = 5


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change, and in answer to which request."""

    actor: str
    correlation_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Kind(Generic[D]):
    """One kind of what is managed, as an entry of the audit log names it."""

    name: str
    words: str
    of: Callable[[Work], Definitions[D]]

    def get(self, work: Work, name: str) -> Stored[D]:
        """Raises NotFound."""
        stored = self.of(work).find(name)
        if stored is None:
            raise NotFound(f"no {self.words} {name}")
        return stored

    def write(
        self, work: Work, stored: Stored[D] | None, definition: D, author: Author
    ) -> Stored[D]:
        """What is stored now; nothing is written where nothing has changed."""
        if stored is not None and stored.definition == definition:
            return stored
        definitions = self.of(work)
        is_done = (
            definitions.add(definition, actor=author.actor)
            if stored is None
            else definitions.replace(definition, version=stored.version, actor=author.actor)
        )
        if not is_done:
            raise PreconditionFailed(MEANWHILE)
        work.audit.add([self.entry(definition_of(stored), definition, author)])
        return self.get(work, definition.name)

    def remove(self, work: Work, stored: Stored[D], author: Author) -> None:
        if not self.of(work).remove(stored.definition.name, version=stored.version):
            raise PreconditionFailed(MEANWHILE)
        work.audit.add([self.entry(stored.definition, None, author)])

    def entry(self, old: D | None, new: D | None, author: Author) -> AuditEntry:
        before, after = changes_between(old, new)
        action = "add" if old is None else "remove" if new is None else "change"
        return AuditEntry(
            actor=author.actor,
            action=f"{action}_{self.name}",
            entity_type=self.name,
            entity_id=_name_of(old, new),
            old_values=as_json(before),
            new_values=as_json(after),
            reason=author.reason,
            correlation_id=author.correlation_id,
        )


@dataclass(frozen=True, slots=True)
class UsedKind(Kind[D]):
    """One that KPIs use; `in_use` says that they do."""

    of: Callable[[Work], Used[D]]
    in_use: str


MEANWHILE = "Somebody else has changed this meanwhile, or what it refers to."
CONNECTIONS: UsedKind[ConnectionDefinition] = UsedKind(
    "connection", "connection", lambda work: work.connections, "KPIs still run there"
)
QUERIES: UsedKind[QueryDefinition] = UsedKind(
    "query", "query", lambda work: work.queries, "KPIs still run it"
)
KPIS: Kind[KpiDefinition] = Kind("kpi", "KPI", lambda work: work.indicators)


@contextmanager
def changing(store: Store) -> Iterator[Work]:
    """A transaction in which nobody else changes connections, queries or KPIs: one rule may speak
    of several of them. It is to be short.
    """
    with store.work() as work:
        work.locks.hold(LOCK)
        yield work


@contextmanager
def standing(store: Store) -> Iterator[Work]:
    """A transaction in which nobody changes any: they are read as they were at one time."""
    with store.work() as work:
        work.locks.share(LOCK)
        yield work


def _name_of(old: D | None, new: D | None) -> str:
    named = new or old
    assert named is not None  # noqa: S101
    return named.name


def definition_of(stored: Stored[D] | None) -> D | None:
    return None if stored is None else stored.definition


def every(definitions: Definitions[D], filters: DefinitionFilter = EVERY) -> Iterator[Stored[D]]:
    """All that fit, by name."""
    after: str | None = None
    while page := definitions.list(filters, after=after, limit=READ_AT_ONCE):
        yield from page
        after = page[-1].definition.name


def first_names(names: Sequence[str], limit: int) -> str:
    """The first of them, and whether there are more."""
    more = ", …" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
