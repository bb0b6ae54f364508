"""State migration v1→v2: what the version in service has written is read, and goes on as it would have."""

from pathlib import Path

import pytest

from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, History, at, product
from trigger_engine.core import limits, packed
from trigger_engine.core.occasions import known, remember
from trigger_engine.core.state import CustomerState, StateError, decode_state, encode_state, head_of

V1 = bytes.fromhex("".join(Path("tests/fixtures/states/v1.hex").read_text("ascii").split()))
"""Bytes written by version 1: runs, pending mails, occasions, endings with and without a condition."""
MEMORY = limits.OCCASION_MEMORY_MS


@pytest.fixture
def state() -> CustomerState:
    return decode_state(V1)


def test_everything_of_version_1_is_where_it_belongs(state: CustomerState) -> None:
    assert V1[0] == 1
    assert (state.customer_key, state.next_wake_up_at) == ("c1", at("4h45m"))
    assert state.last_applied() == ("tetik.events", 0, 10)
    assert (state.profile.first_name, state.profile.traits) == ("Ayşe", {"city": "Bakı"})
    assert (state.cart.id, state.orders.count, state.orders.total) == ("k2", 2, 40.0)
    assert [(run.trigger_id, run.mail_index) for run in state.runs] == [
        ("series", 1),
        ("browse", 0),
        ("cart", 0),
    ]
    assert [(mail.step, mail.cancelling) for mail in state.mails] == [
        ("hello", False),
        ("reminder", True),
        ("seen", False),
        ("seen-again", False),
        ("confirmation", False),
    ]
    assert sorted(state.memories) == ["browse", "cart", "order", "series"]
    assert state.ended_at == {"order_completed": at("3h")}
    assert [past.event_id for past in state.past_enders] == ["o1", "o2"]
    assert state.erased_at is None


def test_what_version_1_did_not_know_has_its_default(state: CustomerState) -> None:
    assert {run.position for run in state.runs} == {-1}
    assert (state.rules_digest, state.devices, state.alias) == ("", [], None)
    assert {mail.attempt for mail in state.mails} == {1}


def test_it_is_written_again_as_version_2(state: CustomerState) -> None:
    data = encode_state(state)
    assert data[0] == 2
    assert decode_state(data) == state


def test_its_head_is_read_as_one_of_version_2(state: CustomerState) -> None:
    assert head_of(V1) == head_of(encode_state(state)) == (at("4h45m"), "", True)


def test_occasions_of_version_1_are_known_as_long_as_they_last(state: CustomerState) -> None:
    assert known(state, "order", "o-1", at("1d"), MEMORY)
    assert known(state, "order", "o-1", at("5m") + MEMORY - 1000, MEMORY)
    assert not known(state, "order", "o-1", at("5m") + MEMORY, MEMORY)
    assert not known(state, "order", "o-3", at("1d"), MEMORY)
    assert not known(state, "series", "o-1", at("1d"), MEMORY)


def test_a_new_occasion_is_remembered_by_its_value_and_old_ones_make_room(state: CustomerState) -> None:
    later = at("5m") + MEMORY
    assert remember(state, "order", "o-3", later, MEMORY) is None
    memory = state.memories["order"]
    assert packed.old_occasion_count(memory.occasions) == 1
    assert packed.occasion_known(memory.values, "o-3", later, MEMORY)


def test_old_and_new_occasions_share_one_bound(state: CustomerState) -> None:
    for number in range(limits.OCCASIONS_MAX - 2):
        assert remember(state, "order", f"n{number}", at("1d"), MEMORY) is None
    assert "1024 occasions" in str(remember(state, "order", "one more", at("1d"), MEMORY))


def test_the_same_order_is_not_confirmed_again_after_the_migration() -> None:
    history = History(CART, ORDER, SERIES)
    history.state = decode_state(V1)
    assert history.event("order_completed", "4h10m", id="again", order_id="o-2") == [
        "exited browse",
        "cancelled cart",
    ]
    assert "send confirmation" in history.event("order_completed", "4h20m", id="new", order_id="o-9")


def test_a_cart_of_version_1_is_still_answered_by_its_run() -> None:
    history = History(CART)
    history.state = decode_state(V1)
    assert history.event("product_added", "4h30m", id="more", cart_id="k2", **product("p4")) == [
        "exited series",
        "exited browse",
    ]
    due = {run.occasion: run.due_at for run in history.state.runs if run.trigger_id == "cart"}
    assert due == {"c1/k2": at("5h15m")}


@pytest.mark.parametrize(
    "data", [b"\x01", b"\x01\x90", b"\x01\xc1", b"\x01\x91\x05", b"\x01\xa1\xff", V1[:-9]]
)
def test_broken_bytes_of_version_1_are_refused(data: bytes) -> None:
    with pytest.raises(StateError):
        decode_state(data)
    with pytest.raises(StateError):
        head_of(data)
