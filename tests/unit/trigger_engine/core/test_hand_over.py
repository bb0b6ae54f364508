"""Hand-over: what a device knew becomes its customer's (semantics, section 9), over two partitions."""

import pytest

from schemas.ids import handover_ask_id, handover_state_id
from schemas.instants import format_instant
from tests.unit.trigger_engine.core.history import CART, KNOWN, ORDER, SERIES, at, product
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, DEVICE, DEVICE_KEY, Town

BROWSE = """
id: browse
status: live
kind: marketing
when: {event: product_viewed}
wait: 2h
once_per: event.properties.product_id
unless: order_completed
steps: [{mail: seen}]
"""


def test_the_three_steps_have_ids_that_follow_from_the_asking_event() -> None:
    town = Town(CART)
    town.device("product_viewed", "0s", **product())
    town.both("page_viewed", "1m", id="login")
    ask, state = town.handed
    assert (ask.type, ask.anonymous_id, ask.customer_id) == ("handover_asked", DEVICE, None)
    assert ask.event_id == handover_ask_id(DEVICE_KEY, CUSTOMER, "login")
    assert (state.type, state.customer_id) == ("handover_state", CUSTOMER)
    assert state.event_id == handover_state_id(ask.event_id)
    assert {ask.occurred_at, state.occurred_at} == {town.logs[0][0].occurred_at}
    assert town.rejected == []


def test_a_pending_run_comes_over_with_its_occasion_and_mails_the_customer() -> None:
    town = Town(CART)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.both("profile_updated", "10m", **KNOWN)
    assert town.state(DEVICE_KEY).alias is not None
    assert town.state(CUSTOMER).cart.id == "k1"
    town.until("45m")
    assert town.told == ["started cart", "fired cart/reminder", "send reminder"]
    fired = town.decisions[-1]
    assert (fired.customer_key, fired.occasion) == (CUSTOMER, f"{DEVICE_KEY}/k1")
    assert town.requests[0].to == "ada@customers.example"


def test_an_event_of_hers_restarts_the_run_that_came_over() -> None:
    town = Town(CART)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.both("profile_updated", "10m", **KNOWN)
    town.customer("product_added", "30m", cart_id="k1", **product("p2"))
    town.until("1h")
    assert town.told == ["started cart"]
    town.until("75m")
    assert town.told[1:] == ["fired cart/reminder", "send reminder"]


def test_an_occasion_of_the_device_never_runs_again_for_the_customer() -> None:
    town = Town(ORDER)
    town.device("order_completed", "0s", order_id="o1", email="ada@customers.example")
    assert town.told == ["started order", "fired order/confirmation", "send confirmation"]
    town.both("page_viewed", "1m")
    town.customer("order_completed", "2m", order_id="o1")
    assert len(town.told) == 3
    town.customer("order_completed", "3m", order_id="o2")
    assert town.told[3:] == ["started order", "fired order/confirmation", "send confirmation"]


def test_what_became_of_a_mail_of_the_device_reaches_the_customer() -> None:
    town = Town(ORDER)
    town.device("order_completed", "0s", order_id="o1", email="ada@customers.example")
    town.both("page_viewed", "1m")
    assert [mail.step for mail in town.state(CUSTOMER).mails] == ["confirmation"]
    sent = {"send_id": town.requests[0].send_id, "step": "confirmation"}
    town.device("email_sent", "2m", **sent)
    assert town.state(CUSTOMER).mails == []


def test_events_of_the_device_still_in_flight_follow_the_customer() -> None:
    """One reaches the device before the question and comes over with the state, one after it is forwarded."""
    town = Town(CART)
    town.customer("profile_updated", "-1h", **KNOWN)
    town.device("page_viewed", "0s")
    town.both("page_viewed", "1m", then=False)
    town.device("product_added", "30s", received="2m", cart_id="k1", then=False, **product("p1"))
    town.settle()
    assert town.types() == [f"handover_asked {DEVICE_KEY}", f"handover_state {CUSTOMER}"]
    town.device("product_added", "50s", received="3m", id="late", cart_id="k1", **product("p2"))
    forwarded = town.handed[-1]
    assert (forwarded.event_id, forwarded.customer_id, forwarded.anonymous_id) == ("late", CUSTOMER, DEVICE)
    assert (forwarded.type, forwarded.properties["product_id"]) == ("product_added", "p2")
    assert (forwarded.occurred_at, forwarded.received_at) == (
        format_instant(at("50s")),
        format_instant(at("3m")),
    )
    assert [item.key for item in town.state(CUSTOMER).cart.items] == ["p1", "p2"]
    assert town.state(DEVICE_KEY).cart.items == []
    town.until("2h")
    assert town.told == ["started cart", "fired cart/reminder", "send reminder"]


def test_a_device_nothing_is_known_of_has_nothing_to_hand_over() -> None:
    town = Town(CART)
    town.both("page_viewed", "0s")
    assert town.types() == [f"handover_asked {DEVICE_KEY}"]
    town.device("product_added", "1m", **product())
    assert town.state(CUSTOMER).cart.items[0].key == "p1"


