"""A definition by its members, as documents name them; and what of it has changed."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from repositories.records.rows import Json
from services.encoding import encode
from services.masking import mask_json

Definition = ConnectionDefinition | QueryDefinition | KpiDefinition
NESTED = ("rule", "history")
CHANGED = "(changed)"


def members_of(definition: Definition) -> dict[str, Any]:
    """Flat, without the name, and without whether the address is encrypted."""
    members = asdict(definition)
    for name in NESTED:
        members |= members.pop(name, {})
    for name in ("name", "is_encrypted"):
        members.pop(name, None)
    return members


def changes_between(
    old: Definition | None, new: Definition | None
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The members that differ, as they were and as they are; an address is never among them."""
    before = members_of(old) if old else {}
    after = members_of(new) if new else {}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return _part(before, names), _part(after, names)


def as_json(members: Mapping[str, Any]) -> Json | None:
    """Masked, since SQL too may hold a secret."""
    return Json(mask_json(encode(members).decode())) if members else None


def _part(members: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {
        name: CHANGED if name == "address" else members[name] for name in names if name in members
    }
