"""Encryption that anybody can undo."""

from repositories.errors import NotConfigured
from services.definitions.addresses import holds_secret

SEAL = "sealed:"


class FakeSealer:
    """`has_key` False: as where no key is configured. No two seals of one address are alike."""

    def __init__(self) -> None:
        self.has_key, self.sealed = True, 0
        self.settings: dict[str, str] = {}

    def seal(self, address: str) -> tuple[str, bool]:
        if not holds_secret(address):
            return address, False
        if not self.has_key:
            raise NotConfigured("there is no key")
        self.sealed += 1
        return f"{SEAL}{self.sealed}:{address[::-1]}", True

    def unseal(self, stored: str) -> str:
        if not self.has_key:
            raise NotConfigured("there is no key")
        return stored.removeprefix(SEAL).partition(":")[2][::-1]

    def known_url(self, address: str) -> str | None:
        return self.settings.get(address.removeprefix("setting:"))
