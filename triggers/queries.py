"""What a request asks: its parameters and its body, checked together, each fault named."""

import json
import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import orjson
import pydantic
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    model_validator,
)

from services.encoding import encode
from services.errors import Fault, InvalidRequest
from services.fault_words import words_of
from services.masking import show_name
from services.pages import Position

FUNCTION_KEY = "code"
EXACT_LENGTH = 16
"""Fifteen digits and a point: so many a float holds."""
UNKNOWN = "unknown parameter"
WHOLE = re.compile(r"-?[0-9]+")

Q = TypeVar("Q", bound="Query")
B = TypeVar("B", bound="Body")


class Query(BaseModel):
    """Route and query-string values; names that nobody knows are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, req: func.HttpRequest) -> Self:
        """Raises InvalidRequest, which names every bad parameter."""
        given, placed = _given_values(req), req.route_params
        faults = [Fault(name, UNKNOWN) for name in given if name in placed]
        try:
            found = cls.model_validate({**given, **placed})
        except pydantic.ValidationError as error:
            raise InvalidRequest([*faults, *map(_fault, error.errors())]) from None
        if faults:
            raise InvalidRequest(faults)
        return found


Fresh = Annotated[bool, Field(description="Takes nothing from the cache.")]


class FreshQuery(Query):
    """For an answer that is kept for a few seconds."""

    fresh: Fresh = False


class Body(BaseModel):
    """A JSON object in the body, of so many bytes at most.

    `exact` are the members that take a number as text too: what no float holds is given to them so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    longest: ClassVar[int] = 65536
    exact: ClassVar[Collection[str]] = ()

    @classmethod
    def read(cls, req: func.HttpRequest) -> Self:
        """Raises InvalidRequest, which names every bad member."""
        text = req.get_body() or b"{}"
        if len(text) > cls.longest:
            raise InvalidRequest([Fault("body", f"longer than {cls.longest} bytes")])
        values = _json_of(text)
        if not isinstance(values, dict):
            raise InvalidRequest([Fault("body", "not a JSON object")])
        long = {name: one for name in cls.exact if isinstance(one := values.get(name), LongNumber)}
        if long:
            texts = {name: number.text for name, number in long.items()}
            text = json.dumps({**values, **texts}).encode()
        try:
            return cls.model_validate_json(text, strict=True)
        except pydantic.ValidationError as error:
            raise InvalidRequest([*map(_fault, error.errors())]) from None


class LongNumber(float):
    """A number of more digits than a float holds, with the `text` that it was."""

    text: str


def _json_of(text: bytes) -> Any:  # noqa: ANN401 - whatever stands there
    try:
        orjson.loads(text)  # Python's own reader takes more than JSON
        return json.loads(text, object_pairs_hook=_each_once, parse_float=_float_of)
    except (orjson.JSONDecodeError, RecursionError):
        raise InvalidRequest([Fault("body", "not JSON, or too deep")]) from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    counts = Counter(name for name, _ in pairs)
    twice = [show_name(name) for name, count in counts.items() if count > 1]
    raise InvalidRequest([Fault(name, "stands there twice") for name in twice])


def _float_of(text: str) -> float:
    if len(text) <= EXACT_LENGTH:
        return float(text)
    number = LongNumber(text)
    number.text = text
    return number


def read_both(req: func.HttpRequest, query: type[Q], body: type[B]) -> tuple[Q, B]:
    """Raises InvalidRequest, which names what is bad in either."""
    try:
        asked = query.read(req)
    except InvalidRequest as refused:
        raise InvalidRequest([*refused.faults, *_faults_of(body, req)]) from None
    return asked, body.read(req)


def _faults_of(body: type[Body], req: func.HttpRequest) -> list[Fault]:
    try:
        body.read(req)
    except InvalidRequest as refused:
        return refused.faults
    return []


class Repeated(list[str]):
    """The values of a parameter that is given more than once: only a list can be so."""


