"""Events that come late, twice, as history, or out of order."""

from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, History, at, product
from trigger_engine.core.limits import RECENT_EVENTS_MAX
from trigger_engine.core.state import encode_state


def test_a_duplicate_changes_nothing_at_all() -> None:
    history = History(CART, ORDER)
    history.event("product_added", "0s", id="same", **product())
    before = encode_state(history.state)
    assert history.event("product_added", "10m", id="same", **product("p9")) == []
    assert encode_state(history.state) == before


def test_the_dedup_window_holds_the_last_ids_of_a_customer() -> None:
    history = History(ORDER)
    history.event("order_completed", "0s", id="first", order_id="o1")
    for number in range(RECENT_EVENTS_MAX - 1):
        history.event("page_viewed", f"{number + 1}s", id=f"view-{number}")
    assert history.event("order_completed", "5m", id="first", order_id="o2") == []
    history.event("page_viewed", "6m", id="one-more")
    assert history.state.orders.count == 1
    assert history.event("order_completed", "7m", id="first", order_id="o2") != []
    assert len(history.state.recent) == RECENT_EVENTS_MAX * 8


def test_a_late_event_updates_state_and_starts_nothing() -> None:
    history = History(CART)
    assert history.event("product_added", "0s", received="24h1s", **product()) == ["late cart"]
    assert [item.key for item in history.state.cart.items] == ["p1"]
    assert history.state.runs == []
    assert history.last("late").reason == "product_added arrived too late to start anything."


def test_an_event_just_within_lateness_starts() -> None:
    history = History(CART)
    assert history.event("product_added", "0s", received="24h", **product()) == ["started cart"]


def test_lateness_is_a_matter_of_policy() -> None:
    history = History(CART, policy={"lateness": "1h"})
    assert history.event("product_added", "0s", received="1h1s", **product()) == ["late cart"]


def test_each_late_event_is_a_decision_of_its_own() -> None:
    history = History(CART)
    history.event("product_added", "0s", received="25h", **product())
    history.event("product_added", "1m", received="25h", **product())
    ids = [decision.decision_id for decision in history.decisions if decision.outcome == "late"]
    assert len(ids) == len(set(ids)) == 2


def test_backfill_updates_state_and_starts_nothing_itself() -> None:
    history = History(CART, ORDER)
    assert history.event("product_added", "0s", backfill=True, **product()) == []
    assert [item.key for item in history.state.cart.items] == ["p1"]
    assert history.event("order_completed", "1m", backfill=True, order_id="o1") == []
    assert history.state.orders.count == 1


def test_a_late_purchase_cancels_a_run_whose_start_it_follows() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    assert history.event("order_completed", "10m", received="40m") == ["cancelled cart"]
    assert history.until("2d") == []


def test_a_purchase_later_than_lateness_still_cancels() -> None:
    history = History(CART.replace("wait: 45m", "wait: 3d"))
    history.event("product_added", "0s", **product())
    assert history.event("order_completed", "1h", received="2d") == ["cancelled cart"]


def test_a_purchase_before_the_start_does_not_cancel() -> None:
    history = History(CART)
    history.event("product_added", "30m", **product())
    assert history.event("order_completed", "10m", received="40m") == []
    assert history.until("75m") == ["fired cart/reminder", "send reminder"]


def test_an_event_at_or_before_the_last_purchase_starts_nothing() -> None:
    for when in ("10m", "9m"):
        history = History(CART.replace("where: cart.value > 0", "where: true"))
        history.event("order_completed", "10m")
        assert history.event("product_added", when, received="11m", **product()) == []
    assert history.event("product_added", "10m1s", received="12m", **product()) == ["started cart"]


def test_an_older_purchase_does_not_hide_a_newer_one() -> None:
    history = History(CART.replace("where: cart.value > 0", "where: true"))
    history.event("order_completed", "10m")
    history.event("order_completed", "5m", received="11m")
    assert history.event("product_added", "7m", received="12m", **product()) == []


def test_purchase_and_addition_at_one_instant_end_alike_in_either_order() -> None:
    purchase_last = History(CART)
    purchase_last.event("product_added", "10m", **product())
    assert purchase_last.event("order_completed", "10m") == ["cancelled cart"]
    purchase_first = History(CART)
    purchase_first.event("order_completed", "10m")
    assert purchase_first.event("product_added", "10m", **product()) == []
    assert purchase_first.state.cart.items == purchase_last.state.cart.items == []


def test_the_last_time_of_a_conditional_ending_is_kept_too() -> None:
    text = CART.replace(
        "unless: [order_completed, cart_emptied]",
        "unless: {event: order_completed, where: event.properties.total > 50}",
    ).replace("exit: [order_completed, cart_emptied]\n", "")
    text = text.replace("where: cart.value > 0", "where: true")
    small = History(text)
    small.event("order_completed", "10m", total=20)
    assert small.event("product_added", "5m", received="11m", **product()) == ["started cart"]
    large = History(text)
    large.event("order_completed", "10m", total=80)
    assert large.event("product_added", "5m", received="11m", **product()) == []


def test_an_earlier_ending_that_compares_with_the_start_is_held_against_it() -> None:
    text = """
id: survey
status: live
kind: marketing
when: {event: order_delivered}
wait: 3d
unless: {event: order_refunded, where: event.properties.order_id == start.properties.order_id}
once_per: event.properties.order_id
steps: [{mail: survey}]
"""
    history = History(text)
    history.event("order_refunded", "1h", order_id="o1")
    assert history.event("order_delivered", "30m", received="2h", order_id="o1") == []
    assert history.event("order_delivered", "30m", received="2h", order_id="o2") == ["started survey"]
    assert history.event("order_delivered", "2h", order_id="o1") == ["started survey"], "refunded before"
    assert history.event("order_refunded", "5h", order_id="o9") == []
    assert history.event("order_refunded", "6h", order_id="o2") == ["cancelled survey"]
    assert history.last("cancelled").facts == {
        "event.properties.order_id": "o2",
        "start.properties.order_id": "o2",
    }


def test_a_purchase_waiting_in_the_log_cancels_before_the_timer_mails() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    # the worker was down for a day; the purchase of the 45th minute is next in the log
    assert history.event("order_completed", "45m", now="25h") == ["cancelled cart"]


def test_an_event_that_ends_and_starts_ends_the_old_run_and_begins_a_new_one() -> None:
    text = SERIES.replace("signed_up", "order_completed").replace(
        "exit: unsubscribed", "exit: order_completed"
    )
    history = History(text)
    begun = ["started series", "fired series/hello", "send hello"]
    assert history.event("order_completed", "0s") == begun
    history.sent("hello", "1m")
    assert history.event("order_completed", "1h") == ["exited series", *begun]
    assert len(history.state.runs) == 1
    assert history.state.next_wake_up_at == at("49h")
