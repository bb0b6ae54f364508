"""A record of the log as `step` is given it, field by field; what is said of one that cannot be used."""

from typing import Any

import pytest

from schemas.instants import format_instant
from schemas.records import CauseRecord, EventRecord, encode_record
from schemas.topics import EVENTS, STATE_CHANGELOG
from tests.unit.trigger_engine.core.history import CART, at, product, rules_of
from trigger_engine.core import partition as partition_module
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.partition import Partition, PartitionRecord, Rejected
from trigger_engine.core.reading import Marker, read_record
from trigger_engine.core.rules import Rules
from trigger_engine.core.state import encode_state, new_state

RULES = rules_of(CART)
CAUSE = CauseRecord("event", EVENTS, 3, 7, "e1")


def record(**changed: Any) -> EventRecord:
    given: dict[str, Any] = {
        "event_id": "e1",
        "type": "product_added",
        "occurred_at": format_instant(at("1m")),
        "received_at": format_instant(at("2m")),
        "source": "shop",
        "customer_id": "ada",
        "anonymous_id": "d1",
        "properties": product(),
        "context": {"page": "/p1"},
        "backfill": True,
    }
    return EventRecord(**{**given, **changed})


def read(**changed: Any) -> Any:
    return read_record((EVENTS, 7, b"key", encode_record(record(**changed))), 3)


def partition(stored: dict[str, bytes] | None = None) -> Partition:
    return Partition(3, stored or {}, PartitionRecord(next_offsets={EVENTS: 0}), RULES, {})


def test_an_event_is_given_as_it_was_written_with_its_place_in_the_log() -> None:
    assert read() == (
        at("2m"),
        EventInput(
            event_id="e1",
            type="product_added",
            customer_key="ada",
            customer_id="ada",
            anonymous_id="d1",
            occurred_at=at("1m"),
            received_at=at("2m"),
            source="shop",
            properties=product(),
            context={"page": "/p1"},
            backfill=True,
            cause=CAUSE,
        ),
    )
    _, device = read(customer_id=None)
    assert (device.customer_key, device.customer_id, device.anonymous_id) == ("anon:d1", None, "d1")


def test_a_marker_is_no_event_of_anybody() -> None:
    cause = CauseRecord("rules", EVENTS, 3, 7, "e1")
    assert read(type="rules_activated") == (at("2m"), Marker(at("2m"), cause))


def test_an_event_of_a_product_concerns_no_customer() -> None:
    given = read(type="product_notice", customer_id=None, anonymous_id=None, product_id="p1")
    assert given == (at("2m"), None)


def test_what_is_said_of_records_that_cannot_be_used() -> None:
    with pytest.raises(ValueError, match=r"^the id 'tetik:x' begins with the reserved prefix 'tetik:'$"):
        read(customer_id="tetik:x")
    deep: Any = 1
    for _ in range(401):
        deep = [deep]
    with pytest.raises(ValueError, match=r"^the record nests deeper than 400$"):
        read(properties={"deep": deep})


def test_what_fails_is_a_dead_letter_with_its_cause_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise KeyError("one\ntwo " + "x" * 2_000)

    monkeypatch.setattr(partition_module, "step", failing)
    one = partition()
    value = encode_record(record())
    one.apply_record(EVENTS, 7, b"key", value, at("3m"))
    (letter,) = one.take_flush().rejected
    assert letter.reason == ("KeyError: 'one\\ntwo " + "x" * 2_000)[:1000]
    assert (letter.topic, letter.offset, letter.key, letter.value) == (EVENTS, 7, b"key", value)
    assert letter.failed_at == at("3m")
    assert (one.inputs_seen, one.inputs_rejected) == (1, 1)

    def lines(*_: object) -> None:
        raise ValueError("one\ntwo")

    monkeypatch.setattr(partition_module, "step", lines)
    one.apply_record(EVENTS, 8, b"key", encode_record(record(event_id="e2")), at("3m"))
    assert one.take_flush().rejected[-1].reason == "ValueError: one two"


def test_dead_letters_of_one_cause_have_one_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(rules: Rules, state: object, event: EventInput, now: int) -> None:
        if event.event_id == "e3":
            raise TypeError("planted")
        raise KeyError("planted")

    monkeypatch.setattr(partition_module, "step", failing)
    one = partition()
    for offset, name in enumerate(("e1", "e2", "e3")):
        one.apply_record(EVENTS, offset, b"key", encode_record(record(event_id=name)), at("3m"))
    first, second, third = (letter.traceback_digest for letter in one.take_flush().rejected)
    assert first == second != third


def test_a_customer_who_cannot_be_read_is_a_dead_letter_with_her_bytes() -> None:
    broken = encode_state(new_state("ada"))[:5]
    one = partition({"ada": broken})
    one.timers.add("ada", at("0s"))
    one.fire_due(at("0s"), at("1m"))
    (letter,) = one.take_flush().rejected
    assert letter == Rejected(STATE_CHANGELOG, -1, b"ada", broken, letter.reason, None, at("1m"))
    assert letter.reason.startswith("nothing can be decided for this customer: ")
    assert (one.inputs_seen, one.inputs_rejected) == (1, 1)
    one.apply_record(EVENTS, 7, b"key", encode_record(record()), at("3m"))
    letter = one.take_flush().rejected[-1]
    assert (letter.topic, letter.offset, letter.traceback_digest) == (EVENTS, 7, None)


def test_a_record_that_is_no_json_is_counted_and_passed_over() -> None:
    one = partition()
    assert one.apply_record(EVENTS, 7, None, b"{", at("3m"))
    (letter,) = one.take_flush().rejected
    assert (letter.offset, letter.key, letter.value, letter.traceback_digest) == (7, None, b"{", None)
    assert (one.inputs_seen, one.inputs_rejected, one.dirty) == (1, 1, True)


@pytest.mark.parametrize(
    ("value", "digest"),
    [
        (encode_record(record(type="rules_activated", properties={"digest": "abc"})), "abc"),
        (encode_record(record(type="rules_activated", properties={"digest": 7})), None),
        (encode_record(record(type="rules_activated", properties={})), None),
        (encode_record(record(properties={"digest": "abc", "of": "rules_activated"})), None),
        (b'{"rules_activated"', None),
    ],
)
def test_only_a_marker_with_a_digest_activates_rules(value: bytes, digest: str | None) -> None:
    assert partition().activates_rules(value) == digest


def test_the_logs_clock_never_goes_back() -> None:
    one = partition()
    for offset, when in enumerate(("5m", "3m")):
        given = record(event_id=f"e{offset}", received_at=format_instant(at(when)))
        one.apply_record(EVENTS, offset, b"key", encode_record(given), at("10m"))
        assert one.record.received_max == at("5m")


def test_rules_of_the_first_start_count_from_the_logs_clock() -> None:
    one = partition()
    one.apply_record(EVENTS, 0, b"key", encode_record(record()), at("10m"))
    one.committed(one.take_flush())
    other: Rules = rules_of(CART.replace("45m", "50m"))
    one.activate(other)
    assert (one.record.rules_digest, one.record.sweep_after) == (other.digest, "")
    assert (one.record.activated_at, one.record.activation) == (at("2m"), None)
    assert (one.dirty, one.sweeping, one.take_flush().rules_digest) == (True, True, other.digest)
    assert not one.sweep(at("10m"), 5), "nobody is told of what no marker activated"
    assert not one.sweeping
