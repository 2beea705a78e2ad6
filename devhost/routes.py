"""Route templates, `db/jobs/{job_id:length(64)}`, matched as ASP.NET Core matches them."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

from devhost.constraints import Constraint, read_constraint

ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)
NOT_IN_A_NAME: Final = frozenset("/{}?*")


@dataclass(frozen=True)
class Parameter:
    name: str
    constraints: tuple[Constraint, ...]
    default: str | None
    optional: bool
    catch_all: bool

    @property
    def may_be_missing(self) -> bool:
        return self.optional or self.catch_all or self.default is not None


Part = str | Parameter
Segment = tuple[Part, ...]


class RouteTemplate:
    """Raises ValueError, in the host's words, for a template that the host would not take."""

    def __init__(self, template: str) -> None:
        self.template = template
        segments = _read_segments(template)
        self._parameters = [p for segment in segments for p in segment if isinstance(p, Parameter)]
        _refuse_repeated_names(self._parameters)
        self._pattern = re.compile(_pattern_of(segments), re.IGNORECASE | re.DOTALL)

    def match(self, path: str) -> dict[str, str] | None:
        """The values of the parameters, or None where the decoded `path` is not of this form."""
        if (match := self._pattern.fullmatch(path)) is None:
            return None
        values: dict[str, str] = {}
        for parameter, found in zip(self._parameters, match.groups(), strict=True):
            value = found or parameter.default
            if value is None:
                continue
            if not all(holds(value) for holds in parameter.constraints):
                return None
            values[parameter.name] = value
        return values


def decode_path(raw_path: bytes) -> str:
    """The path with its escapes resolved, save `%2F`, which stays inside its segment."""
    path = raw_path.decode("latin-1")
    if "%" not in path:
        return path
    return unquote(ENCODED_SLASH.sub("%252F", path))


def _pattern_of(segments: list[Segment]) -> str:
    pattern = ""
    rest_may_be_left_out = True
    for segment in reversed(segments):
        pattern = "/" + "".join(map(_pattern_of_part, segment)) + pattern
        rest_may_be_left_out = rest_may_be_left_out and _may_be_left_out(segment)
        if rest_may_be_left_out:
            pattern = f"(?:{pattern})?"
    return pattern + "/?"


def _pattern_of_part(part: Part) -> str:
    if isinstance(part, str):
        return re.escape(part)
    return "(.*)" if part.catch_all else "([^/]+)"


def _may_be_left_out(segment: Segment) -> bool:
    return len(segment) == 1 and isinstance(segment[0], Parameter) and segment[0].may_be_missing


def _read_segments(template: str) -> list[Segment]:
    if template.startswith("/"):
        raise ValueError("the route template separator character '/' cannot appear consecutively")
    texts = _split(template, "/")
    if texts[-1] == "":
        texts.pop()
    if "" in texts:
        raise ValueError("the route template separator character '/' cannot appear consecutively")
    segments = [_read_segment(text) for text in texts]
    for index, segment in enumerate(segments):
        _refuse_misplaced(segment, last=index == len(segments) - 1)
    return segments


def _refuse_misplaced(segment: Segment, *, last: bool) -> None:
    for part in segment:
        if isinstance(part, str):
            continue
        if part.catch_all and not (last and len(segment) == 1):
            raise ValueError("a catch-all parameter can only be the last segment of the template")
        if part.optional and not (last and len(segment) == 1):
            raise ValueError(
                f"the optional parameter '{part.name}' must be the last segment, alone"
            )


def _read_segment(text: str) -> Segment:
    parts: list[Part] = []
    position = 0
    while position < len(text):
        opening = _find_opening(text, position)
        if opening > position:
            parts.append(_unescape(text[position:opening]))
        if opening == len(text):
            break
        closing = _find_closing(text, opening)
        parts.append(_read_parameter(text[opening + 1 : closing]))
        position = closing + 1
    _refuse_adjacent(parts)
    return tuple(parts)


def _find_opening(text: str, start: int) -> int:
    position = start
    while position < len(text) and (text[position] != "{" or text[position + 1 :][:1] == "{"):
        position += 2 if text[position : position + 2] == "{{" else 1
    return position


def _find_closing(text: str, opening: int) -> int:
    position = opening + 1
    while position < len(text):
        if text[position : position + 2] in ("{{", "}}"):
            position += 2
        elif text[position] == "}":
            return position
        else:
            position += 1
    raise ValueError(f"there is an incomplete parameter in the route template: '{text}'")


def _unescape(text: str) -> str:
    if "}" in text.replace("}}", "") or "?" in text:
        raise ValueError(f"the literal section '{text}' is invalid: it has a '}}' or '?'")
    return text.replace("{{", "{").replace("}}", "}")


def _refuse_adjacent(parts: list[Part]) -> None:
    for one, other in pairwise(parts):
        if isinstance(one, Parameter) and isinstance(other, Parameter):
            raise ValueError("a path segment cannot contain two consecutive parameters")


def _read_parameter(content: str) -> Parameter:
    text = content.replace("{{", "{").replace("}}", "}")
    bare = text.lstrip("*")
    catch_all = bare != text
    bare, equals, default = _cut(bare, "=")
    optional = not equals and bare.endswith("?")
    name, *constraints = _split(bare.removesuffix("?") if optional else bare, ":")
    if not name or NOT_IN_A_NAME & set(name):
        raise ValueError(f"the route parameter name '{name}' is invalid")
    return Parameter(
        name=name,
        constraints=tuple(map(read_constraint, constraints)),
        default=default if equals else None,
        optional=optional,
        catch_all=catch_all,
    )


def _refuse_repeated_names(parameters: list[Parameter]) -> None:
    seen: set[str] = set()
    for parameter in parameters:
        if parameter.name.casefold() in seen:
            raise ValueError(f"the route parameter name '{parameter.name}' appears more than once")
        seen.add(parameter.name.casefold())


def _cut(text: str, separator: str) -> tuple[str, str, str]:
    """Like str.partition, but blind to what stands in parentheses."""
    first, *rest = _split(text, separator)
    return first, separator if rest else "", separator.join(rest)


def _split(text: str, separator: str) -> list[str]:
    """Like str.split, but blind to what stands in braces or parentheses."""
    pieces = [""]
    depth = 0
    for character in text:
        depth += (character in "({") - (character in ")}")
        if character == separator and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces
