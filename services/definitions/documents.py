"""Connections, queries and KPIs as people write them, in a request or in a file.

What one member can say by itself is checked here; what members say together, in `rules`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from repositories.records.kpis import (
    CompareTo,
    DeviationSide,
    DeviationUnit,
    HistoryRule,
    OnEmpty,
    Operator,
    ResultType,
    Rule,
)
from services.fault_words import NAME_PATTERN, NUMBER_PATTERN
from services.masking import mask_text

LONGEST_ADDRESS = 650
"""So that what it is encrypted to fits where it is stored: 1,000 characters."""
LONGEST_SQL = 50_000
LONGEST_TAGS = 500
LARGEST = Decimal(10) ** 14
PLACES = -4
NUMBER = re.compile(NUMBER_PATTERN)
NO_SCHEDULE = "is neither seconds, 1 to 31622400, nor NCRONTAB, which has six fields, or five"


def _checked_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character") from None
    return text


def _showable(name: str) -> str:
    """As itself, and as the id of a job: otherwise nobody could ask for what is shown."""
    if any(mask_text(shown) != shown for shown in (name, f"kpi:{name}")):
        raise ValueError("looks as if it held a secret, which would be shown as ***")
    return name


def _checked_schedule(schedule: str) -> str:
    from services.periods import shortest_period_seconds  # not needed to index the app

    if not schedule.isdigit() and len(schedule.split()) not in {5, 6}:
        raise ValueError(NO_SCHEDULE)
    shortest_period_seconds(schedule)
    return str(int(schedule)) if schedule.isdigit() else schedule


def _as_schedule(value: object) -> object:
    """A whole number of seconds may be written as one."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**12:
        return str(value)
    if not isinstance(value, str):
        raise ValueError(NO_SCHEDULE)
    return value


def _as_value(value: object) -> object:
    """What a value is compared with is a text, and may be written as what it looks like."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return format(Decimal(value), "f")
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else value


def _as_number(value: object) -> object:
    """What a number of JSON cannot hold is written as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(repr(value)) if abs(value) < LARGEST else LARGEST
    if not isinstance(value, str) or not NUMBER.fullmatch(value):
        raise ValueError("is no number")
    return Decimal(value)


def _fitting(number: Decimal) -> Decimal:
    exponent = number.normalize().as_tuple().exponent
    if abs(number) >= LARGEST:
        raise ValueError("has more than 14 digits before the point")
    if isinstance(exponent, int) and exponent < PLACES:
        raise ValueError("has more than 4 digits after the point")
    return number


def _each_once(tags: Sequence[str]) -> Sequence[str]:
    if len({*tags}) < len(tags):
        raise ValueError("has one of them twice")
    if len(",".join(tags)) > LONGEST_TAGS:
        raise ValueError(f"has more than {LONGEST_TAGS} characters in all")
    return tags


Name = Annotated[str, Field(pattern=NAME_PATTERN, examples=["failed_jobs"])]
NewName = Annotated[Name, AfterValidator(_showable)]
Text = Annotated[str, Field(pattern=r"^[^\x00]*$"), AfterValidator(_checked_text)]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f]*$"), AfterValidator(_checked_text)]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,50}$")]
Tags = Annotated[tuple[Tag, ...], Field(max_length=100), AfterValidator(_each_once)]
ExpectedValue = Annotated[
    str,
    BeforeValidator(_as_value),
    Field(max_length=100, pattern=r"^[^\x00]*$"),
    AfterValidator(_checked_text),
    WithJsonSchema({"type": ["string", "number", "boolean"], "maxLength": 100}),
]
QueryText = Annotated[Text, Field(min_length=1, max_length=LONGEST_SQL)]
Description = Annotated[Text, Field(max_length=4000)]
Seconds = Annotated[int, Field(ge=1, le=3600)]
Number = Annotated[
    Decimal,
    BeforeValidator(_as_number),
    AfterValidator(_fitting),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": NUMBER_PATTERN}]}),
]
Deviation = Annotated[Number, Field(gt=0)]
Provider = Literal["SqlServer", "MySQL", "PostgreSQL", "Oracle"]
Schedule = Annotated[
    str,
    BeforeValidator(_as_schedule),
    Field(max_length=100, description="Seconds between two runs, or NCRONTAB in UTC."),
    AfterValidator(_checked_schedule),
    WithJsonSchema(
        {
            "type": ["string", "integer"],
            "description": "Seconds between two runs, or NCRONTAB in UTC.",
            "examples": [300, "0 0 2 * * *"],
        }
    ),
]


