"""The keys of ENCRYPTION_KEYS: the first one encrypts, and all of them decrypt.

They stand in the setting itself, with commas between them, or in a secret of Azure Key Vault.
"""

import binascii
import logging
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from repositories.errors import NotConfigured
from repositories.key_vault import NO_REFERENCE, is_reference
from repositories.key_vault import PREFIX as VAULT

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

logger = logging.getLogger(__name__)

KEY_BYTES = 32
MISSING = "there is no key for it: ENCRYPTION_KEYS is not set, or is wrong"
UNKNOWN = "no key of ENCRYPTION_KEYS fits: it was encrypted with another one"


def check_keys(text: str) -> None:
    """What the setting may be. Raises ValueError, which says which one is no key and never what it
    is.
    """
    if text.startswith(VAULT):
        if not is_reference(text):
            raise ValueError(NO_REFERENCE)
        return
    keys = _split(text)
    if wrong := [str(number) for number, key in enumerate(keys, start=1) if not _is_key(key)]:
        which = f"{', '.join(wrong)} of {len(keys)}"
        raise ValueError(f"key {which} is none: `make new-key` makes one")


def good_keys(text: str) -> list[str]:
    """Those that are keys, of what `check_keys` may complain about."""
    return [key for key in _split(text) if _is_key(key)]


def _split(text: str) -> list[str]:
    return [key.strip() for key in text.split(",")]


def _is_key(text: str) -> bool:
    try:
        return len(text) == 44 and len(urlsafe_b64decode(text)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def make_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


class Keys:
    """`read` gives the text of the keys, empty where there are none, or raises a StorageError."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    @classmethod
    def of(cls, text: str, read_vault: Callable[[str], str]) -> "Keys":
        """The keys of the setting, or of the secret in a Key Vault that it names."""
        return cls(partial(read_vault, text) if text.startswith(VAULT) else lambda: text)

    def check(self) -> None:
        """Raises NotConfigured where there is none, or one of them is no key."""
        self._fernets()
        try:
            check_keys(self._read())
        except ValueError as error:
            raise NotConfigured(f"ENCRYPTION_KEYS is wrong: {error}") from None

    def encrypt(self, text: str) -> str:
        return self._fernets()[0].encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Raises NotConfigured where there is no key that fits."""
        from cryptography.fernet import InvalidToken, MultiFernet

        try:
            return MultiFernet(self._fernets()).decrypt(_bytes_of(token)).decode()
        except InvalidToken as error:
            raise NotConfigured(UNKNOWN) from error

    def is_newest(self, token: str) -> bool:
        """Whether it was encrypted with the first key."""
        from cryptography.fernet import InvalidToken

        try:
            self._fernets()[0].decrypt(_bytes_of(token))
        except InvalidToken:
            return False
        return True

    def _fernets(self) -> "Sequence[Fernet]":
        text = self._read()
        if not text:
            raise NotConfigured(MISSING)
        return _fernets_of(text)


def _bytes_of(token: str) -> bytes:
    """What has other characters in it is no token."""
    return token.encode("ascii", "replace")


@lru_cache(maxsize=2)
def _fernets_of(text: str) -> "Sequence[Fernet]":
    from cryptography.fernet import Fernet

    try:
        check_keys(text)
    except ValueError as error:
        logger.warning("ENCRYPTION_KEYS is wrong: %s", error)
    if keys := good_keys(text):
        return [Fernet(key) for key in keys]
    raise NotConfigured(MISSING)
