"""A plan as somebody reads it before agreeing to it."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.definitions.members import changes_between
from services.definitions.plans import Changes, Plan
from services.masking import mask_text

LONGEST_SHOWN = 60


def describe_plan(plan: Plan) -> Iterator[str]:
    """A line for each change, and one with how many there are."""
    if plan.is_empty:
        yield "Nothing to do: the store is as the file says."
        return
    for changes in plan.every:
        yield from _lines(changes)
    added, changed, removed = (
        sum(len(getattr(changes, what)) for changes in plan.every)
        for what in ("added", "changed", "removed")
    )
    yield f"{added} to add, {changed} to change, {removed} to remove."


def _lines(changes: Changes[Any]) -> Iterator[str]:
    words = changes.kind.words
    for new in changes.added:
        yield f"+ {words} {new.name}"
    for old, new in changes.changed:
        yield f"~ {words} {new.name}: {_difference(*changes_between(old.definition, new))}"
    for old in changes.removed:
        history = ", with its results" if words == "KPI" else ""
        yield f"- {words} {old.definition.name}{history}"


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    names = dict.fromkeys((*before, *after))
    if not names:
        return "address is stored in another way"
    return ", ".join(_member(name, before.get(name), after.get(name)) for name in names)


def _member(name: str, before: object, after: object) -> str:
    shown = [_shown(value) for value in (before, after)]
    if name == "address" or any(len(text) > LONGEST_SHOWN or "\n" in text for text in shown):
        return f"{name} (changed)"
    return f"{name} {shown[0]} -> {shown[1]}"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return mask_text(text) or "''"
