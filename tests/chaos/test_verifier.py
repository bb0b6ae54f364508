"""The verifier on a sound history, and on the same history with each fault planted once: it must name it.

The history is the engine's own core over the shoppers' events, without a broker; so the plants are found in
records as they stand on the log.
"""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import pytest

from schemas.instants import format_instant, parse_instant
from schemas.keys import RESERVED_STATE_PREFIX
from schemas.records import decode_event, encode_record
from schemas.topics import DEAD_LETTERS, EVENTS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from tests.chaos.evidence import Acknowledged, Evidence, Raw
from tests.chaos.reading import seen_of_state
from tests.chaos.rules import LONGEST_MS, shop_rules
from tests.chaos.shoppers import Shoppers
from tests.chaos.verifier import CLASSES, faults_of
from tests.fixtures.engine_cases import T0, marker
from trigger_engine.adapters.transaction import portions_of
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import NO_RULES, load_rules
from trigger_engine.core.state import decode_state

BEAT_MS = 60
EVENTS_APPLIED = 900


class _Shop:
    """One partition of the engine's core, reading as it is written, and what it writes."""

    def __init__(self) -> None:
        self.partition = Partition(0, {}, PartitionRecord(), NO_RULES, {})
        self.evidence = Evidence(1, [shop_rules()], T0)
        self.states: dict[str, bytes | None] = {}

    def write(self, key: str | None, value: bytes, event_id: str | None, now: int) -> None:
        """A record of the log, acknowledged and applied at once."""
        offset = len(self.evidence.events)
        encoded = None if key is None else key.encode()
        self.evidence.events.append(Raw(0, offset, now, encoded, value))
        self.evidence.acknowledged.append(Acknowledged(event_id, 0, offset, now))
        assert self.partition.apply_record(EVENTS, offset, encoded, value, now)
        self.partition.advance(EVENTS, offset + 1)
        self.flush(now)

    def pass_time(self, until: int) -> None:
        """Everything due by then, each thing at its time."""
        while (due_at := self.partition.timers.next_due_at) <= until:
            self.partition.fire_due(due_at, due_at)
            self.flush(due_at)

    def flush(self, now: int) -> None:
        flush = self.partition.take_flush()
        kept = {
            TRIGGERS: self.evidence.decisions,
            OUTBOUND: self.evidence.requests,
            DEAD_LETTERS: self.evidence.dead_letters,
        }
        for topic, partition, rows in portions_of(flush, 0, 1):
            for key, value, _ in rows:
                if topic in kept:
                    kept[topic].append(Raw(partition, len(kept[topic]), now, key, value))
                elif topic == STATE_CHANGELOG and key is not None:
                    self.states[key.decode()] = value
        self.partition.committed(flush)


@cache
def _history() -> Evidence:
    shop, shoppers, now = _Shop(), Shoppers(7, poison=0.02), T0
    rules = shop_rules()
    shop.write(None, marker(rules.digest), "marker", now)
    shop.partition.activate(load_rules(rules))
    shop.flush(now)
    while len(shop.evidence.events) < EVENTS_APPLIED:
        now += BEAT_MS
        shop.pass_time(now - 1)
        for key, value, event_id in shoppers.some(4, now):
            shop.write(key, value, event_id, now)
    now += LONGEST_MS
    shop.pass_time(now)
    evidence = shop.evidence
    evidence.settled_at = now
    evidence.next_offsets[0] = len(evidence.events)
    customers = {key: data for key, data in shop.states.items() if not key.startswith(RESERVED_STATE_PREFIX)}
    evidence.states = {key: seen_of_state(decode_state(data)) for key, data in customers.items() if data}
    return evidence


@pytest.fixture
def evidence() -> Evidence:
    """A history of its own, to be spoilt."""
    return copy.deepcopy(_history())


def kinds(evidence: Evidence) -> set[str]:
    return {fault.kind for fault in faults_of(evidence)}


def edited(raw: Raw, **fields: Any) -> Raw:
    """The record with other values in it."""
    return raw._replace(value=msgspec.json.encode({**msgspec.json.decode(raw.value or b""), **fields}))


def decided(evidence: Evidence, holds: Callable[[dict[str, Any]], bool]) -> tuple[int, dict[str, Any]]:
    """The first decision like that, and where it stands in the list."""
    for place, raw in enumerate(evidence.decisions):
        if holds(one := msgspec.json.decode(raw.value or b"")):
            return place, one
    raise AssertionError("the history holds no such decision")


def fired_by_time(one: dict[str, Any]) -> bool:
    return (one["outcome"], one["cause"]["kind"]) == ("fired", "wake_up")


def test_a_sound_history_has_no_fault(evidence: Evidence) -> None:
    assert faults_of(evidence) == []


