"""A kill at each step of a hand-over and of an erasure: the result is that of the run without kills."""

from functools import cache

import pytest

from schemas.records import encode_record
from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, product
from tests.unit.trigger_engine.core.two_partitions import DEVICE_KEY, Town

POLICY = {"caps": [{"at_most": 1, "within": "2d"}], "holdout": 1000}


def play(kill_at: frozenset[int] = frozenset()) -> Town:
    """Two devices and their customer, with runs, caps and a hold-out, a shared device and an erasure."""
    town = Town(CART, ORDER, SERIES, policy=POLICY, kill_at=kill_at)
    known = {"email": "ada@customers.example", "consent": {"marketing_email": True}}
    town.device("signed_up", "-1h", **known)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.device("order_completed", "0s", anonymous_id="d2", order_id="o1", email="ada@customers.example")
    town.both("page_viewed", "5m", then=False)
    town.device("product_added", "4m", received="6m", cart_id="k1", then=False, **product("p2"))
    town.both("page_viewed", "6m", anonymous_id="d2", then=False)
    town.settle()
    town.until("1h")
    town.device("product_viewed", "61m", **product("p3"))
    town.both("page_viewed", "62m", customer_id="bob")
    town.both("page_viewed", "63m", anonymous_id="d2")
    town.until("2d")
    town.customer("product_added", "48h", cart_id="k9", **product())
    town.customer("customer_erased", "48h30m")
    town.device("page_viewed", "50h", anonymous_id="d2")
    town.until("401d")
    return town


def outcome(town: Town) -> dict[str, object]:
    """All that became durable."""
    return {
        "told": town.told,
        "decided": [encode_record(record) for record in town.decisions],
        "requested": [encode_record(record) for record in town.requests],
        "handed": [encode_record(record) for record in town.handed],
        "logs": town.logs,
        "stored": town.stored,
        "rejected": town.rejected,
    }


@cache
def undisturbed() -> Town:
    return play()


def test_the_story_goes_through_every_step() -> None:
    town = undisturbed()
    types = [record.type for record in town.handed]
    assert [types.count(name) for name in ("handover_asked", "handover_state", "customer_erased")] == [
        3,
        2,
        2,
    ]
    assert "product_viewed" in types, "forwarded"
    assert DEVICE_KEY not in town.stored[1], "the alias was forgotten"
    said = {line.split()[0] for line in town.told}
    assert said >= {"started", "fired", "send", "cancelling", "cancel", "exited"}
    assert town.rejected == []


@pytest.mark.parametrize("flush", range(1, undisturbed().flushes + 1))
def test_a_kill_before_any_flush_is_durable_changes_nothing(flush: int) -> None:
    assert outcome(play(frozenset({flush}))) == outcome(undisturbed())


def test_kills_again_and_again_change_nothing() -> None:
    kills = frozenset(range(1, 3 * undisturbed().flushes, 2))
    assert outcome(play(kills)) == outcome(undisturbed())