def joined(value: object) -> object:
    """A list as the host gives it: with commas between what may have been given one by one."""
    return ",".join(value) if isinstance(value, Repeated) else value


def split_words(value: object) -> object:
    text = joined(value)
    return text.split(",") if isinstance(text, str) else text


def _plain(value: object) -> object:
    """Python takes more for a number: 5_0, +5, 10.0, and digits of other scripts."""
    if isinstance(value, str) and not WHOLE.fullmatch(value):
        raise ValueError("not a whole number")
    return value


PLAIN = BeforeValidator(_plain)


Words = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z_]{1,50}$")], ...],
    Field(min_length=1, max_length=20, description="Any of these."),
    BeforeValidator(split_words),
]
"""Names with commas between them."""

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""What every database takes."""

Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""What somebody may ask for: no control characters."""

Uuid = Annotated[
    str,
    Field(
        pattern=r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
        examples=["01234567-89ab-cdef-0123-456789abcdef"],
    ),
    AfterValidator(str.lower),
]

Hours = Annotated[int, Field(ge=1, le=87600, description="How far back."), PLAIN]


def _cursor_parts(cursor: str) -> tuple[object, list[object]]:
    """The fingerprint and the position; ValueError where it is no cursor at all."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        fingerprint, *position = orjson.loads(urlsafe_b64decode(padded))
    except (ValueError, TypeError):
        raise ValueError("not one that a list has given") from None
    return fingerprint, position


def _readable(cursor: str) -> str:
    _cursor_parts(cursor)
    return cursor


Cursor = Annotated[
    str, AfterValidator(_readable), Field(description="The `next_cursor` of the page before.")
]


class PageQuery(Query):
    """One page of a list. A cursor belongs to the list and the filters that it was given for."""

    position: ClassVar[TypeAdapter[Any]]

    limit: Annotated[int, Field(ge=1, le=1000, description="The items of a page."), PLAIN] = 100
    cursor: Cursor | None = None

    def filters(self) -> dict[str, object]:
        """The filters as understood, without the page."""
        return self.model_dump(exclude={"limit", "cursor"}, exclude_none=True)

    def after(self) -> Any:  # noqa: ANN401 - as `position` has it
        """Where the page starts; None for the first."""
        return None if self.cursor is None else self._decoded(self.cursor)

    def cursor_at(self, position: Position | None) -> str | None:
        if position is None:
            return None
        text = encode([self._fingerprint(), *position])
        return urlsafe_b64encode(text).decode().rstrip("=")

    @model_validator(mode="after")
    def _cursor_is_ours(self) -> Self:
        self.after()
        return self

    def _decoded(self, cursor: str) -> Any:  # noqa: ANN401 - as `position` has it
        fingerprint, position = _cursor_parts(cursor)
        if fingerprint != self._fingerprint():
            raise ValueError("cursor: given for other filters; they must stay the same")
        try:
            return self.position.validate_python(tuple(position))
        except pydantic.ValidationError:
            raise ValueError("cursor: not one that this list has given") from None

    def _fingerprint(self) -> int:
        return zlib.crc32(encode([type(self).__name__, self.filters()]))


def _given_values(req: func.HttpRequest) -> dict[str, object]:
    """The host leaves `?x=` out and joins `?x=1&x=2` with a comma; the URL tells."""
    given: dict[str, object] = dict(req.params)
    for name, values in parse_qs(urlsplit(req.url).query, keep_blank_values=True).items():
        if len(values) > 1:
            given[name] = Repeated(values)
        elif not values[0]:
            given[name] = ""
    given.pop(FUNCTION_KEY, None)
    return given


def _fault(error: Any) -> Fault:  # noqa: ANN401 - pydantic's own dictionary
    place = ".".join(show_name(part) for part in error["loc"] if isinstance(part, str))
    if error["type"] == "extra_forbidden":
        return Fault(place, UNKNOWN)
    if isinstance(error["input"], Repeated):
        return Fault(place, "given more than once")
    message = words_of(error)
    if not place:
        place, _, message = message.partition(": ")
    return Fault(place, message)
