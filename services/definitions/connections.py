"""Connections: listed, shown, put and removed."""

from repositories.contracts.store import Store, Work
from repositories.errors import NotConfigured, StorageError
from repositories.records.definitions import (
    ConnectionDefinition,
    DefinitionFilter,
    Stored,
)
from services.definitions.addresses import STORED, Sealer
from services.definitions.changes import (
    CONNECTIONS,
    QUERIES,
    Author,
    definition_of,
    every,
    first_names,
)
from services.definitions.conditions import Condition
from services.definitions.documents import ConnectionDocument
from services.definitions.rules import faults_of_connection, find_sql_fault_at
from services.definitions.unmasking import unmask
from services.definitions.views import ConnectionView, view_connection
from services.definitions.written import Written
from services.errors import Fault, InUse, InvalidRequest
from services.pages import Page, cut

NAMED_USERS = 5


class ConnectionRegister:
    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store, self._sealer = store, sealer

    def list(
        self, filters: DefinitionFilter, *, after: str | None, limit: int
    ) -> Page[ConnectionView]:
        with self._store.read() as work:
            rows = work.connections.list(filters, after=after, limit=limit + 1)
        return cut([view_connection(row) for row in rows], limit, lambda row: (row.name,))

    def get(self, name: str) -> Written[ConnectionView]:
        with self._store.read() as work:
            stored = CONNECTIONS.get(work, name)
        return Written.of(stored, view_connection(stored))

    def put(
        self, name: str, document: ConnectionDocument, condition: Condition, author: Author
    ) -> Written[ConnectionView]:
        with self._store.read() as work:
            stored = work.connections.find(name)
            definition = self.sealed(name, document, definition_of(stored))
            faults = [] if stored is None else _faults_of_users(work, stored, definition)
        if faults:
            raise InvalidRequest(faults)
        condition.check_put(stored)
        with self._store.work() as work:
            now = CONNECTIONS.write(work, stored, definition, author)
        return Written.of(now, view_connection(now), is_new=stored is None)

    def remove(self, name: str, condition: Condition, author: Author) -> None:
        with self._store.work() as work:
            stored = CONNECTIONS.get(work, name)
            condition.check_removal(stored)
            if users := work.connections.users(name, limit=NAMED_USERS + 1):
                raise InUse(f"KPIs still run there: {first_names(users, NAMED_USERS)}")
            CONNECTIONS.remove(work, stored, author)

    def sealed(
        self, name: str, document: ConnectionDocument, old: ConnectionDefinition | None
    ) -> ConnectionDefinition:
        """What is to be stored. Raises InvalidRequest, which never repeats an address."""
        document, faults = unmask(document, old)
        if faults:
            raise InvalidRequest(faults)
        if document.address == STORED:
            return _kept(name, document, old)
        definition = document.definition(name)
        if faults := [*faults_of_connection(definition, self._sealer)]:
            raise InvalidRequest(faults)
        if old is not None and document.address == self._known(old):
            return document.model_copy(update={"address": old.address}).definition(
                name, is_encrypted=old.is_encrypted
            )
        try:
            address, is_encrypted = self._sealer.seal(document.address)
        except NotConfigured as error:
            raise InvalidRequest([Fault("address", str(error))]) from None
        return document.model_copy(update={"address": address}).definition(
            name, is_encrypted=is_encrypted
        )

    def _known(self, old: ConnectionDefinition) -> str | None:
        """What it leads to now; None where there is no key for it."""
        if not old.is_encrypted:
            return old.address
        try:
            return self._sealer.unseal(old.address)
        except StorageError:
            return None


def _kept(
    name: str, document: ConnectionDocument, old: ConnectionDefinition | None
) -> ConnectionDefinition:
    if old is None:
        raise InvalidRequest([Fault("address", "there is none that is stored")])
    if old.provider != document.provider:
        raise InvalidRequest([Fault("address", "another provider has another address")])
    kept = document.model_copy(update={"address": old.address})
    return kept.definition(name, is_encrypted=old.is_encrypted)


def _faults_of_users(
    work: Work, stored: Stored[ConnectionDefinition], definition: ConnectionDefinition
) -> list[Fault]:
    """Another kind of database must understand what runs there."""
    if definition.provider == stored.definition.provider:
        return []
    filters = DefinitionFilter(connection=definition.name)
    names = {kpi.definition.query for kpi in every(work.indicators, filters)}
    found = [QUERIES.get(work, name).definition for name in sorted(names)]
    return [
        Fault("provider", f"query {query.name} {fault}")
        for query in found
        if (fault := find_sql_fault_at(query, definition.provider))
    ]
