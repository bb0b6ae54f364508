"""A hand-over while one partition has come to a marker that the other has not (semantics, section 9)."""

import pytest

from tests.unit.trigger_engine.core.history import KNOWN, ORDER, at, product, rules_of
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, Town
from trigger_engine.core.rules import Rules

BROWSE = """
id: browse
status: live
kind: marketing
when: {event: product_viewed}
wait: 1h
unless: order_completed
on_edit: migrate
steps: [{mail: seen}]
"""
EDITED = BROWSE.replace("mail: seen", "mail: seen-anew")
FIRED = ["fired browse/seen-anew", "send seen-anew"]


def ahead(*first: str, alone: bool = True) -> tuple[Town, Rules]:
    """The device's partition has come to the marker of the edited trigger, the customer's has not. `alone`:
    her partition does not have the newer set at hand either."""
    town = Town(*first)
    town.customer("profile_updated", "0s", **KNOWN)
    newer = rules_of(EDITED, ORDER, earlier=tuple(town.rules.values()))
    if not alone:
        town.rules = {digest: rules_of(*first, earlier=(newer,)) for digest in town.rules}
        town.restart(0)
    return town, newer


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("first", [(BROWSE, ORDER), (ORDER,)])
def test_a_run_of_newer_rules_waits_for_the_customers_marker(first: tuple[str, ...], alone: bool) -> None:
    town, newer = ahead(*first, alone=alone)
    town.activate(newer, "1m", numbers=(1,))
    town.device("product_viewed", "2m", **product())
    town.both("page_viewed", "3m")
    assert [run.trigger_id for run in town.state(CUSTOMER).runs] == ["browse"]
    town.until("90m")
    assert town.told == ["started browse"], "it stands still, though its time has come"
    assert town.state(CUSTOMER).next_wake_up_at is None
    town.activate(newer, "2h", numbers=(0,))
    town.until("2h")
    assert town.told == ["started browse", *FIRED]
    assert town.decisions[-1].rules_digest == newer.digest


def test_a_run_that_was_migrated_on_the_device_waits_too() -> None:
    town, newer = ahead(BROWSE, ORDER)
    town.device("product_viewed", "0s", **product())
    town.activate(newer, "1m", numbers=(1,))
    town.both("page_viewed", "3m")
    town.restart(0)
    town.until("90m")
    assert town.told == ["started browse"]
    town.activate(newer, "2h", numbers=(0,))
    town.until("2h")
    assert town.told == ["started browse", *FIRED]


def test_an_ending_that_comes_while_it_waits_is_held_against_it_at_the_marker() -> None:
    town, newer = ahead(BROWSE, ORDER)
    town.activate(newer, "1m", numbers=(1,))
    town.device("product_viewed", "2m", **product())
    town.both("page_viewed", "3m")
    town.customer("order_completed", "10m", order_id="o1")
    town.activate(newer, "20m", numbers=(0,))
    town.until("1d")
    assert [line for line in town.told if "browse" in line] == ["started browse", "cancelled browse"]


def test_a_marker_older_than_the_devices_does_not_free_it() -> None:
    town, newer = ahead(BROWSE, ORDER)
    between = rules_of(BROWSE, earlier=tuple(town.rules.values()))
    town.activate(newer, "5m", numbers=(1,))
    town.device("product_viewed", "6m", **product())
    town.both("page_viewed", "7m")
    town.activate(between, "4m", numbers=(0,))
    assert [run.not_before_rules for run in town.state(CUSTOMER).runs] == [at("5m")]
    town.until("2h")
    assert town.told == ["started browse"]
    town.activate(newer, "3h", numbers=(0,))
    town.until("3h")
    assert town.told == ["started browse", *FIRED]


def test_a_run_of_rules_that_nobody_holds_ends_with_its_trigger() -> None:
    town, newer = ahead(BROWSE, ORDER)
    town.activate(newer, "1m", numbers=(1,))
    town.device("product_viewed", "2m", **product())
    town.both("page_viewed", "3m")
    town.activate(rules_of(ORDER), "2h", numbers=(0,))
    assert town.told == ["started browse", "exited browse"]


def test_a_run_of_both_rules_does_not_wait() -> None:
    town, _ = ahead(BROWSE)
    newer = rules_of(BROWSE, ORDER, earlier=tuple(town.rules.values()))
    town.activate(newer, "1m", numbers=(1,))
    town.device("product_viewed", "2m", **product())
    town.both("page_viewed", "3m")
    town.until("90m")
    assert town.told == ["started browse", "fired browse/seen", "send seen"]
