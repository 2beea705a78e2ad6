"""Which version of a thing somebody means to change, as HTTP has it: ETags."""

import re
from dataclasses import dataclass
from typing import Any

from repositories.records.definitions import Stored
from services.errors import Fault, InvalidRequest, PreconditionFailed, PreconditionRequired

ANY = "*"
TAG = re.compile(r'(W/)?"([^"]*)"')
TAGS = re.compile(r'\s*(?:W/)?"[^"]*"\s*(?:,\s*(?:W/)?"[^"]*"\s*)*')


def etag_of(stored: Stored[Any]) -> str:
    return f'"{stored.id[:8]}-{stored.version}"'


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether who reads a thing has it already; what is no ETag is none of this one."""
    if if_none_match is None:
        return False
    known = (tag for _, tag in TAG.findall(if_none_match))
    return if_none_match.strip() == ANY or etag.strip('"') in known


def _strong_tags(if_match: str) -> frozenset[str]:
    """A weak one may stand for another version (RFC 9110, 13.1.1)."""
    return frozenset(tag for weak, tag in TAG.findall(if_match) if not weak)


@dataclass(frozen=True, slots=True)
class Condition:
    """`tags` are the versions that it may be of: None where nothing was said."""

    tags: frozenset[str] | None = None
    is_any: bool = False
    only_new: bool = False

    @classmethod
    def read(cls, if_match: str | None, if_none_match: str | None) -> "Condition":
        """Raises InvalidRequest."""
        faults = []
        if if_match is not None and if_match.strip() != ANY and not TAGS.fullmatch(if_match):
            faults.append(Fault("If-Match", 'neither * nor an ETag such as "0f3a51c2-4"'))
        if if_none_match is not None and if_none_match.strip() != ANY:
            faults.append(Fault("If-None-Match", "only * is understood"))
        if faults:
            raise InvalidRequest(faults)
        is_any = if_match is not None and if_match.strip() == ANY
        tags = None if if_match is None or is_any else _strong_tags(if_match)
        return cls(tags, is_any=is_any, only_new=if_none_match is not None)

    def check_put(self, stored: Stored[Any] | None) -> None:
        """Raises where this is not what is meant to be replaced, or to be new."""
        self._check(stored)
        if stored is not None and self.tags is None and not self.is_any:
            raise PreconditionRequired(
                "This exists: send its ETag as If-Match, or If-Match: * to overwrite whatever there"
                " is."
            )

    def check_removal(self, stored: Stored[Any]) -> None:
        self._check(stored)

    def _check(self, stored: Stored[Any] | None) -> None:
        if stored is None:
            if self.tags is not None or self.is_any:
                raise PreconditionFailed("There is no such thing to be replaced.")
            return
        if self.only_new:
            raise PreconditionFailed("This exists already.")
        if self.tags is not None and etag_of(stored).strip('"') not in self.tags:
            raise PreconditionFailed(f"This is at version {stored.version} by now.")
