"""The outcomes are a closed set, and each is a decision with its reason (DESIGN section 4)."""

from collections.abc import Callable
from typing import Any, get_args

import pytest

from schemas.decision import Decision, Outcome
from schemas.records import DecisionRecord, encode_record
from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, History, product
from tests.unit.trigger_engine.core.two_partitions import Town
from trigger_engine.core.limits import RUNS_MAX

HELLO = """
id: hello
status: live
kind: marketing
when: {event: signed_up}
steps: [{mail: hello}]
"""
WAITS = HELLO + "wait: 1h\n"


def greeted(more: str = "", *others: str, policy: dict[str, Any] | None = None) -> History:
    """Two sign-ups, and a day."""
    history = History(HELLO + more, *others, policy=policy)
    history.event("signed_up", "0s")
    history.event("signed_up", "30m")
    history.until("1d")
    return history


def ordered(*outcomes: str) -> History:
    """An order confirmed and cancelled by the customer, and what the sender says then."""
    history = History(ORDER + "exit: order_cancelled\n")
    history.event("order_completed", "0s", order_id="o1")
    history.event("order_cancelled", "1m")
    for number, outcome in enumerate(outcomes):
        history.sent("confirmation", f"{number + 2}m", outcome)
    return history


def emptied() -> History:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.event("cart_emptied", "1m")
    return history


def left() -> History:
    history = History(SERIES)
    history.event("signed_up", "0s")
    history.event("unsubscribed", "1m")
    return history


def bounced() -> History:
    history = greeted()
    history.sent("hello", "1d1m", "email_bounced")
    history.event("signed_up", "2d")
    return history


def unknown() -> History:
    history = History(HELLO, known=False)
    history.event("signed_up", "0s")
    return history


def without_consent() -> History:
    history = History(HELLO, known=False)
    history.event("signed_up", "0s", email="a@example.com")
    return history


def late() -> History:
    history = History(HELLO)
    history.event("signed_up", "0s", received="25h")
    return history


def crowded() -> History:
    history = History(WAITS + "once_per: event.properties.n\n")
    for number in range(RUNS_MAX + 1):
        history.event("signed_up", "0s", n=number)
    return history


def reached() -> History:
    steps = "steps: [{wait: 1h}, {goal: order_completed}, {mail: hello}]"
    history = History(HELLO.replace("steps: [{mail: hello}]", steps))
    history.event("signed_up", "0s")
    history.event("order_completed", "1m")
    return history


def missed() -> History:
    history = History(WAITS)
    history.event("signed_up", "0s")
    history.until("1d", now="1d")
    return history


BEFORE = HELLO.replace("id: hello", "id: before") + "wait: 1h\n"
OTHER = HELLO.replace("id: hello", "id: other")
PLAYS: dict[str, Callable[[], History]] = {
    "started": greeted,
    "fired": greeted,
    "rescheduled": lambda: greeted(policy={"quiet_hours": {"from": "08:00", "to": "12:00"}}),
    "cancelling": ordered,
    "cancelled": emptied,
    "regret": lambda: ordered("email_sent"),
    "exited": left,
    "goal": reached,
    "cooldown": lambda: greeted("cooldown: 1d\n"),
    "capped": lambda: greeted(policy={"caps": [{"at_most": 1, "within": "1d"}]}),
    "no_consent": without_consent,
    "no_address": unknown,
    "suppressed": bounced,
    "held_out": lambda: greeted(policy={"holdout": "99.99%"}),
    "outranked": lambda: greeted("", OTHER + "priority: 60\n", policy={"arbitration_hold": "1m"}),
    "superseded": lambda: greeted("supersedes: [before]\n", BEFORE),
    "audience": lambda: greeted("audience: orders.count > 0\n"),
    "expired": missed,
    "late": late,
    "shadow": lambda: greeted("", HELLO.replace("hello", "trial").replace("live", "shadow")),
    "state_limit": crowded,
    "error": lambda: greeted("", OTHER.replace("signed_up}", "signed_up, where: event.properties.n > 1}")),
}


def test_the_set_of_outcomes_is_closed() -> None:
    assert sorted(get_args(Outcome)) == sorted(PLAYS)


@pytest.mark.parametrize("outcome", sorted(PLAYS))
def test_each_outcome_is_a_decision_with_its_reason(outcome: str) -> None:
    decisions = PLAYS[outcome]().decisions
    found = [decision for decision in decisions if decision.outcome == outcome]
    assert found
    for decision in found:
        assert decision.reason.endswith((".", ".)")), decision.reason
        Decision.model_validate_json(encode_record(decision))
    results = [(one.decision_id, one.outcome) for one in decisions]
    assert len(set(results)) == len(results)


def test_no_decision_of_a_hand_over_has_another_outcome() -> None:
    town = Town(CART, ORDER)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.customer("product_added", "1m", cart_id="k1", **product())
    town.both("order_completed", "2m", order_id="o1")
    made: list[DecisionRecord] = town.decisions
    assert {decision.outcome for decision in made} <= set(get_args(Outcome))
    assert {"started", "superseded", "cancelled", "rescheduled"} <= {decision.outcome for decision in made}
