"""Types as JSON schemas: of answers as they are encoded, of requests as they are read."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from repositories.records.rows import Json
from services.reports import Component

REFERENCE = "#/components/schemas/{model}"
Schema = dict[str, Any]

_CONFIG = ConfigDict(arbitrary_types_allowed=True)


class AnswerSchemas(GenerateJsonSchema):
    """Every member is there, a Decimal is a number, Json is any JSON."""

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        if schema["cls"] is not Json:
            raise TypeError(f"{schema['cls']} has no JSON form here")
        return {}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        return {"type": "number"}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if not inner:
            return {}
        if isinstance(inner.get("type"), str) and "enum" not in inner and "const" not in inner:
            return {**inner, "type": [inner["type"], "null"]}
        return super().nullable_schema(schema)

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        found = super().dataclass_schema(schema)
        if schema["cls"] is not Component:
            return found
        shown = {"status": found["properties"]["status"]}
        return {**found, "properties": shown, "required": ["status"], "additionalProperties": True}

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ANN401 - three kinds
        return True

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        return {name: value for name, value in found.items() if (name, value) != ("default", None)}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 - as above
        return False


class BodySchemas(AnswerSchemas):
    """What may be left out is not required."""

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ANN401 - as above
        return GenerateJsonSchema.field_is_required(self, field, total)


class QuerySchemas(BodySchemas):
    """A parameter cannot be null, only left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def answer_schemas(types: Sequence[Any]) -> tuple[list[Schema], Schema]:
    """The schema of each type, and the definitions that they refer to."""
    # Lists of them, since only what brings no configuration of its own takes ours.
    adapters = [
        (number, "serialization", TypeAdapter(list[kind], config=_CONFIG))  # type: ignore[valid-type]
        for number, kind in enumerate(types)
    ]
    schemas, rest = TypeAdapter.json_schemas(
        adapters,  # type: ignore[arg-type]  # of different types
        ref_template=REFERENCE,
        schema_generator=AnswerSchemas,
    )
    found = [schemas[number, "serialization"]["items"] for number in range(len(types))]
    return found, _without_titles(rest.get("$defs", {}))


def body_schema(model: type[BaseModel]) -> tuple[Schema, Schema]:
    return _model_schema(model, BodySchemas)


def query_schema(model: type[BaseModel]) -> tuple[Schema, Schema]:
    return _model_schema(model, QuerySchemas)


def _model_schema(
    model: type[BaseModel], generator: type[GenerateJsonSchema]
) -> tuple[Schema, Schema]:
    found = model.model_json_schema(ref_template=REFERENCE, schema_generator=generator)
    definitions = _without_titles(found.pop("$defs", {}))
    found.pop("title")
    return found, definitions


def _without_titles(definitions: Mapping[str, Schema]) -> Schema:
    """A definition's name says what its title does."""
    return {
        name: {key: value for key, value in schema.items() if key != "title"}
        for name, schema in definitions.items()
    }