def test_a_known_pair_is_not_asked_again() -> None:
    town = Town(CART)
    for minute in range(5):
        town.both("page_viewed", f"{minute}m")
    assert town.types("handover_asked") == [f"handover_asked {DEVICE_KEY}"]
    assert town.state(CUSTOMER).devices == [DEVICE]


def test_a_device_that_comes_to_somebody_else_hands_nothing_of_the_first_over() -> None:
    """A shared device: from the second login on it forwards to the second, who learns nothing of her."""
    town = Town(CART)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.both("profile_updated", "1m", **KNOWN)
    town.both("page_viewed", "2m", customer_id="bob")
    assert town.types("handover_state") == [f"handover_state {CUSTOMER}"]
    town.device("product_added", "3m", cart_id="k2", **product("p9"))
    assert [item.key for item in town.state("bob").cart.items] == ["p9"]
    assert [item.key for item in town.state(CUSTOMER).cart.items] == ["p1"]
    assert town.state("bob").runs[0].occasion == "bob/k2"
    assert town.state("bob").profile.email is None


def test_an_alias_is_kept_400_days_and_then_forgotten() -> None:
    town = Town(CART)
    town.device("page_viewed", "0s")
    town.both("page_viewed", "1m")
    town.until("399d")
    assert town.state(DEVICE_KEY).alias is not None
    town.until("401d")
    assert DEVICE_KEY not in town.stored[1]
    town.device("product_added", "402d", **product())
    assert town.state(DEVICE_KEY).cart.items[0].key == "p1"


def test_an_order_the_customer_made_ends_the_run_that_comes_over() -> None:
    town = Town(CART)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.customer("profile_updated", "1m", **KNOWN)
    town.customer("order_completed", "5m", order_id="o1")
    town.both("page_viewed", "10m")
    assert town.told == ["started cart", "cancelled cart"]
    assert town.state(CUSTOMER).next_wake_up_at is None


def test_an_order_made_on_the_device_ends_the_customers_run() -> None:
    town = Town(CART)
    town.customer("profile_updated", "0s", **KNOWN)
    town.customer("product_added", "1m", cart_id="k1", **product())
    town.device("order_completed", "5m", order_id="o1")
    town.both("page_viewed", "10m")
    assert town.told == ["started cart", "cancelled cart"]


def test_of_two_runs_of_one_occasion_hers_stays() -> None:
    town = Town(CART)
    town.customer("profile_updated", "-1h", **KNOWN)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.customer("product_added", "1m", cart_id="k1", **product())
    town.both("page_viewed", "2m")
    ended = town.decisions[-1]
    assert (ended.outcome, ended.occasion) == ("superseded", f"{DEVICE_KEY}/k1")
    assert [run.occasion for run in town.state(CUSTOMER).runs] == [f"{CUSTOMER}/k1"]
    town.until("2d")
    assert town.told.count("send reminder") == 1


def test_of_two_runs_of_one_occasion_the_one_that_has_mailed_stays() -> None:
    town = Town(CART)
    town.device("profile_updated", "-1h", **KNOWN)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.until("50m")
    town.customer("product_added", "51m", cart_id="k1", **product())
    town.both("page_viewed", "52m")
    ended = town.decisions[-1]
    assert (ended.outcome, ended.occasion) == ("superseded", f"{CUSTOMER}/k1")
    town.until("2d")
    assert [(r.step, r.customer_key) for r in town.requests] == [
        ("reminder", DEVICE_KEY),
        ("last-call", CUSTOMER),
    ]


def test_a_run_of_an_occasion_that_has_mailed_to_its_end_on_the_device_is_superseded() -> None:
    town = Town(BROWSE)
    town.device("profile_updated", "-1h", **KNOWN)
    town.device("product_viewed", "0s", **product())
    town.until("3h")
    assert town.told[-1] == "send seen"
    town.customer("product_viewed", "3h", **product())
    town.both("page_viewed", "4h")
    assert (town.decisions[-1].outcome, town.decisions[-1].occasion) == ("superseded", f"{CUSTOMER}/p1")
    town.until("2d")
    assert town.told.count("send seen") == 1


def test_the_newer_consent_counts_and_known_values_stay() -> None:
    town = Town(SERIES)
    town.customer("profile_updated", "0s", email="ada@customers.example", first_name="Ada")
    town.customer("subscribed", "1m")
    town.device("profile_updated", "2m", first_name="Somebody", last_name="Lovelace", city="Bakı")
    town.device("unsubscribed", "3m")
    town.both("page_viewed", "4m")
    profile = town.state(CUSTOMER).profile
    assert (profile.email, profile.first_name, profile.last_name) == (
        "ada@customers.example",
        "Ada",
        "Lovelace",
    )
    assert profile.traits == {"city": "Bakı"}
    assert (profile.marketing_email, profile.unsubscribed_at) == (False, at("3m"))


