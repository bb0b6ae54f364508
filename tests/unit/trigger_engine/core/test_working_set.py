"""Who stays decoded between flushes, and that nobody is read as she was before."""

import pytest

from trigger_engine.core import working_set as module
from trigger_engine.core.state import decode_state, encode_state, new_state
from trigger_engine.core.working_set import WorkingSet


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of those who were decoded, in order; four customers are kept."""
    keys = []

    def decode(data: bytes) -> object:
        state = decode_state(data)
        keys.append(state.customer_key)
        return state

    monkeypatch.setattr(module, "decode_state", decode)
    monkeypatch.setattr(module, "LIVE_CUSTOMERS_MAX", 4)
    return keys


def flush(customers: WorkingSet, *keys: str) -> None:
    for key in keys:
        state = customers.state(key)
        state.cause_offset += 1
        state.recent += b"12345678"
        customers.touch(key, state)
    customers.committed(customers.touched())


def stored(*keys: str) -> dict[str, bytes]:
    return {key: encode_state(new_state(key)) for key in keys}


def test_who_comes_often_stays_decoded(decoded: list[str]) -> None:
    customers = WorkingSet(stored("busy", *"abcdefgh"))
    for key in "abcdefgh":
        flush(customers, "busy", key)
    assert decoded == ["busy", *"abcdefgh"]


def test_who_has_not_come_for_long_is_decoded_again_as_committed_last(decoded: list[str]) -> None:
    customers = WorkingSet(stored(*"abcdefg"))
    for key in "abcdefg":
        flush(customers, key)
    assert customers.state("a").cause_offset == 0
    assert decoded == [*"abcdefg", "a"]


def test_of_a_flush_larger_than_what_is_kept_nobody_is_lost(decoded: list[str]) -> None:
    customers = WorkingSet(stored(*"abcdefg"))
    flush(customers, *"abcdefg")
    flush(customers, *"abcdefg")
    flush(customers, *"abcdefg")
    assert {customers.state(key).cause_offset for key in "abcdefg"} == {2}
    assert {decode_state(data).cause_offset for data in customers.stored.values()} == {2}


def test_who_is_blank_is_not_kept(decoded: list[str]) -> None:
    customers = WorkingSet(stored("a"))
    customers.touch("a", new_state("a"))
    customers.committed(customers.touched())
    assert customers.stored == {}
    assert customers.state("a").cause_offset == -1
    assert decoded == []
