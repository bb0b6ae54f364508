"""Three readers of a contract, as one interface: the model, its JSON Schema and its msgspec twin.

Each takes bytes, returns plain values with instants as epoch milliseconds, and raises `Refused`.
"""

import json
import math
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, NoReturn

import msgspec
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from pydantic import BaseModel
from pydantic import ValidationError as ModelError

from schemas.catalogue import CONTRACTS, FAST_READERS
from schemas.export import REPOSITORY, schema_file
from schemas.instants import RFC_3339, instant_of, parse_instant
from schemas.records import Malformed

Reader = Callable[[bytes], Any]
FORMATS = FormatChecker(formats=())


class Refused(Exception):
    """The reader does not take the record."""


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """RFC 3339 by the standard library: the pattern stands in the schema, the calendar is checked here."""
    return not isinstance(value, str) or bool(datetime.fromisoformat(value).tzinfo)


def strict_json(value: bytes) -> Any:
    """JSON as RFC 8259 has it: no byte-order mark, no lone surrogates, no NaN or infinite numbers."""
    try:
        parsed = json.loads(value.decode("utf-8"), parse_constant=_no_number, parse_float=_finite)
        json.dumps(parsed, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Refused(str(error)) from error
    return parsed


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is out of range")
    return number


@cache
def _validator(contract: str) -> Draft202012Validator:
    schema = json.loads((REPOSITORY / schema_file(contract)).read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FORMATS)


@cache
def instant_fields(contract: str) -> frozenset[str]:
    """The names of the fields that hold instants, by the exported schema."""
    properties = _validator(contract).schema["properties"]
    return frozenset(name for name, field in properties.items() if _holds_instants(field))


def _holds_instants(field: dict[str, Any]) -> bool:
    inner = [*field.get("anyOf", ()), *([field["items"]] if "items" in field else ())]
    return field.get("pattern") == RFC_3339 or any(_holds_instants(each) for each in inner)


def by_schema(contract: str, value: bytes) -> Any:
    """The parsed record, held against the exported JSON Schema with its formats."""
    parsed = strict_json(value)
    try:
        _validator(contract).validate(parsed)
    except ValidationError as error:
        raise Refused(error.message) from error
    return parsed


def by_model(contract: str, value: bytes) -> BaseModel:
    """The pydantic model."""
    try:
        return CONTRACTS[contract].model_validate_json(value)
    except ModelError as error:
        raise Refused(str(error)) from error


def by_twin(contract: str, value: bytes) -> msgspec.Struct:
    """The msgspec twin, used as consumers use it: every instant that is there is parsed."""
    try:
        record = FAST_READERS[contract](value)
        twin_values(contract, record)
    except (Malformed, ValueError) as error:
        raise Refused(str(error)) from error
    return record


def model_values(model: BaseModel) -> dict[str, Any]:
    """A model's values, instants as numbers, pairs as lists."""
    return _plain(model.model_dump(mode="python"))


def twin_values(contract: str, record: msgspec.Struct) -> dict[str, Any]:
    """A twin's values, instants as numbers, pairs as lists."""
    values = msgspec.to_builtins(record)
    return values | {name: _instants(values[name]) for name in instant_fields(contract)}


def raw_values(contract: str, parsed: dict[str, Any]) -> dict[str, Any]:
    """A parsed record's values in the fields that the contract knows, instants as numbers."""
    instants = instant_fields(contract)
    known = CONTRACTS[contract].model_fields
    return {
        name: _instants(value) if name in instants else value
        for name, value in parsed.items()
        if name in known
    }


def _instants(value: Any) -> Any:
    if isinstance(value, str):
        return parse_instant(value)
    return [_instants(item) for item in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant_of(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