def test_an_older_consent_of_the_device_changes_nothing() -> None:
    town = Town(SERIES)
    town.device("unsubscribed", "0s")
    town.customer("subscribed", "1m")
    town.both("page_viewed", "2m")
    assert town.state(CUSTOMER).profile.marketing_email is True


def test_counts_add_up_and_memories_are_united() -> None:
    town = Town(BROWSE)
    town.device("product_viewed", "0s", **product("p1"))
    town.device("order_completed", "1m", total=10)
    town.customer("product_viewed", "2m", **product("p2"))
    town.customer("order_completed", "3m", total=20.5)
    town.both("page_viewed", "4m")
    state = town.state(CUSTOMER)
    assert (state.orders.count, state.orders.total, state.orders.last_at) == (2, 30.5, at("3m"))
    assert (state.views.count, [view.product_id for view in state.views.kept()]) == (2, ["p1", "p2"])
    assert state.last_seen_at == at("4m")
    assert (state.last_at["product_viewed"], state.last_at["order_completed"]) == (at("2m"), at("3m"))
    assert (state.session.started_at, state.session.events) == (at("0s"), 5)
    assert "handover_state" not in state.last_at


def test_the_cart_changed_last_counts() -> None:
    town = Town(BROWSE)
    town.device("product_added", "0s", cart_id="k1", **product("p1"))
    town.customer("product_added", "1m", cart_id="k2", **product("p2"))
    town.both("page_viewed", "2m")
    assert town.state(CUSTOMER).cart.id == "k2"
    other = Town(BROWSE)
    other.customer("product_added", "0s", cart_id="k2", **product("p2"))
    other.device("product_added", "1m", cart_id="k1", **product("p1"))
    other.both("page_viewed", "2m")
    assert other.state(CUSTOMER).cart.id == "k1"


def test_caps_count_what_the_device_was_mailed() -> None:
    town = Town(SERIES, BROWSE, policy={"caps": [{"at_most": 1, "within": "7d"}]})
    town.device("signed_up", "0s", **KNOWN)
    assert town.told[-1] == "send hello"
    town.both("product_viewed", "1m", **product())
    town.until("3h")
    assert town.told[-1] == "capped browse/seen"


def test_an_arm_of_an_experiment_stays_after_the_hand_over() -> None:
    """A hold-out of half the shoppers: the device's arm is drawn by its own key and kept."""
    rules = SERIES.replace("when: {event: signed_up}", "when: {event: product_viewed}")
    arms = set()
    for number in range(12):
        device = f"d{number}"
        town = Town(rules + "experiment: {holdout: 50%}\n")
        town.device("profile_updated", "-1h", anonymous_id=device, **KNOWN)
        town.device("product_viewed", "0s", anonymous_id=device, **product())
        first = town.told[-1]
        arm = town.state(f"anon:{device}").arms
        town.both("page_viewed", "1m", anonymous_id=device)
        assert town.state(CUSTOMER).arms == arm
        town.customer("product_viewed", "2m", **product())
        assert town.told[-1] == first
        arms.add(first)
    assert arms == {"send hello", "held_out series/hello"}


def test_a_hand_over_that_arrives_twice_is_applied_once() -> None:
    town = Town(CART)
    town.device("product_viewed", "0s", **product())
    town.both("page_viewed", "1m")
    before = town.state(CUSTOMER)
    for record in town.handed:
        town.write(record)
    town.settle()
    after = town.state(CUSTOMER)
    assert after == before
    assert town.types("handover_state") == [f"handover_state {CUSTOMER}"]


def test_a_hand_over_is_applied_once_even_when_its_id_has_left_the_dedup_window() -> None:
    town = Town(CART)
    town.device("product_viewed", "0s", **product())
    town.both("page_viewed", "1m")
    for number in range(300):
        town.customer("page_viewed", "2m", id=f"n{number}", then=False)
    town.write(town.handed[-1])
    town.settle()
    assert town.state(CUSTOMER).views.count == 1


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({}, "properties.state"),
        ({"state": "no base64!"}, "cannot be read"),
        ({"state": "/w=="}, "version 255"),
    ],
)
def test_a_state_that_cannot_be_read_goes_to_the_dead_letters(
    properties: dict[str, str], reason: str
) -> None:
    town = Town(CART)
    town.customer("profile_updated", "0s", **KNOWN)
    before = town.state(CUSTOMER)
    town.customer("handover_state", "1m", **properties)
    assert [reason in letter.reason for letter in town.rejected] == [True]
    assert town.state(CUSTOMER) == before


@pytest.mark.parametrize("customer_id", [None, 7, "", "anon:d2", "x" * 257])
def test_a_question_from_nobody_goes_to_the_dead_letters(customer_id: object) -> None:
    town = Town(CART)
    town.device("page_viewed", "0s")
    town.write_asked(customer_id)
    town.settle()
    assert len(town.rejected) == 1
    assert town.state(DEVICE_KEY).alias is None
