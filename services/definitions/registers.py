"""What connections, queries and KPIs have in common as they are listed, shown, put and removed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from repositories.contracts.store import Store, Work
from repositories.records.definitions import DefinitionFilter, Stored
from services.definitions.changes import (
    NAMED_USERS,
    Author,
    D,
    Kind,
    UsedKind,
    changing,
    definition_of,
    first_names,
)
from services.definitions.conditions import Condition
from services.definitions.documents import NamedDocument
from services.definitions.unmasking import unmask
from services.definitions.written import Written
from services.errors import Fault, InUse, InvalidRequest
from services.pages import Page, cut

M = TypeVar("M", bound=NamedDocument)
View = TypeVar("View")


class Register(ABC, Generic[D, M, View]):
    """All of one kind; what is wrong with one and how it is shown is the kind's own."""

    def __init__(self, store: Store, kind: Kind[D]) -> None:
        self._store, self._kind = store, kind

    def get(self, name: str) -> Written[View]:
        with self._store.read() as work:
            return self._written(work, self._kind.get(work, name))

    def put(self, name: str, document: M, condition: Condition, author: Author) -> Written[View]:
        """What is checked here is still so when it is written, since nobody else changes any."""
        with changing(self._store) as work:
            stored = self._kind.of(work).find(name)
            definition, hidden = self._defined(name, document, definition_of(stored))
            if faults := [*hidden, *self._faults(work, stored, definition)]:
                raise InvalidRequest(faults)
            condition.check_put(stored)
            now = self._write(work, stored, definition, author)
            return self._written(work, now, is_new=stored is None)

    def _write(
        self, work: Work, stored: Stored[D] | None, definition: D, author: Author
    ) -> Stored[D]:
        return self._kind.write(work, stored, definition, author)

    def _written(self, work: Work, stored: Stored[D], *, is_new: bool = False) -> Written[View]:
        return Written.of(stored, self._view(work, stored), is_new=is_new)

    def _defined(self, name: str, document: M, old: D | None) -> tuple[D, list[Fault]]:
        """What is to be stored, and which of its texts have lost a secret."""
        plain, hidden = unmask(document, old)
        return plain.definition(name), hidden

    @abstractmethod
    def _faults(self, work: Work, stored: Stored[D] | None, definition: D) -> Iterable[Fault]: ...
    @abstractmethod
    def _view(self, work: Work, stored: Stored[D]) -> View: ...


class UsedRegister(Register[D, M, View]):
    """Of what KPIs use: that is not removed as long as they do."""

    def __init__(self, store: Store, kind: UsedKind[D], view: Callable[[Stored[D]], View]) -> None:
        super().__init__(store, kind)
        self._used, self._shown = kind, view

    def list(self, filters: DefinitionFilter, *, after: str | None, limit: int) -> Page[View]:
        with self._store.read() as work:
            rows = self._kind.of(work).list(filters, after=after, limit=limit + 1)
        page = cut(rows, limit, lambda row: (row.definition.name,))
        return Page([self._shown(row) for row in page.items], page.next)

    def remove(self, name: str, condition: Condition, author: Author) -> None:
        with changing(self._store) as work:
            stored = self._kind.get(work, name)
            condition.check_removal(stored)
            if users := self._used.of(work).users(name, limit=NAMED_USERS + 1):
                raise InUse(f"{self._used.in_use}: {first_names(users, NAMED_USERS)}")
            self._kind.remove(work, stored, author)

    def _view(self, work: Work, stored: Stored[D]) -> View:
        return self._shown(stored)
