"""What is stored of a connection's address, and the URL that it stands for."""

from collections.abc import Callable, Mapping

from repositories.errors import NotConfigured
from repositories.key_vault import PREFIX as VAULT
from repositories.key_vault import is_reference
from repositories.records.kpis import Connection
from services.definitions.addresses import holds_secret
from services.secrets.keys import Keys

SETTING = "setting:"
LONGEST_STORED = 1000


class Addresses:
    """`settings` gives the value of an app setting, `read_vault` that of a Key Vault's secret."""

    def __init__(
        self, keys: Keys, settings: Mapping[str, str], read_vault: Callable[[str], str]
    ) -> None:
        self._keys, self._settings, self._read_vault = keys, settings, read_vault

    def seal(self, address: str) -> tuple[str, bool]:
        """What is to be stored, and whether that is encrypted. NotConfigured where it must be and
        there is no key.
        """
        if not holds_secret(address):
            return address, False
        try:
            token = self._keys.encrypt(address)
        except NotConfigured as error:
            raise NotConfigured(f"holds a secret, and {error}") from error
        if len(token) > LONGEST_STORED:
            raise NotConfigured("is too long to be encrypted")
        return token, True

    def unseal(self, stored: str) -> str:
        """The address again; a StorageError where there is no key that fits."""
        return self._keys.decrypt(stored)

    def known_url(self, address: str) -> str | None:
        """What an app setting says, where one is named and set; nobody else is asked."""
        is_setting = address.startswith(SETTING)
        return self._settings.get(address.removeprefix(SETTING)) if is_setting else None

    def url_of(self, connection: Connection) -> str:
        """The URL itself. Raises a StorageError that tells no secret."""
        address = connection.address
        if connection.is_encrypted:
            return self.unseal(address)
        if address.startswith(VAULT):
            return self._read_vault(address)
        if not address.startswith(SETTING):
            return address
        if not (url := self.known_url(address)):
            raise NotConfigured(f"{address.removeprefix(SETTING)} is not set")
        return url

    def may_change(self, connection: Connection) -> bool:
        """Whether the URL may be another one while what is stored stays the same."""
        return not connection.is_encrypted and is_reference(connection.address)
