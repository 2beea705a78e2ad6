"""Secrets in Azure Key Vault, read with the app's identity; azure is imported when first used."""

import re
from collections.abc import Callable
from typing import Any

from repositories.entra import credential
from repositories.errors import BadUrl, NotConfigured, StorageError, Unavailable
from repositories.patience import wait_for

PREFIX = "keyvault:"
NO_REFERENCE = "is no reference: keyvault:https://NAME.vault.azure.net/secrets/NAME"
CLOUDS = r"vault\.azure\.net|vault\.azure\.cn|vault\.usgovcloudapi\.net|vault\.microsoftazure\.de"
REFERENCE = re.compile(
    rf"keyvault:(https://[A-Za-z][A-Za-z0-9-]{{1,22}}[A-Za-z0-9]\.(?:{CLOUDS}))"
    r"/secrets/([0-9A-Za-z-]{1,127})(?:/([0-9a-f]{32}))?/?",
    re.IGNORECASE,
)
"""Only Azure's own hosts: who may write a reference could have the app's token sent anywhere."""

ANSWER_SECONDS = 5.0
IN_ALL_SECONDS = 10.0
REFUSALS = {
    400: "Key Vault does not understand the reference",
    401: "Key Vault does not know the app's identity",
    403: "Key Vault does not let the app's identity read the secret",
    404: "there is no such secret in the Key Vault",
}


def is_reference(text: str) -> bool:
    return REFERENCE.fullmatch(text) is not None


class KeyVault:
    """`options` are the client's: a test gives a transport and a credential of its own."""

    def __init__(self, get_credential: Callable[[], Any] = credential, **options: object) -> None:
        self._credential, self._options = get_credential, options

    def read(self, reference: str) -> str:
        """The secret's value, within ten seconds.

        NotConfigured where it cannot be had, Unavailable where it cannot be had now, BadUrl where
        the reference is none.
        """
        match = REFERENCE.fullmatch(reference)
        if match is None:
            raise BadUrl(
                "no reference to a secret: keyvault:https://NAME.vault.azure.net/secrets/…"
            )
        host, name, version = match[1].lower(), match[2], match[3]
        value = wait_for(
            lambda: self._fetch(host, name, version), seconds=IN_ALL_SECONDS, late=AwayVault
        )
        if not value:
            raise NotConfigured("the secret in the Key Vault is empty")
        return value

    def _fetch(self, host: str, name: str, version: str | None) -> str:
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            with self._client(host) as client:
                secret = client.get_secret(
                    name, version, connection_timeout=ANSWER_SECONDS, read_timeout=ANSWER_SECONDS
                )
                return str(secret.value or "").strip()
        except HttpResponseError as error:
            raise _meaning_of(error.status_code) from error
        except ValueError as error:
            raise NotConfigured("the Key Vault asks for a token that is not for it") from error
        except AzureError as error:
            raise AwayVault from error

    def _client(self, host: str) -> Any:  # noqa: ANN401 - of a library that is imported lazily
        from azure.keyvault.secrets import SecretClient

        return SecretClient(
            host,
            self._credential(),
            retry_total=0,
            permit_redirects=False,
            **self._options,
        )


class AwayVault(Unavailable):
    """Key Vault cannot be reached."""


def _meaning_of(status: int | None) -> StorageError:
    """Without one it is the credential's error: the vault was not asked."""
    if status is None:
        return NotConfigured("no Entra token could be had for the app's identity")
    if refusal := REFUSALS.get(status):
        return NotConfigured(refusal)
    if status == 429:
        return AwayVault("Key Vault has been asked too often")
    return AwayVault("Key Vault has failed")
