"""What a request asks: its parameters and its body, checked together, each fault named."""

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Collection
from typing import Annotated, Any, ClassVar, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

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

M = TypeVar("M", bound=BaseModel)
Q = TypeVar("Q", bound="Query")
B = TypeVar("B", bound="Body")


class Query(BaseModel):
    """Route and query-string values; names that nobody knows are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, req: func.HttpRequest) -> Self:
        """Raises InvalidRequest, which names every bad parameter."""
        values = {**_empty_values(req), **_given_values(req), **req.route_params}
        return _checked(lambda: cls.model_validate(values))


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
        text = req.get_body()
        if len(text) > cls.longest:
            raise InvalidRequest([Fault("body", f"longer than {cls.longest} bytes")])
        values = _json_of(text or b"{}")
        if not isinstance(values, dict):
            raise InvalidRequest([Fault("body", "not a JSON object")])
        for name in cls.exact:
            if isinstance(values.get(name), LongNumber):
                values[name] = values[name].text
        return _checked(lambda: cls.model_validate_json(json.dumps(values), strict=True))


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
    counts = Counter(name for name, _ in pairs)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise InvalidRequest([Fault(name, "stands there twice") for name in twice])
    return dict(pairs)


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


def split_words(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


Words = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z_]{1,50}$")], ...],
    Field(min_length=1, max_length=20, description="Any of these."),
    BeforeValidator(split_words),
]
"""Names with commas between them."""

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""What every database takes."""

Uuid = Annotated[
    str,
    Field(
        pattern=r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
        examples=["01234567-89ab-cdef-0123-456789abcdef"],
    ),
    AfterValidator(str.lower),
]

Hours = Annotated[int, Field(ge=1, le=87600, description="How far back.")]


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

    limit: Annotated[int, Field(ge=1, le=1000, description="The items of a page.")] = 100
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


def _given_values(req: func.HttpRequest) -> dict[str, str]:
    return {name: value for name, value in req.params.items() if name != FUNCTION_KEY}


def _empty_values(req: func.HttpRequest) -> dict[str, str]:
    """`?x=` vanishes from the parameters but stays in the URL: somebody gave it."""
    pairs = parse_qsl(urlsplit(req.url).query, keep_blank_values=True)
    return {name: value for name, value in pairs if not value and name != FUNCTION_KEY}


def _checked(validate: Callable[[], M]) -> M:
    try:
        return validate()
    except pydantic.ValidationError as error:
        raise InvalidRequest([_fault(found) for found in error.errors()]) from None


def _fault(error: Any) -> Fault:  # noqa: ANN401 - pydantic's own dictionary
    place = ".".join(show_name(part) for part in error["loc"] if isinstance(part, str))
    if error["type"] == "extra_forbidden":
        return Fault(place, "unknown parameter")
    message = words_of(error)
    if not place:
        place, _, message = message.partition(": ")
    return Fault(place, message)
