"""After a marker, customers are brought in line with the rules in slices, in the order of their keys."""

import msgspec

from schemas.records import encode_record
from tests.unit.trigger_engine.core.history import CART, KNOWN, ORDER, SERIES, at, product, rules_of
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, DEVICE, DEVICE_KEY, SWEEP, Town
from trigger_engine.core.rules import Rules
from trigger_engine.core.state import head_of

QUIET = """
id: quiet
status: live
kind: marketing
when: {inactive: 1h}
steps: [{mail: hello-again}]
"""
NAMES = [f"c{number}" for number in range(7)]


def with_carts(kill_at: frozenset[int] = frozenset()) -> Town:
    """Seven shoppers with a run each, and one without."""
    town = Town(CART, ORDER, kill_at=kill_at)
    for name in reversed(NAMES):
        town.customer("product_added", "0s", customer_id=name, cart_id=name, **product())
    town.customer("page_viewed", "0s", customer_id="idle")
    return town


def digests(town: Town, *names: str) -> list[str]:
    return [head_of(town.stored[0][name]).rules_digest for name in names]


def after(town: Town, *texts: str) -> Rules:
    """The next rule set."""
    return rules_of(*texts, earlier=tuple(town.rules.values()))


def test_runs_of_a_trigger_that_is_gone_end_as_of_the_marker() -> None:
    town = with_carts()
    rules = after(town, ORDER)
    already = len(town.decisions)
    town.activate(rules, "5m")
    ended = town.decisions[already:]
    assert [(one.customer_key, one.outcome) for one in ended] == [(name, "exited") for name in NAMES]
    assert {one.occurred_at for one in ended} == {town.logs[0][-1].received_at}
    marker = len(town.logs[0]) - 1
    causes = {(one.cause.kind, one.cause.offset, one.cause.event_id) for one in ended}
    assert causes == {("rules", marker, f"marker-{rules.digest}-0")}
    assert digests(town, *NAMES) == [rules.digest] * 7


def test_who_has_no_runs_follows_when_she_is_touched() -> None:
    town = with_carts()
    (before,) = town.rules.values()
    rules = after(town, ORDER)
    town.activate(rules, "5m")
    assert digests(town, "idle") == [before.digest]
    town.customer("page_viewed", "6m", customer_id="idle")
    assert digests(town, "idle") == [rules.digest]


def test_a_new_watch_concerns_everybody() -> None:
    town = with_carts()
    rules = after(town, CART, ORDER, QUIET)
    town.activate(rules, "5m")
    assert digests(town, "idle", *NAMES) == [rules.digest] * 8
    town.until("61m")
    assert town.told.count("started quiet") == 8


def test_a_segment_that_comes_back_is_new_to_everybody() -> None:
    existing = QUIET.replace("{inactive: 1h}", "{enters: buyer, start_with_existing: true}")
    segments = {"buyer": "orders.count > 0"}
    town = Town(rules=rules_of(existing, segments=segments))
    town.customer("order_completed", "0s")
    town.activate(after(town, ORDER), "1h")
    town.activate(rules_of(existing, segments=segments, earlier=tuple(town.rules.values())), "2h")
    town.until("2h")
    assert [(one.outcome, one.occasion) for one in town.decisions if one.outcome == "started"] == [
        ("started", "ada/buyer/2026-03-02T09:00:00.000Z"),
        ("started", "ada/buyer/2026-03-02T11:00:00.000Z"),
    ]


def test_a_sweep_goes_on_after_a_crash_and_tells_nobody_twice() -> None:
    def play(kill_at: frozenset[int] = frozenset()) -> tuple[int, list[bytes], list[dict[str, bytes]]]:
        town = with_carts(kill_at)
        town.activate(after(town, SERIES), "5m")
        return town.flushes, [encode_record(one) for one in town.decisions], town.stored

    flushes, *undisturbed = play()
    assert flushes > len(NAMES) / SWEEP
    for flush in range(1, flushes + 1):
        assert list(play(frozenset({flush}))[1:]) == undisturbed


def test_what_the_new_rules_have_fall_due_comes_before_the_event_that_meets_her_first() -> None:
    """The worker is behind: when her event is applied, the sweep has not come to her."""
    town = Town(ORDER)
    town.customer("profile_updated", "0s", **KNOWN)
    town.customer("page_viewed", "1m")
    rules = after(town, ORDER, QUIET)
    town.activate(rules, "10m", then=False)
    town.customer("page_viewed", "3h", then=False)
    town.settle()
    assert town.told == ["started quiet", "fired quiet/hello-again", "send hello-again"]
    assert town.decisions[0].due_at == town.decisions[0].occurred_at
    assert town.state(CUSTOMER).last_seen_at == at("3h")


def test_a_second_marker_takes_the_place_of_a_sweep_that_was_not_over() -> None:
    town = with_carts()
    without, back = after(town, ORDER), after(town, CART, ORDER, SERIES)
    town.activate(without, "5m", then=False)
    town.activate(back, "6m")
    assert digests(town, *NAMES) == [back.digest] * 7
    assert town.told == ["started cart"] * 7, "the runs were never out of line with what came to stay"


def test_a_run_that_comes_over_from_a_partition_behind_is_brought_in_line() -> None:
    """The device's partition has not come to the marker that ended the trigger."""
    town = Town(CART, ORDER)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.activate(after(town, ORDER), "5m", numbers=(0,))
    town.both("page_viewed", "6m")
    assert town.told == ["started cart", "exited cart"]
    assert (town.state(CUSTOMER).runs, town.state(DEVICE_KEY).alias is not None) == ([], True)
    assert town.decisions[-1].occasion == f"anon:{DEVICE}/k1"


def test_customers_whose_bytes_are_broken_do_not_stop_the_sweep() -> None:
    town = with_carts()
    rules = after(town, ORDER)
    town.stored[0]["c3"] = town.stored[0]["c3"][:20]
    values = msgspec.msgpack.decode(town.stored[0]["c4"][1:])
    town.stored[0]["c4"] = b"\x02" + msgspec.msgpack.encode([*values[:-1], "no alias"])
    assert head_of(town.stored[0]["c4"]).has_runs, "only the whole tells"
    town.restart(0)
    town.activate(rules, "5m")
    assert town.told.count("exited cart") == 5
    town.customer("page_viewed", "6m", customer_id="c4")
    assert [letter.reason.startswith("the bytes are no customer state") for letter in town.rejected] == [True]


def test_an_alias_that_is_swept_is_forgotten_in_its_time_all_the_same() -> None:
    town = Town(ORDER)
    town.device("page_viewed", "0s")
    town.both("page_viewed", "1m")
    ends_at = town.state(DEVICE_KEY).next_wake_up_at
    assert ends_at is not None
    town.activate(after(town, ORDER, QUIET), "5m")
    assert town.state(DEVICE_KEY).rules_digest == town.partitions[1].rules.digest
    assert town.state(DEVICE_KEY).next_wake_up_at == ends_at
    town.until("401d")
    assert DEVICE_KEY not in town.stored[1]
