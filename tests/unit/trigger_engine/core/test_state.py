"""The state's bytes, and erasure."""

import msgspec
import pytest

from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, History, at, product
from trigger_engine.core.state import (
    STATE_VERSION,
    StateError,
    UnknownVersion,
    decode_state,
    encode_state,
    head_of,
    new_state,
)


def full_history() -> History:
    history = History(CART, ORDER, SERIES)
    history.event("signed_up", "0s", city="Baku")
    history.event("product_added", "1m", cart_id="k1", **product())
    history.event("order_refunded", "2m", order_id="o1")
    return history


def test_a_state_survives_its_bytes() -> None:
    state = full_history().state
    assert decode_state(encode_state(state)) == state
    assert decode_state(encode_state(new_state("c2"))) == new_state("c2")


def test_another_version_is_refused() -> None:
    data = encode_state(new_state("c1"))
    said = f"version {STATE_VERSION + 1}; this program reads versions 1 to {STATE_VERSION}"
    with pytest.raises(UnknownVersion, match=said):
        decode_state(bytes([STATE_VERSION + 1]) + data[1:])
    with pytest.raises(UnknownVersion, match=said):
        head_of(bytes([STATE_VERSION + 1]) + data[1:])


@pytest.mark.parametrize(
    "data", [b"", b"\x02", b"\x02\xc1", b"\x02\x90", b"\x02\xa1\xff", b"\x02\x91\x05", b"{}"]
)
def test_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(StateError):
        decode_state(data)


def test_a_state_written_before_a_field_was_added_is_read_with_its_default() -> None:
    """Fields are only ever added at the end, so older records are shorter arrays."""
    values = msgspec.msgpack.decode(encode_state(full_history().state)[1:])
    shorter = bytes([STATE_VERSION]) + msgspec.msgpack.encode(values[:-1])
    assert decode_state(shorter).alias is None


def test_the_first_version_is_read_as_it_was_written() -> None:
    """Bytes written by the first version; if this fails, a deployed state can no longer be read."""
    state = decode_state(bytes.fromhex(FIRST_VERSION))
    assert state.customer_key == "c1"
    assert state.profile.email == "a@example.com"
    assert [item.key for item in state.cart.items] == ["p1"]
    assert state.runs[0].trigger_id == "cart"
    assert state.next_wake_up_at == at("45m")


FIRST_VERSION = (
    "01dc0010a26331cf0000019cadefcd60c4101b5d5e51f54f0f04fed135082f0eff78cf0000019cadc69a80ac746574696b2e"
    "6576656e747300029dad61406578616d706c652e636f6dc0c0c0c0c080cf0000019cad8fac00c3cf0000019cad8fac00c0c0"
    "c096a26532c29198a27031cf0000019cadc69a8001cb4024000000000000a27031a25031c0c0c0cf0000019cadc69a80ff93"
    "00c0cb00000000000000009198a463617274ac373566356636303365343266a563312f653295a26532ad70726f647563745f"
    "6164646564cf0000019cadc69a8084aa70726f647563745f6964a27031a46e616d65a25031a57072696365cb402400000000"
    "0000a87175616e74697479018000cf0000019cadefcd60c3c09081a46361727492c40cbfbdd8f3000a1ee469a55190c08090"
    "c0"
)


def test_erasure_takes_back_mail_ends_runs_and_forgets_everything() -> None:
    history = History(CART, SERIES)
    history.event("signed_up", "0s", first_name="Ayşe")
    history.event("product_added", "1m", **product())
    assert history.event("customer_erased", "2m") == [
        "exited series",
        "exited cart",
        "cancelling series/hello",
        "cancel hello",
    ]
    state = history.state
    assert (state.next_wake_up_at, state.erased_at) == (None, at("2m"))
    blank = new_state("c1")
    for name in ("profile", "cart", "orders", "runs", "mails", "memories", "ended_at", "last_seen_at"):
        assert getattr(state, name) == getattr(blank, name)
    assert b"example.com" not in encode_state(state)


def test_an_erasure_arriving_twice_is_known() -> None:
    history = History(CART)
    history.event("customer_erased", "2m", id="erase")
    before = encode_state(history.state)
    assert history.event("customer_erased", "2m", id="erase") == []
    assert encode_state(history.state) == before


def test_what_happened_before_the_erasure_stays_forgotten() -> None:
    history = History(CART)
    history.event("customer_erased", "10m")
    before = encode_state(history.state)
    assert history.event("product_added", "9m", received="11m", **product()) == []
    assert encode_state(history.state) == before
    assert history.event("product_added", "12m", **product()) == ["started cart"]


def test_a_wake_up_is_caused_by_the_last_event_applied() -> None:
    history = History(CART)
    history.event("product_added", "1m", **product())
    history.event("page_viewed", "2m")
    history.event("page_viewed", "2m", id="e3")
    assert history.state.last_applied() == ("tetik.events", 0, 3), "a duplicate leaves no trace"
