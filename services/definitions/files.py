"""Everything that is managed as one file: read from YAML, and written."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, TypeVar

import orjson
import pydantic
from pydantic import Field

from repositories.records.definitions import (
    ConnectionDefinition,
    KpiDefinition,
    QueryDefinition,
)
from services.definitions.addresses import shown
from services.definitions.documents import (
    ConnectionDocument,
    Document,
    KpiDocument,
    NewName,
    QueryDocument,
)
from services.definitions.members import Definition, members_of
from services.definitions.yaml_text import Unreadable, read_yaml, write_yaml
from services.errors import Fault, InvalidRequest
from services.fault_words import words_of
from services.masking import show_name
from services.periods import default_jitter_seconds

SCHEMA_LINE = "# yaml-language-server: $schema={where}\n"
SCHEMA_PLACE = "docs/kpis.schema.json"


class ConnectionEntry(ConnectionDocument):
    name: NewName


class QueryEntry(QueryDocument):
    name: NewName


class KpiEntry(KpiDocument):
    name: NewName


Entry = TypeVar("Entry", ConnectionEntry, QueryEntry, KpiEntry)


class DefinitionFile(Document):
    """Connections, queries and KPIs as they are to be. A section that is left out is left alone."""

    connections: Annotated[
        tuple[ConnectionEntry, ...] | None, Field(description="Databases that KPIs run against.")
    ] = None
    queries: Annotated[
        tuple[QueryEntry, ...] | None,
        Field(description="Statements that KPIs run, and how an answer is judged."),
    ] = None
    kpis: Annotated[
        tuple[KpiEntry, ...] | None,
        Field(description="Which query runs on which connection, and when."),
    ] = None


def read_file(text: str) -> DefinitionFile:
    """Raises InvalidRequest, which names every fault by its place: kpis[3].schedule."""
    try:
        values = read_yaml(text)
    except Unreadable as error:
        raise InvalidRequest([Fault("file", str(error))]) from None
    if not isinstance(values, dict):
        raise InvalidRequest([Fault("file", "has no connections, queries or kpis")])
    try:
        file = DefinitionFile.model_validate_json(orjson.dumps(values), strict=True)
    except pydantic.ValidationError as error:
        raise InvalidRequest([_fault(found) for found in error.errors()]) from None
    if faults := [*_names_twice(file)]:
        raise InvalidRequest(faults)
    return file


def write_file(
    connections: Iterable[ConnectionDefinition],
    queries: Iterable[QueryDefinition],
    kpis: Iterable[KpiDefinition],
) -> str:
    """What `read_file` reads again; an address that may hold a secret is `(stored)`."""
    sections = {
        "connections": [_written(one, ConnectionEntry) for one in connections],
        "queries": [_written(one, QueryEntry) for one in queries],
        "kpis": [_written(one, KpiEntry) for one in kpis],
    }
    head = SCHEMA_LINE.format(where=SCHEMA_PLACE)
    return head + "\n".join(write_yaml({name: rows}) for name, rows in sections.items())


def file_schema() -> dict[str, Any]:
    """For editors."""
    schema = DefinitionFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "What Watchkeeper checks, where and when",
    }


def _written(definition: Definition, entry: type[Document]) -> dict[str, Any]:
    """The members that are not what they would be anyway, in the order of the documents."""
    members = {**members_of(definition), "name": definition.name}
    usual = {name: field.get_default() for name, field in entry.model_fields.items()}
    if isinstance(definition, ConnectionDefinition):
        address = definition.address
        members["address"] = shown(address, is_encrypted=definition.is_encrypted)
    if isinstance(definition, KpiDefinition):
        usual["jitter_seconds"] = _usual_jitter(definition.schedule)
    names = ("name", *(name for name in usual if name != "name"))
    return {name: _plain(name, members[name]) for name in names if members[name] != usual[name]}


def _usual_jitter(schedule: str) -> int | None:
    try:
        return default_jitter_seconds(schedule)
    except ValueError:
        return None


def _plain(name: str, value: object) -> object:
    if isinstance(value, tuple):
        return [*value]
    if name == "schedule" and isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return str(value) if isinstance(value, str) else value


def _names_twice(file: DefinitionFile) -> Iterator[Fault]:
    for section in ("connections", "queries", "kpis"):
        first: dict[str, int] = {}
        for number, entry in enumerate(getattr(file, section) or ()):
            if entry.name in first:
                other = f"{section}[{first[entry.name]}]"
                yield Fault(f"{section}[{number}].name", f"{other} has it already")
            first.setdefault(entry.name, number)


def _fault(error: Any) -> Fault:  # noqa: ANN401 - pydantic's own dictionary
    place = ""
    for part in error["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{show_name(part)}"
    is_known = error["type"] != "extra_forbidden"
    message = words_of(error) if is_known else "nobody knows this"
    return Fault(place.removeprefix(".") or "file", message)
