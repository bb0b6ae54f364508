"""Erasure: everything is forgotten, on her devices too (semantics, section 10)."""

from tests.unit.trigger_engine.core.history import CART, KNOWN, ORDER, at, product
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, DEVICE, DEVICE_KEY, Town
from trigger_engine.core.state import CustomerState, encode_state, new_state


def erased(state: CustomerState) -> CustomerState:
    """What may be left of a state."""
    left = new_state(state.customer_key)
    left.recent, left.erased_at, left.rules_digest = state.recent, state.erased_at, state.rules_digest
    left.cause_topic, left.cause_partition, left.cause_offset = state.last_applied()
    return left


def with_a_device() -> Town:
    town = Town(CART, ORDER)
    town.customer("profile_updated", "0s", **KNOWN)
    town.device("product_added", "1m", cart_id="k1", **product())
    town.both("order_completed", "2m", order_id="o1")
    town.customer("product_added", "3m", cart_id="k2", **product())
    return town


def test_her_runs_end_mails_are_taken_back_and_nothing_is_left() -> None:
    town = with_a_device()
    already = len(town.told)
    town.customer("customer_erased", "10m")
    assert town.told[already:] == ["exited cart", "cancelling order/confirmation", "cancel confirmation"]
    state = town.state(CUSTOMER)
    assert state.erased_at == at("10m")
    assert state == erased(state)
    assert b"customers.example" not in encode_state(state)


def test_her_devices_are_erased_by_an_event_each() -> None:
    town = with_a_device()
    town.both("page_viewed", "4m", anonymous_id="d2")
    town.customer("customer_erased", "10m")
    assert town.types("customer_erased") == ["customer_erased anon:d1", "customer_erased anon:d2"]
    device = town.state(DEVICE_KEY)
    assert (device.alias, device.erased_at, device.next_wake_up_at) == (None, at("10m"), None)
    assert device == erased(device)


def test_a_device_that_has_become_somebody_elses_stays_his() -> None:
    town = with_a_device()
    town.both("page_viewed", "5m", customer_id="bob")
    town.customer("customer_erased", "10m")
    alias = town.state(DEVICE_KEY).alias
    assert alias is not None
    assert alias.customer_id == "bob"
    assert town.state("bob").erased_at is None
    assert town.types("customer_erased") == ["customer_erased anon:d1"]


def test_what_happened_before_the_erasure_and_arrives_late_is_ignored() -> None:
    town = with_a_device()
    town.customer("customer_erased", "10m")
    before = town.state(CUSTOMER), town.state(DEVICE_KEY)
    town.customer("product_added", "9m", received="11m", **product())
    town.device("product_added", "10m", received="11m", **product())
    assert (town.state(CUSTOMER), town.state(DEVICE_KEY)) == before


def test_a_hand_over_on_its_way_when_she_is_erased_brings_nothing_back() -> None:
    town = Town(CART)
    town.customer("profile_updated", "0s", **KNOWN)
    town.device("product_added", "1m", cart_id="k1", **product())
    town.both("page_viewed", "2m", then=False)
    town.customer("customer_erased", "3m", then=False)
    town.settle()
    assert town.types("handover_state") == [f"handover_state {CUSTOMER}"]
    assert town.state(CUSTOMER) == erased(town.state(CUSTOMER))
    assert town.state(DEVICE_KEY) == erased(town.state(DEVICE_KEY))
    town.until("2d")
    assert town.told == ["started cart", "exited cart"]
    assert town.decisions[-1].reason == "the customer was erased before the run came over from her device."
    assert (town.decisions[-1].customer_key, town.decisions[-1].occasion) == (CUSTOMER, f"{DEVICE_KEY}/k1")


def test_a_mail_that_her_device_had_asked_for_is_taken_back_when_it_comes_over() -> None:
    town = Town(ORDER)
    town.device("order_completed", "1m", order_id="o1", email="ada@customers.example")
    town.both("page_viewed", "2m", then=False)
    town.customer("customer_erased", "3m", then=False)
    town.settle()
    assert town.told[2:] == ["send confirmation", "cancelling order/confirmation", "cancel confirmation"]
    sent, taken_back = town.requests
    assert (taken_back.send_id, taken_back.to, taken_back.customer_key) == (sent.send_id, None, CUSTOMER)
    assert town.state(CUSTOMER) == erased(town.state(CUSTOMER))
    assert b"customers.example" not in town.stored[0][CUSTOMER]
    handed = next(record for record in town.handed if record.type == "handover_state")
    town.write(handed)
    town.settle()
    assert len(town.told) == 5, "a hand-over that arrives again is known"
    assert town.rejected == []


def test_an_erasure_arriving_twice_is_known() -> None:
    town = with_a_device()
    town.customer("customer_erased", "10m", id="erase")
    before, told = town.state(CUSTOMER), list(town.told)
    town.customer("customer_erased", "10m", id="erase")
    assert (town.state(CUSTOMER), town.told) == (before, told)
    assert len(town.types("customer_erased")) == 1


def test_an_erasure_that_names_the_device_alone_is_hers() -> None:
    town = with_a_device()
    town.device("customer_erased", "10m")
    assert town.state(CUSTOMER).erased_at == at("10m")
    assert town.state(DEVICE_KEY).alias is None


def test_after_the_erasure_she_begins_anew_and_so_does_her_device() -> None:
    town = with_a_device()
    town.customer("customer_erased", "10m")
    town.device("product_added", "11m", cart_id="k1", **product("p7"))
    town.both("profile_updated", "12m", **KNOWN)
    state = town.state(CUSTOMER)
    assert state.devices == [DEVICE]
    assert [item.key for item in state.cart.items] == ["p7"]
    town.until("2h")
    assert town.told[-1] == "send reminder"
