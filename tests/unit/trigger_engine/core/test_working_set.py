"""Who stays decoded between flushes, and that nobody is read as she was before."""

import pytest

from trigger_engine.core import working_set as module
from trigger_engine.core.customers import CustomersInMemory
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


def working_set(*keys: str) -> tuple[WorkingSet, CustomersInMemory]:
    committed = CustomersInMemory({key: encode_state(new_state(key)) for key in keys})
    return WorkingSet(committed), committed


def become_durable(customers: WorkingSet, committed: CustomersInMemory) -> None:
    """As a partition does it."""
    records = customers.touched()
    committed.put(records)
    customers.committed(records)


def flush(customers: WorkingSet, committed: CustomersInMemory, *keys: str) -> None:
    for key in keys:
        state = customers.state(key)
        state.cause_offset += 1
        state.recent += b"12345678"
        customers.touch(key, state)
    become_durable(customers, committed)


def test_who_comes_often_stays_decoded(decoded: list[str]) -> None:
    customers, committed = working_set("busy", *"abcdefgh")
    for key in "abcdefgh":
        flush(customers, committed, "busy", key)
    assert decoded == ["busy", *"abcdefgh"]


def test_who_has_not_come_for_long_is_decoded_again_as_committed_last(decoded: list[str]) -> None:
    customers, committed = working_set(*"abcdefg")
    for key in "abcdefg":
        flush(customers, committed, key)
    assert customers.state("a").cause_offset == 0
    assert decoded == [*"abcdefg", "a"]


def test_of_a_flush_larger_than_what_is_kept_nobody_is_lost(decoded: list[str]) -> None:
    customers, committed = working_set(*"abcdefg")
    flush(customers, committed, *"abcdefg")
    flush(customers, committed, *"abcdefg")
    flush(customers, committed, *"abcdefg")
    assert {customers.state(key).cause_offset for key in "abcdefg"} == {2}
    assert {decode_state(data).cause_offset for _, data in committed.items()} == {2}


def test_who_is_blank_is_not_kept(decoded: list[str]) -> None:
    customers, committed = working_set("a")
    customers.touch("a", new_state("a"))
    become_durable(customers, committed)
    assert len(committed) == 0
    assert customers.state("a").cause_offset == -1
    assert decoded == []
