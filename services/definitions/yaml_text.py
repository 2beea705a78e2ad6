"""YAML as plain values: texts, whole numbers, true and false, null, lists and mappings.

Read from the parser's events, so that nothing else can come of it: no tags, no anchors and aliases
(which can refer to themselves, or multiply), no key twice. A scalar is what YAML 1.2 says it is:
`on` and `no` are texts, and a number with a fraction stays the text that it was, to the last digit.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from services.masking import show_name

DEEPEST = 10
WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
STRANGE = re.compile(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u2028\u2029]")
"""What is escaped, since not every reader of YAML takes it as it is."""
WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")


class Unreadable(ValueError):
    """This is no YAML that is understood here: the line, and why."""


def read_yaml(text: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Raises Unreadable."""
    import yaml

    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    try:
        return _Reader(yaml.parse(text, Loader=loader)).read()
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        place = f"line {mark.line + 1}: " if mark else ""
        reason = problem or "has a character that YAML does not allow"
        raise Unreadable(f"{place}{reason}") from None


def write_yaml(value: object) -> str:
    """In an order that is the value's own; a text of several lines as a block."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ANN401
            return super().increase_indent(flow, False)

    Dumper.add_representer(str, _represent_text)
    Dumper.add_representer(Decimal, _represent_number)
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def _represent_text(dumper: Any, text: str) -> Any:  # noqa: ANN401 - PyYAML has no types
    style = '"' if STRANGE.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_number(dumper: Any, number: Decimal) -> Any:  # noqa: ANN401 - PyYAML has no types
    text = format(number.normalize(), "f")
    kind = "float" if "." in text else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


class _Reader:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events

    def read(self) -> Any:  # noqa: ANN401 - whatever stands there
        value, documents = None, 0
        for event in self._events:
            if type(event).__name__ == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise Unreadable(f"{_line(event)}: there is more than one document")
                value = self._value(next(self._events), 0)
        return value

    def _value(self, event: Any, depth: int) -> Any:  # noqa: ANN401 - PyYAML has no types
        kind = type(event).__name__
        if kind == "AliasEvent" or event.anchor is not None:
            raise Unreadable(f"{_line(event)}: anchors and aliases are not understood here")
        if event.tag is not None and event.tag != "!":
            raise Unreadable(f"{_line(event)}: tags are not understood here")
        if depth > DEEPEST:
            raise Unreadable(f"{_line(event)}: deeper than {DEEPEST} levels")
        if kind == "ScalarEvent":
            return _scalar(event)
        parts = self._parts(depth)
        return self._mapping(parts) if kind == "MappingStartEvent" else [one for _, one in parts]

    def _parts(self, depth: int) -> Iterator[tuple[Any, Any]]:
        for event in self._events:
            if type(event).__name__ in {"MappingEndEvent", "SequenceEndEvent"}:
                return
            yield event, self._value(event, depth + 1)

    @staticmethod
    def _mapping(parts: Iterator[tuple[Any, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event, key in parts:
            if not isinstance(key, str):
                raise Unreadable(f"{_line(event)}: a key is a text")
            if key in found:
                raise Unreadable(f"{_line(event)}: {show_name(key)} stands there twice")
            found[key] = None
            _, found[key] = next(parts)
        return found


def _scalar(event: Any) -> str | int | bool | None:  # noqa: ANN401 - PyYAML has no types
    text: str = event.value
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable(f"{_line(event)}: half a character") from None
    if event.style or not event.implicit[0]:
        return text
    if text in WORDS:
        return WORDS[text]
    return int(text) if WHOLE.fullmatch(text) else text


def _line(event: Any) -> str:  # noqa: ANN401 - PyYAML has no types
    return f"line {event.start_mark.line + 1}"
