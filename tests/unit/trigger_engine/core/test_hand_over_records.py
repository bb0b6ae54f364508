"""What one customer's step writes for another's log, field by field, and what is said of records gone bad."""

from base64 import b64decode
from typing import Any

import msgspec
import pytest

from schemas.ids import device_erasure_id, handover_ask_id, handover_state_id
from schemas.instants import format_instant
from schemas.records import EventRecord, encode_record
from schemas.topics import EVENTS
from tests.unit.trigger_engine.core.history import CART, KNOWN, SERIES, at, product, rules_of
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, DEVICE, DEVICE_KEY, Town
from trigger_engine.core.limits import ALIAS_KEPT_MS, DEVICES_MAX
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.state import decode_state

NOBODY = "handover_asked needs properties.customer_id, the id of a known customer"


def time(when: str) -> str:
    return format_instant(at(when))


def test_the_question_to_the_device() -> None:
    town = Town(CART)
    town.device("page_viewed", "-1h")
    town.both("page_viewed", "0s", id="login", received="1m")
    assert town.handed[0] == EventRecord(
        event_id=handover_ask_id(DEVICE_KEY, CUSTOMER, "login"),
        type="handover_asked",
        occurred_at=time("0s"),
        received_at=time("1m"),
        source="trigger_engine",
        anonymous_id=DEVICE,
        properties={"customer_id": CUSTOMER},
    )
    assert town.state(CUSTOMER).asked_at == at("1m")


def test_the_devices_answer_holds_its_whole_state() -> None:
    town = Town(CART)
    town.device("product_added", "-10m", cart_id="k1", **product())
    before = town.state(DEVICE_KEY)
    town.both("page_viewed", "0s", id="login", received="1m")
    asked, answer = town.handed
    state = answer.properties.pop("state")
    assert answer == EventRecord(
        event_id=handover_state_id(asked.event_id),
        type="handover_state",
        occurred_at=time("0s"),
        received_at=time("1m"),
        source="trigger_engine",
        customer_id=CUSTOMER,
        properties={"anonymous_id": DEVICE, "rules_activated_at": format_instant(0)},
    )
    handed = decode_state(b64decode(state))
    assert (handed.runs, handed.cart, handed.views) == (before.runs, before.cart, before.views)


def test_an_event_that_follows_the_customer_stays_as_it_was() -> None:
    town = Town(CART)
    town.both("page_viewed", "0s")
    sent = EventRecord(
        event_id="late",
        type="product_viewed",
        occurred_at=time("1m"),
        received_at=time("2m"),
        source="shop",
        anonymous_id=DEVICE,
        properties=product(),
        context={"page": "/p1"},
        backfill=True,
    )
    town.write(sent)
    town.settle()
    assert town.handed[-1] == msgspec.structs.replace(sent, customer_id=CUSTOMER)


def test_the_erasure_of_a_device() -> None:
    town = Town(CART)
    town.both("page_viewed", "0s")
    town.customer("customer_erased", "1h", id="erase", received="2h")
    assert town.handed[-1] == EventRecord(
        event_id=device_erasure_id(DEVICE_KEY, "erase"),
        type="customer_erased",
        occurred_at=time("1h"),
        received_at=time("2h"),
        source="trigger_engine",
        anonymous_id=DEVICE,
        properties={"customer_id": CUSTOMER},
    )


def test_an_alias_is_kept_400_days_from_the_event_that_asked_to_the_millisecond() -> None:
    town = Town(CART)
    town.both("page_viewed", "0s")
    alias = town.state(DEVICE_KEY)
    assert alias.next_wake_up_at == at("0s") + ALIAS_KEPT_MS
    assert (alias.alias and alias.alias.since) == at("0s")


def test_the_devices_known_are_those_seen_last() -> None:
    town = Town(CART)
    for number in range(DEVICES_MAX + 1):
        town.both("page_viewed", f"{number}m", anonymous_id=f"d{number}")
    devices = town.state(CUSTOMER).devices
    assert devices == [f"d{number}" for number in range(1, DEVICES_MAX + 1)]


@pytest.mark.parametrize(
    ("type", "who", "properties", "reason"),
    [
        (
            "handover_state",
            {"customer_id": CUSTOMER},
            {},
            "handover_state needs properties.state, the base64 of a customer's state",
        ),
        (
            "handover_state",
            {"customer_id": CUSTOMER},
            {"state": "no base64!"},
            "handover_state: properties.state cannot be read: ",
        ),
        ("handover_asked", {"anonymous_id": DEVICE}, {}, NOBODY),
        ("handover_asked", {"anonymous_id": DEVICE}, {"customer_id": ""}, NOBODY),
        ("handover_asked", {"anonymous_id": DEVICE}, {"customer_id": "anon:d2"}, NOBODY),
        ("handover_asked", {"anonymous_id": DEVICE}, {"customer_id": "x" * 257}, NOBODY),
    ],
)
def test_what_is_said_of_a_record_that_no_engine_of_ours_writes(
    type: str, who: dict[str, Any], properties: dict[str, Any], reason: str
) -> None:
    record = EventRecord(
        event_id="bad",
        type=type,
        occurred_at=time("0s"),
        received_at=time("0s"),
        source="x",
        properties=properties,
        **who,
    )
    rules = rules_of(CART)
    partition = Partition(3, {}, PartitionRecord(next_offsets={EVENTS: 5}), rules, {})
    partition.apply_record(EVENTS, 5, b"key", encode_record(record), at("1m"))
    (letter,) = partition.take_flush().rejected
    assert letter.reason.startswith(f"ValueError: {reason}")
    assert (letter.topic, letter.offset, letter.key) == (EVENTS, 5, b"key")
    assert (letter.value, letter.failed_at) == (encode_record(record), at("1m"))
    assert letter.traceback_digest is not None
    assert len(letter.traceback_digest) == 16


def test_the_longest_id_of_a_customer_is_taken() -> None:
    town = Town(CART)
    town.device("page_viewed", "0s")
    town.both("page_viewed", "1m", customer_id="x" * 256)
    alias = town.state(DEVICE_KEY).alias
    assert (alias and alias.customer_id, town.rejected) == ("x" * 256, [])


def test_a_state_that_comes_after_the_erasure_is_turned_away_in_words() -> None:
    town = Town(SERIES)
    town.device("profile_updated", "-1h", **KNOWN)
    town.device("signed_up", "0s")
    town.both("page_viewed", "1m", then=False)
    town.customer("customer_erased", "2m", then=False)
    town.settle()
    assert [(one.outcome, one.reason) for one in town.decisions[2:]] == [
        ("exited", "the customer was erased before the run came over from her device."),
        ("cancelling", "The customer was erased. The sender is asked to cancel hello."),
    ]
    assert (town.state(CUSTOMER).runs, town.state(CUSTOMER).mails) == ([], [])
