"""A rehearsal of an upgrade, both ways, for each contract: model, schema and twin.

Old reader, new writer: the writer says more than the reader knows. New reader, old writer: the record lacks
what was optional, as written before the field was there.
"""

import json
from typing import Any

import pytest

from schemas.catalogue import CONTRACTS, FAST_READERS
from tests.contract.readers import by_model, by_schema, by_twin, model_values, twin_values
from tests.fixtures.examples import good

NEW_FIELDS = {"of_a_later_version": {"nested": [1, None, "ə"]}, "another": True}

EXAMPLES = [
    pytest.param(contract, value, id=f"{contract}-{name}")
    for contract in CONTRACTS
    for name, value in good(contract)
]
NESTED = {"decision": ["cause"], "rule_set": ["templates"]}


def with_new_fields(contract: str, value: bytes) -> bytes:
    """The record with fields of a later version, also in its nested objects."""
    record = json.loads(value)
    for name in NESTED.get(contract, ()):
        inner = record.get(name, [])
        for each in inner if isinstance(inner, list) else [inner]:
            each.update(NEW_FIELDS)
    return json.dumps(record | NEW_FIELDS).encode()


def without_optional(contract: str, value: bytes) -> bytes:
    """Only what an old writer had to say. A request to send needs more than the bare list of fields."""
    record: dict[str, Any] = json.loads(value)
    fields = CONTRACTS[contract].model_fields
    needed = {name for name, field in fields.items() if field.is_required()}
    if contract == "event":
        needed |= {name for name in ("customer_id", "anonymous_id", "product_id") if record.get(name)}
    if record.get("action") == "send":
        needed |= {"to", "template", "template_digest", "expires_at"}
    return json.dumps({name: each for name, each in record.items() if name in needed}).encode()


@pytest.mark.parametrize(("contract", "value"), EXAMPLES)
def test_an_old_reader_ignores_what_a_new_writer_adds(contract: str, value: bytes) -> None:
    newer = with_new_fields(contract, value)
    by_schema(contract, newer)
    assert by_model(contract, newer) == by_model(contract, value)
    if contract in FAST_READERS:
        assert by_twin(contract, newer) == by_twin(contract, value)


@pytest.mark.parametrize(("contract", "value"), EXAMPLES)
def test_a_new_reader_takes_what_an_old_writer_left_out(contract: str, value: bytes) -> None:
    older = without_optional(contract, value)
    by_schema(contract, older)
    read = model_values(by_model(contract, older))
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in CONTRACTS[contract].model_fields.items()
        if name not in json.loads(older)
    }
    assert defaults.items() <= read.items()
    if contract in FAST_READERS:
        assert twin_values(contract, by_twin(contract, older)) == read


@pytest.mark.parametrize("contract", CONTRACTS)
def test_schemas_stay_open(contract: str) -> None:
    """A closed schema would make every added field a breaking change."""
    assert '"additionalProperties": false' not in json.dumps(CONTRACTS[contract].model_json_schema())
