"""Encrypt every address once more, with the first key: what a change of keys ends with."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from repositories.contracts.store import Store, Work
from repositories.errors import StorageError
from repositories.records.definitions import EVERY, ConnectionDefinition, Stored
from repositories.records.retries import AuditEntry
from repositories.records.rows import Json
from services.secrets.keys import Keys

BATCH = 100
TRIES = 3
ACTION = "rekey_connection"
CHANGED = Json('{"address":"(encrypted)"}')
Row = Stored[ConnectionDefinition]


@dataclass(slots=True)
class Rekeyed:
    """How many addresses were encrypted once more, how many had been before, and which ones could
    not be: no key fits, or somebody changed them all the time.
    """

    done: int = 0
    already: int = 0
    unreadable: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return not self.unreadable and not self.busy


def rekey_connections(store: Store, keys: Keys, *, actor: str, reason: str) -> Rekeyed:
    """In batches, each of which is kept or not as a whole; nothing that was done is done again.

    NotConfigured where there is no key, or one of them is none: the first may not be the one that
    is meant.
    """
    keys.check()
    rekeyed, after = Rekeyed(), ""
    while True:
        with store.read() as work:
            rows = work.connections.list(EVERY, after=after or None, limit=BATCH)
        if not rows:
            return rekeyed
        left = [row.definition.name for row in rows if row.definition.is_encrypted]
        for _ in range(TRIES):
            if not left:
                break
            with store.work() as work:
                left = _rekey(work, left, keys, rekeyed, actor=actor, reason=reason)
        rekeyed.busy += left
        after = rows[-1].definition.name


def _rekey(
    work: Work, names: Sequence[str], keys: Keys, rekeyed: Rekeyed, *, actor: str, reason: str
) -> list[str]:
    """The names of those that somebody changed meanwhile."""
    changes = [
        (changed, row.version)
        for name in names
        if (row := work.connections.find(name)) and (changed := _rekeyed(row, keys, rekeyed))
    ]
    if not changes:
        return []
    done = work.connections.replace_all(changes, actor=actor)
    work.audit.add([_entry(name, actor=actor, reason=reason) for name in sorted(done)])
    rekeyed.done += len(done)
    return [definition.name for definition, _ in changes if definition.name not in done]


def _rekeyed(row: Row, keys: Keys, rekeyed: Rekeyed) -> ConnectionDefinition | None:
    definition = row.definition
    if not definition.is_encrypted:
        return None
    if keys.is_newest(definition.address):
        rekeyed.already += 1
        return None
    try:
        address = keys.decrypt(definition.address)
    except StorageError:
        rekeyed.unreadable.append(definition.name)
        return None
    return replace(definition, address=keys.encrypt(address))


def _entry(name: str, *, actor: str, reason: str) -> AuditEntry:
    return AuditEntry(
        actor=actor,
        action=ACTION,
        entity_type="connection",
        entity_id=name,
        old_values=CHANGED,
        new_values=CHANGED,
        reason=reason,
    )
