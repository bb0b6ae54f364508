"""The next wake-up of a record, read without the rest: what a take-over asks of every customer."""

import pytest

from trigger_engine.core.state import (
    Happening,
    Head,
    Profile,
    Run,
    StateError,
    decode_state,
    encode_state,
    head_of,
    new_state,
    next_wake_up_of,
)


@pytest.mark.parametrize("due_at", [None, 0, 1_700_000_000_000])
def test_the_head_says_what_the_whole_record_says(due_at: int | None) -> None:
    state = new_state("ada")
    state.next_wake_up_at = due_at
    state.profile = Profile(email="ada@customers.example", traits={"plan": "gold"})
    data = encode_state(state)
    assert next_wake_up_of(data) == decode_state(data).next_wake_up_at == due_at


def test_the_head_says_what_a_sweep_after_a_change_of_rules_asks() -> None:
    state = new_state("ada")
    assert head_of(encode_state(state)) == Head(None, "", False)
    state.rules_digest = "d1"
    state.runs.append(Run("cart", "v", "ada/1", Happening("e1", "product_added", 5), 0, 7))
    assert head_of(encode_state(state)) == Head(None, "d1", True)


@pytest.mark.parametrize("data", [b"", b"\x03\x91\xa1a", b"\x02\xc0", b"\x02\x91", b"\x01\x91\xa1a"])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(StateError):
        next_wake_up_of(data)
