"""The constraints of route parameters, `{id:int:min(1)}`, as ASP.NET Core understands them."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

Constraint = Callable[[str], bool]

GUID: Final = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)
INTEGER: Final = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
DIGITS: Final = r"\s*[+-]?(?:\d[\d,]*\.?\d*|\.\d+)"
NUMBER: Final = re.compile(DIGITS + r"\s*", re.ASCII)
FLOATING: Final = re.compile(DIGITS + r"(?:[eE][+-]?\d+)?\s*", re.ASCII)
FILE_NAME: Final = re.compile(r"(?:.*/)?[^/]*\.[^/]+", re.DOTALL)
DATE_FORMATS: Final = ("%m-%d-%Y", "%m-%d-%Y %H:%M", "%m-%d-%Y %H:%M:%S", "%m-%d-%Y %I:%M %p")


def read_constraint(text: str) -> Constraint:
    """Raises ValueError, in the host's words, for a constraint that it does not know."""
    name, paren, rest = text.partition("(")
    if paren and not rest.endswith(")"):
        raise ValueError(f"the constraint '{text}' has no closing parenthesis")
    try:
        if not paren:
            return PLAIN[name.lower()]
        return _with_arguments(name.lower(), rest[:-1])
    except (KeyError, TypeError):
        raise ValueError(f"the constraint reference '{text}' could not be resolved") from None
    except re.error as error:
        raise ValueError(f"the constraint '{text}' is no regular expression: {error}") from error
    except ValueError:
        raise ValueError(f"the constraint '{text}' needs whole numbers") from None


def _with_arguments(name: str, arguments: str) -> Constraint:
    if name == "regex":
        pattern = re.compile(arguments, re.IGNORECASE)
        return lambda value: pattern.search(value) is not None
    return WITH_NUMBERS[name](*(int(argument) for argument in arguments.split(",")))


def _integer_within(lowest: int, highest: int) -> Constraint:
    def check(value: str) -> bool:
        return INTEGER.fullmatch(value) is not None and lowest <= int(value) <= highest

    return check


def _length(shortest: int, longest: int | None = None) -> Constraint:
    most = shortest if longest is None else longest
    return lambda value: shortest <= len(value) <= most


def _is_guid(value: str) -> bool:
    bare = value.strip()
    if bare[:1] + bare[-1:] in ("{}", "()"):
        return len(bare) == 38 and GUID.fullmatch(bare[1:-1]) is not None
    return GUID.fullmatch(bare) is not None


def _is_decimal(value: str) -> bool:
    if not NUMBER.fullmatch(value):
        return False
    try:
        return abs(Decimal(value.strip().replace(",", ""))) < Decimal(2) ** 96
    except InvalidOperation:
        return False


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return any(_has_format(value.replace("/", "-"), pattern) for pattern in DATE_FORMATS)
    return True


def _has_format(value: str, pattern: str) -> bool:
    try:
        datetime.strptime(value, pattern)  # noqa: DTZ007
    except ValueError:
        return False
    return True


INT64: Final = (-(2**63), 2**63 - 1)
PLAIN: Final[dict[str, Constraint]] = {
    "int": _integer_within(-(2**31), 2**31 - 1),
    "long": _integer_within(*INT64),
    "guid": _is_guid,
    "bool": lambda value: value.strip().lower() in ("true", "false"),
    "alpha": lambda value: value == "" or (value.isascii() and value.isalpha()),
    "decimal": _is_decimal,
    "double": lambda value: FLOATING.fullmatch(value) is not None,
    "float": lambda value: FLOATING.fullmatch(value) is not None,
    "datetime": _is_date,
    "required": lambda value: value != "",
    "file": lambda value: FILE_NAME.fullmatch(value) is not None,
    "nonfile": lambda value: FILE_NAME.fullmatch(value) is None,
}
WITH_NUMBERS: Final[dict[str, Callable[..., Constraint]]] = {
    "length": _length,
    "minlength": lambda shortest: lambda value: len(value) >= shortest,
    "maxlength": lambda longest: lambda value: len(value) <= longest,
    "min": lambda lowest: _integer_within(lowest, INT64[1]),
    "max": lambda highest: _integer_within(INT64[0], highest),
    "range": lambda lowest, highest: _integer_within(lowest, highest),
}