def test_the_history_holds_what_can_go_wrong(evidence: Evidence) -> None:
    """Every trigger, wake-ups and events as causes, repeated events, and records that nobody can read."""
    decisions = [msgspec.json.decode(raw.value or b"") for raw in evidence.decisions]
    assert {one["trigger_id"] for one in decisions} == {rule["id"] for rule in shop_rules().triggers}
    assert {one["cause"]["kind"] for one in decisions} == {"event", "wake_up"}
    assert {"started", "fired", "cancelled", "cooldown", "capped", "late", "no_consent"} <= {
        one["outcome"] for one in decisions
    }
    assert evidence.dead_letters
    assert len(evidence.acknowledged) > len({one.event_id for one in evidence.acknowledged})


def lose_a_decision(evidence: Evidence) -> None:
    del evidence.decisions[decided(evidence, fired_by_time)[0]]


def lose_a_request(evidence: Evidence) -> None:
    del evidence.requests[3]


def lose_an_acknowledged_event(evidence: Evidence) -> None:
    evidence.acknowledged.append(Acknowledged("gone", 0, len(evidence.events), T0))


def lose_a_dead_letter(evidence: Evidence) -> None:
    del evidence.dead_letters[0]


def leave_an_event_unapplied(evidence: Evidence) -> None:
    """Her state ends one event before her last one on the log."""
    key, state = next((key, one) for key, one in evidence.states.items() if one["orders"])
    evidence.states[key] = {**state, "last_offset": state["last_offset"] - 1}


def double_a_decision(evidence: Evidence) -> None:
    evidence.decisions.append(evidence.decisions[decided(evidence, fired_by_time)[0]])


def double_a_request(evidence: Evidence) -> None:
    evidence.requests.append(evidence.requests[0])


def double_a_dead_letter(evidence: Evidence) -> None:
    evidence.dead_letters.append(evidence.dead_letters[0])


def acknowledge_an_offset_twice(evidence: Evidence) -> None:
    evidence.acknowledged.append(evidence.acknowledged[5])


def decide_before_it_is_due(evidence: Evidence) -> None:
    place, one = decided(evidence, fired_by_time)
    before = format_instant(parse_instant(one["due_at"]) - 1)
    evidence.decisions[place] = edited(evidence.decisions[place], decided_at=before)


def decide_after_it_is_on_the_log(evidence: Evidence) -> None:
    """A clock from the future, by which an offer had expired."""
    place, _ = decided(evidence, lambda one: one["cause"]["kind"] == "event")
    later = format_instant(evidence.decisions[place].written_at + evidence.ahead_ms + 1)
    evidence.decisions[place] = edited(evidence.decisions[place], decided_at=later)


def write_before_it_is_due(evidence: Evidence) -> None:
    """By a clock that was ahead."""
    place, one = decided(evidence, fired_by_time)
    due_at = parse_instant(one["occurred_at"])
    evidence.decisions[place] = evidence.decisions[place]._replace(written_at=due_at - 1)


def swap_a_customers_decisions(evidence: Evidence) -> None:
    place, one = decided(evidence, lambda one: one["outcome"] == "fired" and one["cause"]["kind"] == "event")
    other, started = decided(evidence, lambda other: other["occasion"] == one["occasion"])
    assert started["outcome"] == "started"
    decisions = evidence.decisions
    decisions[place], decisions[other] = decisions[other], decisions[place]


def let_causes_go_back(evidence: Evidence) -> None:
    """Two customers' decisions, in the order of neither."""
    first, _ = decided(evidence, lambda one: one["cause"]["kind"] == "event")
    evidence.decisions.append(evidence.decisions.pop(first))


def wake_behind_an_event_it_should_precede(evidence: Evidence) -> None:
    """The wake-up says that it was handed in behind her next event, which was received after its time."""
    place, offset = _wake_up_with_a_next_event(evidence)
    cause = msgspec.json.decode(evidence.decisions[place].value or b"")["cause"]
    evidence.decisions[place] = edited(evidence.decisions[place], cause={**cause, "offset": offset})


def wake_before_the_backlog(evidence: Evidence) -> None:
    """Her next event had been received and acknowledged before the wake-up was due, and it knew nothing."""
    place, offset = _wake_up_with_a_next_event(evidence)
    due_at = parse_instant(msgspec.json.decode(evidence.decisions[place].value or b"")["occurred_at"])
    for at in range(offset + 1):
        raw, acknowledged = evidence.events[at], evidence.acknowledged[at]
        evidence.acknowledged[at] = acknowledged._replace(acknowledged_at=due_at - 1)
        try:
            received_at = parse_instant(decode_event(raw.value or b"").received_at)
        except ValueError:
            continue
        earlier = format_instant(min(received_at, due_at - 1))
        evidence.events[at] = edited(raw, received_at=earlier)


