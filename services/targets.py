"""Where a KPI's connection leads: its URL, and the errors that mean there is none.

The URL decides which kind of database it is; the connection's provider is a name for people.
"""

from collections.abc import Callable, Mapping

from repositories.contracts.databases import Target
from repositories.errors import NotConfigured
from repositories.records.kpis import Connection

REFERENCE = "setting:"

OpenTarget = Callable[[str, int], Target]


class Targets:
    """`settings` gives the value of an app setting; `open_target` makes a target of a URL."""

    def __init__(self, settings: Mapping[str, str], open_target: OpenTarget) -> None:
        self._settings, self._open = settings, open_target

    def open(self, connection: Connection) -> Target:
        """Raises NotConfigured or BadUrl."""
        return self._open(self._url(connection), connection.timeout_seconds)

    def _url(self, connection: Connection) -> str:
        if connection.is_encrypted:
            raise NotConfigured(f"connection {connection.name} is encrypted, and there is no key")
        if not connection.address.startswith(REFERENCE):
            return connection.address
        setting = connection.address.removeprefix(REFERENCE)
        if not (url := self._settings.get(setting)):
            raise NotConfigured(f"{setting} is not set")
        return url
