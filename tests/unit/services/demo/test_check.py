"""The demo's own check can fail: each kind of fault is planted into a perfect outcome, and found."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.dead_letter import DeadLetter
from schemas.instants import MINUTE_MS, datetime_of
from services.demo.check import find_faults
from services.demo.expected import ExpectedDecision, expected_decisions
from services.demo.reading import Observed, Record
from services.demo.script import ScriptedEvent
from tests.unit.services.demo.perfect import event_record, mail, perfect
from tests.unit.services.demo.scripts import DAY, added, at, event, ordered, profile

SCRIPT = [profile(5), event(5, "signed_up"), added(10), ordered(3 * DAY)]
EXPECTED = expected_decisions(SCRIPT, at(7 * DAY))
REMINDER = "cart-abandoned ada/c1 cart-reminder"


@pytest.fixture
def observed() -> Observed:
    return perfect(SCRIPT, EXPECTED)


def found(
    observed: Observed, script: list[ScriptedEvent] = SCRIPT, expected: list[ExpectedDecision] = EXPECTED
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
    assert len(EXPECTED) > 8
    assert found(observed) == []


def test_nothing_at_all_is_not_perfect() -> None:
    kinds = set(found(Observed()))
    assert kinds == {
        ("missing", what) for what in ("event", "decision", "request", "delivery", "mail", "feedback")
    }


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
    expected = expected_decisions(script, at(7 * DAY))
    observed = perfect(script, expected)
    assert find_faults(script, expected, observed) == []
    abandoned = expected_decisions(script[:2], at(7 * DAY))
    reminder = next(each for each in abandoned if each.step == "cart-reminder")
    observed.mails.append(mail(reminder))
    assert found(observed, script, expected) == [("extra", "mail")]


def test_requests_are_compared_too(observed: Observed) -> None:
    record, request = observed.requests[0]
    observed.requests.append((record, request.model_copy(update={"action": "cancel"})))
    change(observed.requests, 1, to="bob@shoppers.example")
    del observed.requests[2]
    assert sorted(found(observed)) == [("extra", "request"), ("missing", "request"), ("wrong", "request")]


def test_deliveries_are_compared_too(observed: Observed) -> None:
    change(observed.deliveries, 0, status="failed")
    change(observed.deliveries, 1, occurred_at=datetime_of(at(0)))
    assert sorted(found(observed)) == [("early", "delivery"), ("extra", "delivery"), ("missing", "delivery")]


def test_feedback_is_compared_too(observed: Observed) -> None:
    position = next(i for i, (_, each) in enumerate(observed.events) if each.type == "email_sent")
    observed.events.append(observed.events[position])
    assert found(observed) == [("doubled", "feedback")]


def test_events_that_were_lost_doubled_or_moved(observed: Observed) -> None:
    del observed.events[0]
    observed.events.append(observed.events[0])
    change(observed.events, 1, received_at=datetime_of(at(11)))
    stranger = event_record(event(20, "product_viewed", "bob"))
    observed.events.append((observed.events[0][0], stranger))
    assert sorted(found(observed)) == [
        ("doubled", "event"), ("extra", "event"), ("late", "event"), ("missing", "event"),
    ]  # fmt: skip


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
