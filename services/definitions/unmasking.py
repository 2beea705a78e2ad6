"""A text that comes back as it was shown: with *** where a secret is, it means what is stored."""

from collections.abc import Iterator
from typing import TypeVar

import orjson

from services.definitions.documents import Document
from services.definitions.members import Definition, members_of
from services.encoding import encode
from services.errors import Fault
from services.masking import MASK, mask_json

M = TypeVar("M", bound=Document)

LIKE_A_SECRET = "Zq7wX9vLm3Kp8RtB2sNd4h"  # noqa: S105 - it is none, and masked as one
HIDDEN = (
    f"has {MASK} where a secret was hidden: write the secret itself, or send the whole text as it"
    " is shown to leave it as it is"
)


def unmask(document: M, stored: Definition | None) -> tuple[M, list[Fault]]:
    """The document with what is stored where that comes back masked; and which of its texts have
    lost a secret. Addresses have a word of their own for this.
    """
    known = members_of(stored) if stored else {}
    kept: dict[str, str] = {}
    faults = []
    for name, text in _masked_texts(document):
        was = known.get(name)
        if isinstance(was, str) and text in {was, as_shown(was)}:
            kept[name] = was
        elif _has_lost_a_secret(text, was):
            faults.append(Fault(name, HIDDEN))
    return document.model_copy(update=kept), faults


def as_shown(text: str) -> str:
    """As answers have it."""
    shown: str = orjson.loads(mask_json(encode(text).decode()))
    return shown


def _masked_texts(document: Document) -> Iterator[tuple[str, str]]:
    for name, value in document:
        if name != "address" and isinstance(value, str) and MASK in value:
            yield name, value


def _has_lost_a_secret(text: str, was: object) -> bool:
    """Where a secret would be masked in the place of the mask, or where others were in the text."""
    with_secrets = text.replace(MASK, LIKE_A_SECRET)
    if as_shown(with_secrets).count(LIKE_A_SECRET) < text.count(MASK):
        return True
    return isinstance(was, str) and was != as_shown(was) and text.count(MASK) > was.count(MASK)
