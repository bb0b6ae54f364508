"""Every example, through every reader: model, exported JSON Schema and msgspec twin say the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import CONTRACTS, FAST_READERS
from schemas.instants import parse_instant
from schemas.records import encode_record
from tests.contract.readers import (
    Refused,
    by_model,
    by_schema,
    by_twin,
    model_values,
    raw_values,
    twin_values,
)
from tests.fixtures.examples import bad, folder, good

LAXER_TWINS = {
    ("event", "type_with_spaces"): "a pattern would double the cost of decoding; an odd type matches no rule",
}

ONE_EVENT = good("event")[0][1]


def cases(kind: str, contracts: list[str]) -> list[Any]:
    examples = good if kind == "good" else bad
    return [
        pytest.param(contract, value, id=f"{contract}-{name}")
        for contract in contracts
        for name, value in examples(contract)
    ]


def test_every_contract_has_examples_and_nothing_else_has() -> None:
    assert {path.name for path in folder("event").parents[1].iterdir()} == set(CONTRACTS)


@pytest.mark.parametrize(("contract", "value"), cases("good", list(CONTRACTS)))
def test_model_and_schema_take_good_examples_with_equal_values(contract: str, value: bytes) -> None:
    parsed = raw_values(contract, by_schema(contract, value))
    read = model_values(by_model(contract, value))
    assert _as_written(read, parsed) == parsed


def _as_written(read: Any, written: Any) -> Any:
    """Nested models hold their defaults; only what was written is compared."""
    if isinstance(read, dict) and isinstance(written, dict):
        return {name: _as_written(read[name], written[name]) for name in written}
    if isinstance(read, list) and isinstance(written, list) and len(read) == len(written):
        return [_as_written(*pair) for pair in zip(read, written, strict=True)]
    return read


@pytest.mark.parametrize(("contract", "value"), cases("good", list(FAST_READERS)))
def test_twins_read_good_examples_as_the_models_do(contract: str, value: bytes) -> None:
    assert twin_values(contract, by_twin(contract, value)) == model_values(by_model(contract, value))


@pytest.mark.parametrize(("contract", "value"), cases("good", list(FAST_READERS)))
def test_round_trip_through_model_and_twin_changes_nothing(contract: str, value: bytes) -> None:
    model = by_model(contract, value)
    once = by_twin(contract, model.model_dump_json().encode())
    back = by_model(contract, encode_record(once))
    assert model_values(back) == model_values(model)
    assert by_twin(contract, back.model_dump_json().encode()) == once


@pytest.mark.parametrize(("contract", "value"), cases("good", list(CONTRACTS)))
def test_what_a_model_writes_fits_its_schema(contract: str, value: bytes) -> None:
    model = by_model(contract, value)
    written = model.model_dump_json().encode()
    by_schema(contract, written)
    assert by_model(contract, written).model_dump_json().encode() == written


@pytest.mark.parametrize(("contract", "value"), cases("bad", list(CONTRACTS)))
def test_models_and_schemas_refuse_bad_examples(contract: str, value: bytes) -> None:
    with pytest.raises(Refused):
        by_model(contract, value)
    with pytest.raises(Refused):
        by_schema(contract, value)


@pytest.mark.parametrize(
    ("contract", "name", "value"),
    [(contract, *example) for contract in FAST_READERS for example in bad(contract)],
)
def test_twins_refuse_bad_examples_but_for_the_listed_ones(contract: str, name: str, value: bytes) -> None:
    if (contract, name) in LAXER_TWINS:
        by_twin(contract, value)
    else:
        with pytest.raises(Refused):
            by_twin(contract, value)


def test_the_listed_exceptions_are_examples() -> None:
    assert LAXER_TWINS.keys() <= {(contract, name) for contract in FAST_READERS for name, _ in bad(contract)}


zones = st.sampled_from(["Z", "+00:00", "+04:00", "-03:30", "+14:00", "", " Z", "z", "+0400", "+25:00"])
fractions = st.sampled_from(["", ".1", ".120", ".123456", ".123456789", ".1234567890", "."])
dates = st.one_of(
    st.dates().map(str), st.sampled_from(["2026-02-30", "0000-01-01", "20261122", "2026-W47-7", "1970-01-01"])
)
clocks = st.one_of(
    st.times().map(lambda time: time.isoformat(timespec="seconds")),
    st.sampled_from(["24:00:00", "23:59:60", "16:52", "165203"]),
)


@given(date=dates, separator=st.sampled_from("T t"), time=clocks, fraction=fractions, zone=zones)
def test_a_timestamp_that_the_model_takes_is_taken_and_read_alike_by_all(
    date: str, separator: str, time: str, fraction: str, zone: str
) -> None:
    text = f"{date}{separator}{time}{fraction}{zone}"
    value = ONE_EVENT.replace(b"2026-11-22T16:52:03.120Z", text.encode())
    assert text.encode() in value or text == "2026-11-22T16:52:03.120Z"
    try:
        model = by_model("event", value)
    except Refused:
        with pytest.raises(Refused):
            by_schema("event", value)
        return
    by_schema("event", value)
    assert model_values(model)["occurred_at"] == parse_instant(text)
    assert twin_values("event", by_twin("event", value)) == model_values(model)
