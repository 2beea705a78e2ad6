"""Connections: listed, shown, put and removed."""

from collections.abc import Iterator

from repositories.contracts.store import Store, Work
from repositories.errors import NotConfigured, StorageError
from repositories.records.definitions import (
    ConnectionDefinition,
    DefinitionFilter,
    Stored,
)
from services.definitions.addresses import STORED, Sealer
from services.definitions.changes import CONNECTIONS, QUERIES, Author, definition_of, every
from services.definitions.conditions import Condition
from services.definitions.documents import ConnectionDocument
from services.definitions.registers import UsedRegister
from services.definitions.rules import faults_of_connection, find_sql_fault_at
from services.definitions.unmasking import unmask
from services.definitions.views import ConnectionView, view_connection
from services.definitions.written import Written
from services.errors import Fault, InvalidRequest


class ConnectionRegister(UsedRegister[ConnectionDefinition, ConnectionDocument, ConnectionView]):
    def __init__(self, store: Store, sealer: Sealer) -> None:
        super().__init__(store, CONNECTIONS, view_connection)
        self._sealer = sealer

    def put(
        self, name: str, document: ConnectionDocument, condition: Condition, author: Author
    ) -> Written[ConnectionView]:
        """Sealing may have to ask a Key Vault for the keys, and is tried before others wait."""
        with self._store.read() as work:
            stored = work.connections.find(name)
        self.sealed(name, document, definition_of(stored))
        return super().put(name, document, condition, author)

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

    def _defined(
        self, name: str, document: ConnectionDocument, old: ConnectionDefinition | None
    ) -> tuple[ConnectionDefinition, list[Fault]]:
        return self.sealed(name, document, old), []

    def _faults(
        self,
        work: Work,
        stored: Stored[ConnectionDefinition] | None,
        definition: ConnectionDefinition,
    ) -> Iterator[Fault]:
        """Another kind of database must understand what runs there."""
        if stored is None or definition.provider == stored.definition.provider:
            return
        filters = DefinitionFilter(connection=definition.name)
        names = {kpi.definition.query for kpi in every(work.indicators, filters)}
        for name in sorted(names):
            query = QUERIES.get(work, name).definition
            if fault := find_sql_fault_at(query, definition.provider):
                yield Fault("provider", f"query {name} {fault}")

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
