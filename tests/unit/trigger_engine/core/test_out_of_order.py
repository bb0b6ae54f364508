"""Purchases that arrive late or out of order, and what of a mail's consequences is given back."""

import pytest

from schemas.instants import format_instant
from tests.unit.trigger_engine.core.history import CART, History, at, product
from trigger_engine.core.limits import PREFERENCES_MAX
from trigger_engine.core.state import encode_state

LOOKED = """
id: looked
status: live
kind: marketing
when: {event: product_viewed}
wait: 1h
unless: {event: cart_emptied, where: event.occurred_at > start.occurred_at}
steps: [{mail: still-there}]
"""


def test_a_purchase_that_arrives_late_cancels_the_pending_run() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    assert history.event("order_completed", "10m", received="40m") == ["cancelled cart"]
    assert history.until("9d") == []


def test_a_purchase_from_before_the_cart_does_not() -> None:
    history = History(CART)
    history.event("product_added", "10m", **product())
    assert history.event("order_completed", "9m", received="40m") == []
    assert history.until("1h") == ["fired cart/reminder", "send reminder"]


def test_a_purchase_that_arrives_before_the_older_cart_event_keeps_it_from_starting() -> None:
    history = History(CART)
    history.event("order_completed", "10m")
    assert history.event("checkout_started", "5m", received="11m", products=[product()]) == []
    assert history.until("9d") == []


def test_a_derived_ending_that_compares_with_the_start_keeps_an_older_event_from_starting() -> None:
    history = History(LOOKED)
    history.event("product_added", "0s", **product())
    history.event("product_removed", "10m", **product())
    assert history.event("product_viewed", "5m", received="11m", **product()) == []
    assert history.event("product_viewed", "12m", **product()) == ["started looked"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("email_cancelled", "cancelled"), ("email_sent", "regret"), ("email_bounced", "regret")],
)
def test_a_requested_mail_is_taken_back_and_its_fate_told(answer: str, outcome: str) -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    assert history.until("45m") == ["fired cart/reminder", "send reminder"]
    assert history.event("order_completed", "44m", received="46m") == [
        "exited cart",
        "cancelling cart/reminder",
        "cancel reminder",
    ]
    assert history.sent("reminder", "47m", answer) == [f"{outcome} cart/reminder"]
    fired, told = history.last("fired"), history.last(outcome)
    assert (told.step, told.attempt, told.send_id) == (fired.step, fired.attempt, fired.send_id)
    memory = history.state.memories["cart"]
    kept = outcome == "regret"
    assert memory.last_mailed_at == (at("45m") if kept else None)
    assert len(history.state.slots) == (1 if kept else 0)


def test_the_attempt_of_a_cancelled_mail_is_the_fired_one() -> None:
    history = History(CART, policy={"arbitration_hold": "10m"})
    history.event("product_added", "0s", **product())
    history.until("55m")
    history.event("order_completed", "56m")
    history.sent("reminder", "57m", "email_cancelled")
    attempts = [(decision.outcome, decision.attempt) for decision in history.decisions if decision.step]
    assert attempts == [("rescheduled", 1), ("fired", 2), ("cancelling", 2), ("cancelled", 2)]


def test_a_cooldown_is_given_back_through_a_chain_of_mails_that_were_not_sent() -> None:
    news = """
id: news
status: live
kind: marketing
when: {event: article_read}
steps: [{mail: hello}, {wait: 1h}, {mail: more}]
"""
    history = History(news)
    history.event("article_read", "0s")
    history.until("1h")
    for request in list(history.requests):
        history.event("email_failed", "2h", id=request.step, send_id=request.send_id)
    assert history.state.memories["news"].last_mailed_at is None


def test_decisions_name_segments() -> None:
    history = History(CART, segments={"buyer": "orders.count > 0", "known": "profile.email != null"})
    history.event("order_completed", "-30m")
    history.event("product_added", "0s", **product())
    history.until("1h")
    assert history.last("fired").segments == ["buyer", "known"]


def test_a_bot_cannot_grow_the_state_of_runs() -> None:
    """Thousands of events of every kind, under triggers that use everything: the record stays small."""
    busy = """
id: busy
status: live
kind: marketing
when: {event: article_read}
once_per: event.properties.n
wait: 1h
steps:
  - set: {preferences: {topic: {value: start.properties.n}}}
  - mail: hello
    offer: {code: TEN, value: 10%, valid_for: 3d}
    else: plain
  - wait_until: {event: survey_answered, for: 400d}
  - mail: more
exit: {event: order_completed, where: event.properties.n == start.properties.n}
experiment: {holdout: 1%}
"""
    policy = {"quiet_hours": {"from": "22:00", "to": "08:00"}, "arbitration_hold": "1m"}
    history = History(busy, policy=policy)
    sizes = []
    for number in range(1_500):
        history.event("article_read", f"{number}m", n=f"{number}", text="x" * 500)
        history.event("campaign_mailed", f"{number}m")
        history.event("order_completed", f"{number}m", n=f"-{number}")
        sizes.append(len(encode_state(history.state)))
    assert len(history.state.runs) <= 32
    assert len(history.state.profile.preferences) <= PREFERENCES_MAX
    assert max(sizes[750:]) < 1.2 * max(sizes[:750])
    assert max(sizes) < 200_000
    assert history.last("state_limit").occurred_at >= format_instant(at("1h"))
