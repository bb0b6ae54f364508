"""What happens at one instant, or exactly at a bound: each of these lies on the side that the page says."""

import pytest

from tests.unit.trigger_engine.core.history import CART, CUSTOMER, History, at, rules_of
from tests.unit.trigger_engine.core.two_partitions import Town
from trigger_engine.core import packed
from trigger_engine.core import partition as partition_module
from trigger_engine.core.effects import Decide
from trigger_engine.core.flush import PartitionRecord
from trigger_engine.core.limits import EVENT_DEPTH_MAX
from trigger_engine.core.partition import Partition
from trigger_engine.core.state import CustomerState, encode_state, head_of
from trigger_engine.core.trim import nests_too_deeply

OFFER = """
id: {id}
status: live
kind: marketing
when: {{event: article_read}}
steps:
  - mail: with-offer
    offer: {{code: TEN, value: 10%, valid_for: 3d}}
    else: without
"""
LIMIT = {"offers": {"at_most": 1, "within": "2d", "trained_after": 3}}


def templates(history: History) -> list[str | None]:
    return [request.template for request in history.requests]


def test_a_mail_sent_at_the_instant_of_a_click_came_before_it() -> None:
    history = History()
    history.event("email_clicked", "1h")
    history.event("email_sent", "1h", id="same")
    assert history.state.engagement.mails_since_click == 0
    history.event("email_sent", "1h1s", id="later")
    assert (history.state.engagement.mails, history.state.engagement.mails_since_click) == (2, 1)


def test_an_offer_given_at_this_very_instant_counts() -> None:
    history = History(OFFER.format(id="one"), OFFER.format(id="two"), policy=LIMIT)
    history.event("article_read", "0s")
    assert templates(history) == ["with-offer", "without"]


def test_an_offer_given_exactly_the_window_ago_counts_no_more() -> None:
    history = History(OFFER.format(id="one"), policy=LIMIT)
    for when in ("0s", "47h59m", "2d"):
        history.event("article_read", when)
    assert templates(history) == ["with-offer", "without", "with-offer"]


def test_orders_of_one_instant_all_count() -> None:
    history = History(OFFER.format(id="one"), policy=LIMIT)
    history.event("article_read", "0s")
    for number in range(3):
        history.event("order_completed", "1h", id=f"o{number}")
    assert history.state.orders_on_offer == 3
    history.event("order_completed", "30m", received="2h", id="before")
    assert history.state.orders_on_offer == 3, "one that arrives behind a later one changes nothing"


def test_an_offer_is_valid_up_to_its_last_instant() -> None:
    for when, counted in (("3d", 1), ("3d1s", 0)):
        history = History(OFFER.format(id="one"))
        history.event("article_read", "0s")
        history.event("order_completed", when)
        assert history.state.orders_on_offer == counted


def old(*entries: tuple[str, int]) -> bytes:
    """Occasions as version 1 packed them, met at these seconds."""
    return b"".join(packed._digest(name) + ran_s.to_bytes(4, "big") for name, ran_s in entries)


def test_an_old_occasion_is_looked_for_behind_one_that_is_forgotten() -> None:
    memory_s = packed._OLD_MEMORY_S
    now_ms = (memory_s + 100) * 1000
    occasions = old(("x", 100), ("x", 101), ("y", 99))
    assert packed.old_occasion_known(occasions, "x", now_ms)
    assert not packed.old_occasion_known(occasions, "y", now_ms)
    assert not packed.old_occasion_known(old(("x", 100), ("y", 1_000)), "x", now_ms)
    assert packed.old_occasion_known(old(("a", 1_000), ("x", 100), ("x", 1_000), ("b", 1_000)), "x", now_ms)


def test_a_record_may_nest_as_deep_as_the_bound_and_no_deeper() -> None:
    def record(depth: int) -> bytes:
        beside = "[]," * 500
        return f"[{beside}{'[' * (depth - 1)}{']' * (depth - 1)}]".encode()

    assert not nests_too_deeply(record(EVENT_DEPTH_MAX))
    assert nests_too_deeply(record(EVENT_DEPTH_MAX + 1))
    assert not nests_too_deeply(b'["' + b"[" * 2_000 + b'"]'), "brackets in a text are none"


def test_a_run_keeps_of_its_start_what_is_read_later_and_nothing_else() -> None:
    history = History(
        "id: x\nstatus: live\nkind: marketing\nwhen: {event: article_read}\nsteps: [{mail: a}]\n"
    )
    history.event("article_read", "0s", title="long")
    (mail,) = history.state.mails
    assert (mail.start.properties, mail.start.context) == ({}, {})


def test_a_wake_up_that_does_not_move_on_is_given_up_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(CART)
    history.event("product_added", "0s", product_id="p1", price=10)
    stored, due = {CUSTOMER: encode_state(history.state)}, at("45m")
    partition = Partition(0, stored, PartitionRecord(), history.rules, {CUSTOMER: due})

    def idle(_: object, state: CustomerState, *given: object) -> tuple[CustomerState, list[object]]:
        return state, []

    monkeypatch.setattr(partition_module, "step", idle)
    partition.fire_due(due, due)
    (decision,) = [effect.record for effect in partition.take_flush().effects if isinstance(effect, Decide)]
    assert decision.outcome == "error"
    assert "the wake-up due at 2026-03-02T09:45:00.000Z did not move on" in decision.reason


QUIET = "id: quiet\nstatus: live\nkind: marketing\nwhen: {inactive: 1h}\nsteps: [{mail: hello}]\n"


def test_what_no_longer_watches_concerns_everybody_too() -> None:
    """Else she would keep the watch, and a trigger that came back would not be new to her."""
    town = Town(CART, QUIET)
    town.customer("page_viewed", "0s", customer_id="idle")
    rules = rules_of(CART, earlier=tuple(town.rules.values()))
    town.activate(rules, "1m")
    assert head_of(town.stored[0]["idle"]).rules_digest == rules.digest


def test_each_trigger_of_existing_members_is_planned_whatever_stands_before_it() -> None:
    entering = (
        "id: {id}\nstatus: live\nkind: marketing\nwhen: {{enters: vip{more}}}\nsteps: [{{mail: hello}}]\n"
    )
    history = History()
    history.event("order_completed", "1h")
    new = entering.format(id="a-new", more="")
    everybody = entering.format(id="b-all", more=", start_with_existing: true")
    history.change(new, everybody, segments={"vip": "orders.count >= 1"}, when="2h")
    assert history.until("3h") == ["started b-all", "fired b-all/hello", "send hello"]
