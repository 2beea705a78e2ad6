"""What a request asks: its parameters and its body, checked together, each fault named."""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, ClassVar, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import orjson
import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from services.encoding import encode
from services.errors import Fault, InvalidRequest
from services.pages import Position

FUNCTION_KEY = "code"
LONGEST_BODY = 65536

M = TypeVar("M", bound=BaseModel)


class Query(BaseModel):
    """Route and query-string values; names that nobody knows are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, req: func.HttpRequest) -> Self:
        """Raises InvalidRequest, which names every bad parameter."""
        return _validated(cls, {**_empty_values(req), **_given_values(req), **req.route_params})


class Body(BaseModel):
    """A JSON object in the body."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, req: func.HttpRequest) -> Self:
        """Raises InvalidRequest, which names every bad member."""
        text = req.get_body()
        if len(text) > LONGEST_BODY:
            raise InvalidRequest([Fault("body", f"longer than {LONGEST_BODY} bytes")])
        try:
            values = orjson.loads(text or b"{}")
        except orjson.JSONDecodeError:
            raise InvalidRequest([Fault("body", "not JSON")]) from None
        if not isinstance(values, dict):
            raise InvalidRequest([Fault("body", "not a JSON object")])
        return _validated(cls, values)


def _words(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


Words = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z_]{1,50}$")], ...],
    Field(min_length=1, max_length=20),
    BeforeValidator(_words),
]
"""Names with commas between them."""

Hours = Annotated[int, Field(ge=1, le=87600)]


class PageQuery(Query):
    """One page of a list. A cursor belongs to the list and the filters that it was given for."""

    position: ClassVar[TypeAdapter[Any]]

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: str | None = None

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
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            fingerprint, *position = orjson.loads(urlsafe_b64decode(padded))
        except (ValueError, TypeError):
            raise ValueError("cursor: not one that a list has given") from None
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


def _validated(model: type[M], values: dict[str, Any]) -> M:
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        raise InvalidRequest([_fault(found) for found in error.errors()]) from None


def _fault(error: Any) -> Fault:  # noqa: ANN401 - pydantic's own dictionary
    place = ".".join(part for part in error["loc"] if isinstance(part, str))
    if error["type"] == "extra_forbidden":
        return Fault(place, "unknown parameter")
    message = error["msg"].removeprefix("Value error, ")
    if not place:
        place, _, message = message.partition(": ")
    return Fault(place, message)
