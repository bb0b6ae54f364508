"""The demo's own check can fail: each kind of fault is planted into a perfect outcome, and found."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.dead_letter import DeadLetter
from schemas.instants import MINUTE_MS, datetime_of
from services.demo.check import find_faults
from services.demo.expected import Expectation
from services.demo.goods import codes, entry
from services.demo.reading import Observed, Record
from services.demo.reference import expect
from services.demo.script import MONDAY, ScriptedEvent, since_start
from tests.model.play import rule_set, trigger
from tests.unit.services.demo.perfect import caught, event_record, perfect
from tests.unit.services.demo.scripts import DAY, added, at, event, expected_of, ordered, profile

SCRIPT = [profile(5), event(5, "signed_up"), added(10), ordered(3 * DAY)]
EXPECTED = expected_of(*SCRIPT)
REMINDER = "cart-abandoned ada/c1 cart-reminder"


@pytest.fixture
def observed() -> Observed:
    return perfect(SCRIPT, EXPECTED)


def found(
    observed: Observed, script: list[ScriptedEvent] = SCRIPT, expected: Expectation = EXPECTED
) -> list[tuple[str, str]]:
    return [(fault.kind, fault.what) for fault in find_faults(script, expected, observed)]


def index_of(records: list[tuple[Record, Any]], step: str, outcome: str = "fired") -> int:
    return next(
        position
        for position, (_, value) in enumerate(records)
        if value.step == step and getattr(value, "outcome", outcome) == outcome
    )


def change(records: list[tuple[Record, Any]], position: int, **fields: Any) -> None:
    record, value = records[position]
    records[position] = (record, value.model_copy(update=fields))


def test_a_perfect_outcome_has_no_fault(observed: Observed) -> None:
    assert len(EXPECTED.decisions) > 8
    assert found(observed) == []


def test_nothing_at_all_is_not_perfect() -> None:
    kinds = set(found(Observed()))
    whats = ("event", "decision", "request", "delivery", "mail", "feedback")
    assert kinds == {("wrong", "rules"), *(("missing", what) for what in whats)}


def test_a_missing_decision(observed: Observed) -> None:
    del observed.decisions[index_of(observed.decisions, "cart-reminder")]
    (fault,) = find_faults(SCRIPT, EXPECTED, observed)
    assert (fault.kind, fault.what, fault.detail) == ("missing", "decision", f"{REMINDER} fired")


def test_an_extra_decision(observed: Observed) -> None:
    position = index_of(observed.decisions, "cart-reminder")
    record, decision = observed.decisions[position]
    observed.decisions.append((record, decision.model_copy(update={"occasion": "ada/c2"})))
    assert found(observed) == [("extra", "decision")]


def test_another_outcome_is_one_missing_and_one_extra(observed: Observed) -> None:
    change(observed.decisions, index_of(observed.decisions, "cart-reminder"), outcome="cooldown")
    assert found(observed) == [("missing", "decision"), ("extra", "decision")]


def test_a_doubled_decision(observed: Observed) -> None:
    observed.decisions.append(observed.decisions[index_of(observed.decisions, "cart-reminder")])
    (fault,) = find_faults(SCRIPT, EXPECTED, observed)
    assert (fault.kind, fault.what) == ("doubled", "decision")
    assert "2 times" in fault.detail


def test_an_early_decision(observed: Observed) -> None:
    position = index_of(observed.decisions, "cart-reminder")
    decided_at = observed.decisions[position][1].decided_at
    change(observed.decisions, position, decided_at=decided_at - timedelta(milliseconds=1))
    # By the expectation, and by the decision's own account.
    assert found(observed) == [("early", "decision"), ("early", "decision")]


def test_a_late_decision(observed: Observed) -> None:
    position = index_of(observed.decisions, "cart-reminder")
    decided_at = observed.decisions[position][1].decided_at
    change(observed.decisions, position, decided_at=decided_at + timedelta(minutes=1))
    assert found(observed) == [("late", "decision")]


def test_a_decision_about_another_due_time(observed: Observed) -> None:
    position = index_of(observed.decisions, "cart-reminder")
    change(observed.decisions, position, due_at=datetime_of(at(54)))
    assert found(observed) == [("wrong", "decision")]


def test_another_attempt_is_one_missing_and_one_extra(observed: Observed) -> None:
    change(observed.decisions, index_of(observed.decisions, "cart-reminder"), attempt=2)
    faults = find_faults(SCRIPT, EXPECTED, observed)
    assert [(fault.kind, fault.detail) for fault in faults] == [
        ("missing", f"{REMINDER} fired"),
        ("extra", f"{REMINDER} fired (attempt 2)"),
    ]


@pytest.mark.parametrize(
    "told",
    [
        {"customer_key": "bob"},
        {"variant": "a"},
        {"send_id": None},
        {"occurred_at": datetime_of(at(54))},
        {"due_at": None},
    ],
)
def test_a_decision_that_says_something_else(observed: Observed, told: dict[str, Any]) -> None:
    change(observed.decisions, index_of(observed.decisions, "cart-reminder"), **told)
    assert found(observed) == [("wrong", "decision")]


def test_a_decision_gives_its_reasons_in_its_own_words(observed: Observed) -> None:
    change(observed.decisions, 0, reason="For a reason of its own.", facts={"cart.value": 5.0})
    assert found(observed) == []


def test_a_decision_that_is_expected_twice_must_be_there_twice(observed: Observed) -> None:
    twice = replace(EXPECTED, decisions=[*EXPECTED.decisions, EXPECTED.decisions[0]])
    assert found(observed, expected=twice) == [("missing", "decision")]
    observed.decisions.append(observed.decisions[0])
    assert found(observed, expected=twice) == []


def test_another_set_of_rules(observed: Observed) -> None:
    position = next(i for i, (_, each) in enumerate(observed.events) if each.type == "rules_activated")
    change(observed.events, position, properties={"digest": "other"})
    (fault,) = find_faults(SCRIPT, EXPECTED, observed)
    assert (fault.kind, fault.what) == ("wrong", "rules")
    assert EXPECTED.rules_digest in fault.detail


def test_what_is_recommended_is_no_fault(observed: Observed) -> None:
    position, marker = next(each for each in observed.events if each[1].type == "rules_activated")
    fields = {
        "event_id": "s",
        "type": "snapshot_activated",
        "source": "engine",
        "properties": {"version": "v"},
    }
    observed.events.append((position, marker.model_copy(update=fields)))
    assert found(observed) == []


def test_a_mail_that_never_arrived(observed: Observed) -> None:
    del observed.mails[0]
    assert found(observed) == [("missing", "mail")]


def test_a_mail_that_arrived_twice(observed: Observed) -> None:
    observed.mails.append(observed.mails[0])
    assert found(observed) == [("doubled", "mail")]


def test_a_mail_nobody_asked_for(observed: Observed) -> None:
    observed.mails.append(replace(observed.mails[0], send_id="other"))
    assert found(observed) == [("extra", "mail")]


def test_an_early_mail(observed: Observed) -> None:
    observed.mails[0] = replace(observed.mails[0], dated_at=observed.mails[0].dated_at - MINUTE_MS)
    assert found(observed) == [("early", "mail")]


def test_a_mail_to_somebody_else(observed: Observed) -> None:
    observed.mails[0] = replace(observed.mails[0], to="bob@shoppers.example")
    assert found(observed) == [("wrong", "mail")]


def test_a_mail_for_a_cart_that_was_bought() -> None:
    script = [profile(5), added(10), ordered(30)]
    expected = expected_of(*script)
    observed = perfect(script, expected)
    assert find_faults(script, expected, observed) == []
    abandoned = expected_of(*script[:2]).mails.values()
    observed.mails.append(caught(next(each for each in abandoned if each.step == "cart-reminder")))
    assert found(observed, script, expected) == [("extra", "mail")]


def test_requests_are_compared_too(observed: Observed) -> None:
    record, request = observed.requests[0]
    observed.requests.append((record, request.model_copy(update={"action": "cancel"})))
    change(observed.requests, 1, to="bob@shoppers.example")
    del observed.requests[2]
    assert sorted(found(observed)) == [("extra", "request"), ("missing", "request"), ("wrong", "request")]


@pytest.mark.parametrize(
    "said", [{"template": "welcome"}, {"variant": "a"}, {"expires_at": datetime_of(at(0))}]
)
def test_a_request_for_another_mail(observed: Observed, said: dict[str, Any]) -> None:
    change(observed.requests, index_of(observed.requests, "cart-reminder"), **said)
    assert found(observed) == [("wrong", "request")]


def test_a_mail_that_had_to_be_taken_back(observed: Observed) -> None:
    identity = observed.requests[0][1].send_id
    expected = replace(EXPECTED, taken_back=[identity])
    assert found(observed, expected=expected) == [("missing", "request")]
    record, request = observed.requests[0]
    observed.requests.append((record, request.model_copy(update={"action": "cancel"})))
    assert found(observed, expected=expected) == []


def test_deliveries_are_compared_too(observed: Observed) -> None:
    change(observed.deliveries, 0, status="failed")
    change(observed.deliveries, 1, occurred_at=datetime_of(at(0)))
    assert sorted(found(observed)) == [("early", "delivery"), ("extra", "delivery"), ("missing", "delivery")]


def test_feedback_is_compared_too(observed: Observed) -> None:
    position = next(i for i, (_, each) in enumerate(observed.events) if each.type == "email_sent")
    observed.events.append(observed.events[position])
    change(observed.events, position + 1, type="email_failed")
    change(observed.events, position + 2, received_at=datetime_of(at(8 * DAY)))
    assert sorted(found(observed)) == [
        ("doubled", "feedback"), ("extra", "feedback"), ("late", "feedback"), ("missing", "feedback"),
    ]  # fmt: skip


def test_events_that_were_lost_doubled_or_moved(observed: Observed) -> None:
    del observed.events[0]
    observed.events.append(observed.events[0])
    change(observed.events, 1, received_at=datetime_of(at(11)))
    stranger = event_record(event(20, "product_viewed", "bob"))
    observed.events.append((observed.events[0][0], stranger))
    assert sorted(found(observed)) == [
        ("doubled", "event"), ("extra", "event"), ("late", "event"), ("missing", "event"),
    ]  # fmt: skip


def test_an_event_that_arrived_with_something_else_in_it(observed: Observed) -> None:
    position = next(i for i, event in enumerate(SCRIPT) if event.type == "product_added")
    change(observed.events, position, properties={**SCRIPT[position].properties, "price": 6.0, "size": 7})
    (fault,) = find_faults(SCRIPT, EXPECTED, observed)
    assert (fault.kind, fault.what) == ("wrong", "event")
    assert fault.detail.endswith("another price, size")


def test_hand_overs_are_compared_too() -> None:
    """Her device fills a cart; she says who she is; what it does later is forwarded."""
    script = [
        replace(added(0), customer_id=None, anonymous_id="phone"),
        replace(profile(10), anonymous_id="phone"),
        replace(added(20, product="p2"), customer_id=None, anonymous_id="phone"),
    ]
    expected = expected_of(*script)
    kinds = [each.type for each in expected.hand_overs]
    assert kinds == ["handover_asked", "handover_state", "product_added"]
    observed = perfect(script, expected)
    assert found(observed, script, expected) == []
    asked, state, forwarded = range(len(script), len(script) + 3)
    change(observed.events, asked, received_at=datetime_of(at(11)))
    change(observed.events, forwarded, customer_id="bob")
    observed.events.append(observed.events[state])
    assert sorted(found(observed, script, expected)) == [
        ("doubled", "hand-over"), ("extra", "hand-over"), ("late", "hand-over"), ("missing", "hand-over"),
    ]  # fmt: skip


def test_an_event_under_another_key_is_not_the_one_that_was_sent(observed: Observed) -> None:
    change(observed.events, 0, customer_id="bob")
    assert sorted(found(observed)) == [("extra", "hand-over"), ("missing", "event")]


def test_a_dead_letter_is_a_fault(observed: Observed) -> None:
    letter = DeadLetter(
        topic="tetik.events",
        partition=0,
        offset=1,
        key=None,
        value="",
        stage="engine",
        reason="It could not be read.",
        failed_at=datetime_of(at(0)),
    )
    observed.dead_letters.append((Record("tetik.dead-letters", 0, 0, 0, b""), letter))
    assert found(observed) == [("extra", "dead letter")]


# --- the shop's goods, and what is told of them

PRODUCT = {
    "product_id": "p1",
    "name": "TEAPOT",
    "category": "Kitchen",
    "price": 10.0,
    "url": "https://s.example",
}
NOTICED = rule_set(trigger("back", {"event": ["product_notice"]}, kind="transactional"))
WITH_GOODS = [
    codes("cart", MONDAY),
    entry(PRODUCT, MONDAY, stock=0),
    profile(5),
    event(10, "product_viewed", product_id="p1"),
    entry(PRODUCT, at(60), stock=7),
]
OF_GOODS = expect(WITH_GOODS, NOTICED, at(DAY))


@pytest.fixture
def stocked() -> Observed:
    return perfect(WITH_GOODS, OF_GOODS)


def position_of(observed: Observed, type: str) -> int:
    return next(index for index, (_, each) in enumerate(observed.events) if each.type == type)


def test_goods_and_notices_as_they_must_be(stocked: Observed) -> None:
    assert [each.event_id for each in OF_GOODS.notices] == ["back_in_stock-p1-ada"]
    assert [each.trigger_id for each in OF_GOODS.mails.values()] == ["back"]
    assert found(stocked, WITH_GOODS, OF_GOODS) == []


@pytest.mark.parametrize(
    ("type", "what"),
    [("product_updated", "product"), ("product_notice", "notice")],
)
def test_a_change_or_a_notice_that_is_missing_or_doubled(stocked: Observed, type: str, what: str) -> None:
    position = position_of(stocked, type)
    stocked.events.append(stocked.events[position])
    assert found(stocked, WITH_GOODS, OF_GOODS) == [("doubled", what)]
    stocked.events.pop()
    del stocked.events[position]
    assert found(stocked, WITH_GOODS, OF_GOODS) == [("missing", what)]


@pytest.mark.parametrize(
    ("type", "what"),
    [("product_updated", "product"), ("product_notice", "notice")],
)
def test_another_price_than_was_told(stocked: Observed, type: str, what: str) -> None:
    position = position_of(stocked, type)
    told = stocked.events[position][1].properties
    change(stocked.events, position, properties={**told, "price": 1.0})
    assert found(stocked, WITH_GOODS, OF_GOODS) == [("wrong", what)]


def test_a_notice_to_somebody_else(stocked: Observed) -> None:
    change(stocked.events, position_of(stocked, "product_notice"), customer_id="bob")
    assert found(stocked, WITH_GOODS, OF_GOODS) == [("missing", "notice"), ("extra", "notice")]


def test_a_code_that_was_lost(stocked: Observed) -> None:
    position = position_of(stocked, "offer_codes")
    told = stocked.events[position][1].properties
    change(stocked.events, position, properties={**told, "codes": told["codes"][1:]})
    assert found(stocked, WITH_GOODS, OF_GOODS) == [("missing", "code")]


def test_rules_that_were_activated_later(observed: Observed) -> None:
    change(observed.events, position_of(observed, "rules_activated"), received_at=datetime_of(at(1)))
    assert found(observed) == [("late", "rules")]


def test_history_that_arrived_as_news() -> None:
    script = [since_start(replace(profile(5), at=MONDAY - MINUTE_MS)), event(6, "page_viewed")]
    expected = expected_of(*script)
    observed = perfect(script, expected)
    assert found(observed, script, expected) == []
    position = position_of(observed, "profile_updated")
    change(observed.events, position, backfill=False)
    assert found(observed, script, expected) == [("wrong", "event")]
    change(observed.events, position, backfill=True, occurred_at=datetime_of(MONDAY))
    assert found(observed, script, expected) == [("late", "event")]