class Document(BaseModel):
    """Members that nobody knows are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NamedDocument(Document, ABC):
    """Of what is stored under a name."""

    @abstractmethod
    def definition(self, name: str) -> Any:  # noqa: ANN401 - of its own kind
        """What is to be stored under this name."""


class ConnectionDocument(NamedDocument):
    """A database that KPIs run against."""

    description: Description | None = None
    provider: Provider
    environment: Annotated[Line, Field(min_length=1, max_length=50)]
    address: Annotated[
        Line,
        Field(
            min_length=1,
            max_length=LONGEST_ADDRESS,
            description="A database URL, `setting:NAME` or `keyvault:https://…/secrets/NAME`;"
            " `(stored)` keeps the one that is stored.",
        ),
    ]
    tags: Tags = ()
    timeout_seconds: Annotated[Seconds, Field(description="For connecting.")] = 30
    command_timeout_seconds: Annotated[Seconds, Field(description="For a statement.")] = 30
    max_parallel: Annotated[
        int, Field(ge=1, le=100, description="Statements that one process runs there at once.")
    ] = 5
    is_enabled: bool = True

    def definition(self, name: str, *, is_encrypted: bool = False) -> ConnectionDefinition:
        members = {**dict(self), "name": name, "is_encrypted": is_encrypted}
        return ConnectionDefinition(**members)


class QueryDocument(NamedDocument):
    """One statement, and how its answer is judged."""

    description: Description | None = None
    query_type: Literal["HealthCheck", "Performance", "Custom"] = "Custom"
    sql: QueryText
    result_type: ResultType = ResultType.SCALAR
    unit: Annotated[Line, Field(max_length=20)] | None = None
    expected_value: ExpectedValue | None = None
    comparison_operator: Operator | None = None
    warning_threshold: Number | None = None
    critical_threshold: Number | None = None
    on_empty: OnEmpty = OnEmpty.ERROR
    timeout_seconds: Seconds = 30
    tags: Tags = ()
    is_enabled: bool = True

    @property
    def rule(self) -> Rule:
        return Rule(**_part(self, Rule.__dataclass_fields__))

    def definition(self, name: str) -> QueryDefinition:
        of_query = _part(self, QueryDefinition.__dataclass_fields__)
        return QueryDefinition(**{**of_query, "name": name, "rule": self.rule})


class KpiDocument(NamedDocument):
    """A query on a connection, when it runs, and what of its past its verdict depends on."""

    description: Description | None = None
    connection: Name
    query: Name
    schedule: Schedule = "60"
    jitter_seconds: (
        Annotated[
            int,
            Field(
                ge=0,
                le=86400,
                description="Runs are up to so many seconds after the schedule, for one name"
                " always the same. Where it is left out: a tenth of the schedule's shortest period,"
                " and 30 at most.",
            ),
        ]
        | None
    ) = None
    priority: Annotated[int, Field(ge=1, le=10, description="1 is the most urgent.")] = 5
    max_retries: Annotated[int, Field(ge=0, le=20)] = 0
    owner: Annotated[Line, Field(max_length=100)] | None = None
    tags: Tags = ()
    is_active: bool = True
    max_consecutive: Annotated[
        int, Field(ge=1, le=100, description="So many bad verdicts in a row turn it bad.")
    ] = 1
    recover_after: Annotated[
        int, Field(ge=1, le=100, description="So many good verdicts in a row turn it good.")
    ] = 1
    per_second: Annotated[
        bool, Field(description="The value is a counter, and its growth in a second is judged.")
    ] = False
    compare_to: CompareTo | None = None
    deviation_unit: DeviationUnit = DeviationUnit.PERCENT
    deviation_side: DeviationSide = DeviationSide.BOTH
    warning_deviation: Deviation | None = None
    critical_deviation: Deviation | None = None
    forecast_hours: (
        Annotated[
            int,
            Field(
                ge=1, le=8760, description="Warning where the trend is critical within that time."
            ),
        ]
        | None
    ) = None

    @property
    def history(self) -> HistoryRule:
        return HistoryRule(**_part(self, HistoryRule.__dataclass_fields__))

    def definition(self, name: str) -> KpiDefinition:
        from services.periods import default_jitter_seconds

        of_kpi = _part(self, KpiDefinition.__dataclass_fields__)
        jitter = self.jitter_seconds
        chosen = default_jitter_seconds(self.schedule) if jitter is None else jitter
        named = {"name": name, "jitter_seconds": chosen, "history": self.history}
        return KpiDefinition(**{**of_kpi, **named})


def _part(document: Document, fields: Any) -> dict[str, Any]:  # noqa: ANN401 - names, in effect
    return {name: value for name, value in document if name in fields}
