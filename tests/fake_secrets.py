"""Addresses as the app has them, with keys of a test's own and no Key Vault, or a fake one."""

from collections.abc import Mapping

from repositories.errors import NotConfigured
from services.secrets.addresses import Addresses
from services.secrets.keys import Keys

NOTHING: Mapping[str, str] = {}


def addresses_of(
    settings: Mapping[str, str] = NOTHING, *, keys: str = "", vault: Mapping[str, str] = NOTHING
) -> Addresses:
    """`vault` has the secrets by the references to them."""

    def read_vault(reference: str) -> str:
        if reference not in vault:
            raise NotConfigured("there is no such secret in the Key Vault")
        return vault[reference]

    return Addresses(Keys.of(keys, read_vault), settings, read_vault)
