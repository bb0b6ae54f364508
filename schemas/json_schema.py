"""JSON Schema (Draft 2020-12) of the contracts, kept to words that draft-07 reads alike.

AsyncAPI 3.0 tools read draft-07: so pairs are `items` with two limits and never `prefixItems`. Objects stay
open: a new writer may add a field.
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.contract import Contract

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """A title that repeats the field's name says nothing."""
        return False

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        """Tuples of one kind as arrays of a fixed length."""
        generated = super().tuple_schema(schema)
        first, *others = generated.pop("prefixItems")
        if any(other != first for other in others):
            raise ValueError("a contract's tuple holds values of one kind: draft-07 cannot say more")
        return generated | {"items": first}


def schema_id(contract: type[Contract]) -> str:
    """`urn:tetik:event:v1`."""
    return f"urn:tetik:{contract.schema_name}:v{contract.schema_version}"


def json_schema(contract: type[Contract]) -> dict[str, Any]:
    """What a reader accepts: fields with a default may be missing, unknown ones are allowed."""
    generated = contract.model_json_schema(schema_generator=_Generator, mode="validation")
    head = {"$schema": DIALECT, "$id": schema_id(contract), "title": contract.__name__}
    return head | generated
