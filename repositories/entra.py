"""Entra tokens, in place of passwords; azure-identity keeps each until it expires."""

from functools import cache
from typing import Any

from repositories.errors import LoginRefused


def entra_token(scope: str) -> str:
    """A token of the app's own identity. Raises LoginRefused where none can be had."""
    from azure.core.exceptions import AzureError

    try:
        return str(credential().get_token(scope).token)
    except AzureError as error:
        raise LoginRefused("no Entra token could be had for the app's identity") from error


@cache
def credential() -> Any:  # noqa: ANN401 - azure-identity is imported only where it is used
    """The app's own identity."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()