def _wake_up_with_a_next_event(evidence: Evidence) -> tuple[int, int]:
    """A mail that a wake-up fired, and the offset of the customer's next new event behind its cause."""
    seen: set[str | None] = set()
    news = [
        (raw.offset, raw.key)
        for raw, acknowledged in zip(evidence.events, evidence.acknowledged, strict=True)
        if acknowledged.event_id is not None
        and not (acknowledged.event_id in seen or seen.add(acknowledged.event_id))  # type: ignore[func-returns-value]
    ]
    for place, raw in enumerate(evidence.decisions):
        one = msgspec.json.decode(raw.value or b"")
        if fired_by_time(one):
            behind = [at for at, key in news if key == raw.key and at > one["cause"]["offset"]]
            if behind:
                return place, behind[0]
    raise AssertionError("nobody came back after a mail")


def leave_the_tail_unread(evidence: Evidence) -> None:
    evidence.next_offsets[0] -= 1


def forget_the_partition_record(evidence: Evidence) -> None:
    evidence.next_offsets.clear()


def change_a_decision(evidence: Evidence) -> None:
    place, _ = decided(evidence, fired_by_time)
    evidence.decisions[place] = edited(evidence.decisions[place], attempt=2)


def invent_a_decision(evidence: Evidence) -> None:
    place, _ = decided(evidence, lambda one: one["cause"]["kind"] == "event")
    invented = edited(evidence.decisions[place], decision_id="invented", outcome="error")
    evidence.decisions.insert(place + 1, invented)


def change_a_request(evidence: Evidence) -> None:
    evidence.requests[0] = edited(evidence.requests[0], to="somebody@else.example")


def invent_a_request(evidence: Evidence) -> None:
    evidence.requests.append(edited(evidence.requests[0], send_id="invented"))


def reject_what_can_be_read(evidence: Evidence) -> None:
    evidence.dead_letters.append(edited(evidence.dead_letters[0], offset=1))


def count_an_order_twice(evidence: Evidence) -> None:
    key, state = next((key, one) for key, one in evidence.states.items() if one["orders"])
    evidence.states[key] = {**state, "orders": state["orders"] + 1}


def lose_a_state(evidence: Evidence) -> None:
    del evidence.states[next(iter(evidence.states))]


def leave_a_run_over(evidence: Evidence) -> None:
    key, state = next(iter(evidence.states.items()))
    evidence.states[key] = {**state, "runs": [("cart-abandoned", f"{key}/x", T0, T0)]}


PLANTS: dict[Callable[[Evidence], None], str] = {
    lose_a_decision: "lost",
    lose_a_request: "lost",
    lose_an_acknowledged_event: "lost",
    lose_a_dead_letter: "lost",
    leave_an_event_unapplied: "lost",
    double_a_decision: "doubled",
    double_a_request: "doubled",
    double_a_dead_letter: "doubled",
    acknowledge_an_offset_twice: "doubled",
    decide_before_it_is_due: "early",
    write_before_it_is_due: "early",
    decide_after_it_is_on_the_log: "early",
    swap_a_customers_decisions: "reordered",
    let_causes_go_back: "reordered",
    leave_the_tail_unread: "unseen",
    forget_the_partition_record: "unseen",
    change_a_decision: "wrong",
    invent_a_decision: "wrong",
    change_a_request: "wrong",
    invent_a_request: "wrong",
    reject_what_can_be_read: "wrong",
    count_an_order_twice: "state",
    lose_a_state: "state",
    leave_a_run_over: "state",
}
"""Each with the one class that names it."""


@pytest.mark.parametrize(("plant", "kind"), PLANTS.items(), ids=lambda one: getattr(one, "__name__", one))
def test_a_planted_fault_is_named(evidence: Evidence, plant: Callable[[Evidence], None], kind: str) -> None:
    plant(evidence)
    assert kinds(evidence) == {kind}


@pytest.mark.parametrize(
    ("plant", "kind"),
    [(wake_behind_an_event_it_should_precede, "reordered"), (wake_before_the_backlog, "early")],
)
def test_a_misplaced_wake_up_is_named(
    evidence: Evidence, plant: Callable[[Evidence], None], kind: str
) -> None:
    """It may change what follows as well."""
    plant(evidence)
    assert kind in kinds(evidence)


def test_every_class_has_a_plant() -> None:
    assert set(PLANTS.values()) == set(CLASSES)


def test_a_clock_that_was_ahead_is_allowed_for(evidence: Evidence) -> None:
    write_before_it_is_due(evidence)
    evidence.ahead_ms = 1
    assert faults_of(evidence) == []


def test_an_event_as_the_contract_has_it(evidence: Evidence) -> None:
    """What the history's first records are, so that the plants are known to be on events."""
    assert decode_event(evidence.events[1].value or b"").type == "signed_up"
    assert encode_record(decode_event(evidence.events[1].value or b"")) == evidence.events[1].value
