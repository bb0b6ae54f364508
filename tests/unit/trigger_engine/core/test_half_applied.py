"""Half-applied inputs are undone, with hand-overs and changes of rules among the inputs applied before."""

from typing import Any

import pytest

from schemas.instants import format_instant
from schemas.records import CauseRecord, DecisionRecord, EventRecord, decode_event, encode_record
from schemas.topics import EVENTS, STATE_CHANGELOG
from tests.unit.trigger_engine.core.history import CART, KNOWN, ORDER, at, product, rules_of
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, DEVICE, DEVICE_KEY, Town
from trigger_engine.core import partition as partition_module
from trigger_engine.core.inputs import EventInput, Input, RulesChange, WakeUp
from trigger_engine.core.partition import Flush, Partition, PartitionRecord
from trigger_engine.core.rules import Rules
from trigger_engine.core.state import CustomerState, decode_state

BEFORE = rules_of(CART, ORDER)
AFTER = rules_of(CART.replace("45m", "50m") + "on_edit: migrate\n", ORDER, earlier=(BEFORE,))
NOW = at("1h")


def event(type: str, when: str, id: str, **properties: Any) -> bytes:
    return encode_record(
        EventRecord(
            event_id=id,
            type=type,
            occurred_at=format_instant(at(when)),
            received_at=format_instant(at(when)),
            source="test",
            customer_id=CUSTOMER,
            properties=properties,
        )
    )


def stored() -> Town:
    """Ada and her device before they meet; both have a run."""
    town = Town(rules=BEFORE)
    town.customer("profile_updated", "-1h", **KNOWN)
    town.customer("product_added", "0s", cart_id="k1", **product())
    town.device("product_added", "1m", cart_id="k2", **product())
    return town


def hand_over() -> bytes:
    town = stored()
    town.both("page_viewed", "2m", id="login")
    return encode_record(town.handed[-1])


def partition() -> Partition:
    """As taken over after a marker that nobody was told of yet."""
    record = PartitionRecord(
        next_offsets={EVENTS: 0},
        rules_digest=AFTER.digest,
        activated_at=at("90s"),
        activation=CauseRecord("rules", EVENTS, 0, 7, "marker"),
        sweep_after="",
    )
    town = stored()
    return Partition(0, town.stored[0], record, AFTER, {CUSTOMER: at("45m")})


def flush_of(values: list[bytes]) -> Flush:
    one = partition()
    for offset, value in enumerate(values):
        one.apply_record(EVENTS, offset, b"k", value, NOW)
    return one.take_flush()


def spoil(monkeypatch: pytest.MonkeyPatch, bad: set[str]) -> None:
    """Inputs with these event ids (`rules`: a change of rules) ruin the state and raise."""
    real_step = partition_module.step

    def failing(rules: Rules, state: CustomerState, given: Input, now: int) -> Any:
        name = given.event_id if isinstance(given, EventInput) else "rules"
        if name in bad and not (name == "rules" and not isinstance(given, RulesChange)):
            state.runs.clear()
            state.devices = ["nobody's"]
            state.next_wake_up_at = None
            raise ZeroDivisionError("planted")
        return real_step(rules, state, given, now)

    monkeypatch.setattr(partition_module, "step", failing)


GOOD = [
    event("page_viewed", "3m", "x1"),
    hand_over(),
    event("product_added", "5m", "x2", cart_id="k2", **product("p5")),
]


def test_an_input_that_fails_after_a_hand_over_and_a_change_of_rules_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = flush_of(GOOD)
    spoil(monkeypatch, {"bad"})
    found = flush_of([*GOOD, event("product_added", "6m", "bad", **product())])
    assert [letter.offset for letter in found.rejected] == [3]
    assert found.effects == expected.effects
    assert found.states == expected.states
    (key, data) = found.states[0]
    assert data is not None
    runs = decode_state(data).runs
    assert (key, sorted(run.occasion for run in runs)) == (CUSTOMER, [f"{CUSTOMER}/k1", f"{DEVICE_KEY}/k2"])
    assert {run.trigger_version for run in runs} == {AFTER.triggers[0].version}


def test_a_hand_over_that_fails_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = flush_of([GOOD[0], GOOD[2]])
    spoil(monkeypatch, {decode_event(GOOD[1]).event_id})
    found = flush_of(GOOD)
    assert [letter.offset for letter in found.rejected] == [1]
    (_, wanted), (_, data) = expected.states[0], found.states[0]
    assert wanted is not None
    assert data is not None
    one, other = decode_state(wanted), decode_state(data)
    assert other.cause_offset == 2
    other.cause_offset = one.cause_offset
    assert other == one
    assert DEVICE not in other.devices


def test_a_change_of_rules_that_fails_lets_her_runs_go_on_as_they_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(monkeypatch, {"rules", "bad"})
    found = flush_of([GOOD[0], event("product_added", "6m", "bad", **product())])
    first, second = found.rejected
    assert (first.topic, first.key, second.offset) == (STATE_CHANGELOG, CUSTOMER.encode(), 1)
    assert "a change of rules could not be applied to this customer: ZeroDivisionError" in first.reason
    (_, data) = found.states[0]
    assert data is not None
    state = decode_state(data)
    assert state.rules_digest == AFTER.digest
    assert [run.trigger_version for run in state.runs if run.occasion == f"{CUSTOMER}/k1"] == [
        BEFORE.triggers[0].version
    ]


def test_a_wake_up_that_was_given_up_stays_so_when_a_later_input_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is applied again with the input before it, and is not decided twice."""
    real_step = partition_module.step

    def failing(rules: Rules, state: CustomerState, given: Input, now: int) -> Any:
        if isinstance(given, WakeUp) or (isinstance(given, EventInput) and given.event_id == "bad"):
            state.profile.email = "half@applied.example"
            raise ZeroDivisionError("planted")
        return real_step(rules, state, given, now)

    monkeypatch.setattr(partition_module, "step", failing)
    found = flush_of([GOOD[0], event("page_viewed", "55m", "x3"), event("page_viewed", "56m", "bad")])
    ended = [one.record for one in found.effects if isinstance(one.record, DecisionRecord)]
    assert [(one.outcome, one.reason) for one in ended] == [
        ("error", "the step raised, so the run ended: ZeroDivisionError: planted")
    ]
    assert [letter.reason for letter in found.rejected] == ["ZeroDivisionError: planted"]
    (_, data) = found.states[0]
    assert data is not None
    state = decode_state(data)
    assert (state.runs, state.profile.email) == ([], KNOWN["email"])
    assert state.next_wake_up_at is None
