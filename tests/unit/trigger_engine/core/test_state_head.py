"""The next wake-up of a record, read without the rest: what a take-over asks of every customer."""

import pytest

from trigger_engine.core.state import (
    Profile,
    StateError,
    decode_state,
    encode_state,
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


@pytest.mark.parametrize("data", [b"", b"\x02\x91\xa1a", b"\x01\xc0", b"\x01\x91"])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(StateError):
        next_wake_up_of(data)
