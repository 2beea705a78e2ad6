"""Where a KPI's connection leads: one target for each, with its connections, as long as it stays.

The URL decides which kind of database it is, and it must be the one that the connection's provider
names: its SQL was checked as such.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from repositories.contracts.databases import PoolUse, Target
from repositories.errors import NotConfigured
from repositories.records.kpis import Connection
from services.definitions.addresses import find_other_provider
from services.secrets.addresses import Addresses


class OpenTarget(Protocol):
    def __call__(self, url: str, *, connect_seconds: int, size: int) -> Target: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A target, what it was opened with, and what of its connection that was made of."""

    name: str
    made_of: tuple[object, ...]
    options: tuple[object, ...]
    target: Target


class Targets:
    """One for each connection, for any number of threads at once."""

    def __init__(self, addresses: Addresses, open_target: OpenTarget) -> None:
        self._addresses, self._open = addresses, open_target
        self._lock = Lock()
        self._opened: dict[str, Opened] = {}

    def open(self, connection: Connection) -> Target:
        """The connection's target, a new one where the connection or its URL was changed.

        Raises NotConfigured, BadUrl, or Unavailable where the URL cannot be had now.
        """
        known = self._opened.get(connection.connection_id)
        made_of = _made_of(connection)
        if known and known.made_of == made_of and not self._addresses.may_change(connection):
            return known.target
        url = self._addresses.url_of(connection)
        with self._lock:
            known = self._opened.get(connection.connection_id)
            stays = known is not None and known.options == _options(url, connection)
            target = known.target if known and stays else self._opened_with(url, connection)
            self._opened[connection.connection_id] = Opened(
                connection.name, made_of, _options(url, connection), target
            )
        if known is not None and not stays:
            known.target.close()
        return target

    def open_anew(self, connection: Connection) -> Target:
        """A target of the caller's own, who closes it. Raises as `open`."""
        return self._opened_with(self._addresses.url_of(connection), connection)

    def use(self) -> Mapping[str, PoolUse]:
        """By the connection's name."""
        return {one.name: one.target.use() for one in self._all().values()}

    def close_idle(self) -> None:
        """Close what nobody has used for a minute, and forget targets of which nothing is left."""
        for connection_id, one in self._all().items():
            one.target.close_idle()
            use = one.target.use()
            if use.in_use == use.idle == 0:
                self._forget(connection_id, one)

    def close(self) -> None:
        """What is in use is closed when its statement is over."""
        with self._lock:
            opened, self._opened = self._opened, {}
        for one in opened.values():
            one.target.close()

    def _all(self) -> Mapping[str, Opened]:
        with self._lock:
            return dict(self._opened)

    def _forget(self, connection_id: str, one: Opened) -> None:
        """Who has got it just now can still use it: it keeps nothing from now on."""
        with self._lock:
            if self._opened.get(connection_id) is one:
                del self._opened[connection_id]
        one.target.close()

    def _opened_with(self, url: str, connection: Connection) -> Target:
        if fault := find_other_provider(url, connection.provider):
            raise NotConfigured(f"the connection {fault}")
        return self._open(
            url, connect_seconds=connection.timeout_seconds, size=connection.max_parallel
        )


def _options(url: str, connection: Connection) -> tuple[object, ...]:
    return url, connection.timeout_seconds, connection.max_parallel


def _made_of(connection: Connection) -> tuple[object, ...]:
    return (
        connection.name,
        connection.address,
        connection.is_encrypted,
        connection.timeout_seconds,
        connection.max_parallel,
    )
