"""Answers of several parts, of which one may not be there while the others are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from repositories.errors import BadStatement, NotAllowed, NotOffered, StatementTimeout

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NotAvailable:
    """Stands where a part would, and says why it cannot be had."""

    reason: str
    status: str = "not available"


def ask_part(ask: Callable[[], T]) -> T | NotAvailable:
    """What a part says. One that this server does not know, or not allow, or not have in time is
    no reason to lose the others; a database that is gone is, and raises.
    """
    try:
        return ask()
    except (NotAllowed, NotOffered, BadStatement, StatementTimeout) as error:
        return NotAvailable(str(error))
