"""What happens at one instant, or exactly at a bound: each of these lies on the side that the page says."""

import pytest

from schemas.instants import format_instant
from schemas.records import CauseRecord, DecisionRecord, EventRecord, encode_record
from tests.unit.trigger_engine.core.history import CART, CUSTOMER, History, at, rules_of
from tests.unit.trigger_engine.core.two_partitions import Town
from trigger_engine.core import packed
from trigger_engine.core import partition as partition_module
from trigger_engine.core.cel import EvaluationError
from trigger_engine.core.cel.values import DURATION_MS_MAX, duration_of
from trigger_engine.core.effects import Decide
from trigger_engine.core.flush import PartitionRecord
from trigger_engine.core.inputs import WakeUp
from trigger_engine.core.limits import EVENT_DEPTH_MAX
from trigger_engine.core.partition import Partition
from trigger_engine.core.state import CustomerState, encode_state, head_of
from trigger_engine.core.step import abandon
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


def partition_of(history: History, due: int) -> Partition:
    """A partition that holds her state as stored."""
    stored = {CUSTOMER: encode_state(history.state)}
    return Partition(0, stored, PartitionRecord(), history.rules, {CUSTOMER: due})


def record(type: str, at_ms: int, customer: str | None = CUSTOMER) -> bytes:
    """An event received when it happened."""
    when = format_instant(at_ms)
    return encode_record(EventRecord(f"{type}-{at_ms}", type, when, when, "shop", customer_id=customer))


def decided(partition: Partition) -> list[DecisionRecord]:
    """What was decided since the last flush."""
    return [effect.record for effect in partition.take_flush().effects if isinstance(effect, Decide)]


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
    due = at("45m")
    partition = partition_of(history, due)

    def idle(_: object, state: CustomerState, *given: object) -> tuple[CustomerState, list[object]]:
        return state, []

    monkeypatch.setattr(partition_module, "step", idle)
    partition.fire_due(due, due)
    (decision,) = decided(partition)
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


def test_an_answer_at_the_last_instant_of_the_wait_counts() -> None:
    steps = "[{wait_until: {event: survey_answered, for: 3d}}, {skip_if: answer == null}, {mail: a}]"
    series = QUIET.replace("{inactive: 1h}", "{event: signed_up}").replace("[{mail: hello}]", steps)
    history = History(series)
    history.event("signed_up", "0s")
    assert history.event("survey_answered", "3d") == ["fired quiet/a", "send a"]
    late = History(series)
    late.event("signed_up", "0s")
    assert late.event("survey_answered", "3d1s") == []


def test_a_wake_up_due_one_millisecond_before_an_event_was_received_comes_first() -> None:
    history = History(CART)
    history.event("product_added", "0s", product_id="p1", price=10)
    partition = partition_of(history, at("45m"))
    partition.apply_record("tetik.events", 7, None, record("order_completed", at("45m") + 1), at("1h"))
    assert [decision.outcome for decision in decided(partition)] == ["fired", "exited", "cancelling"]


def test_a_wake_up_due_when_an_event_was_received_comes_behind_it() -> None:
    history = History(CART)
    history.event("product_added", "0s", product_id="p1", price=10)
    partition = partition_of(history, at("45m"))
    partition.apply_record("tetik.events", 7, None, record("order_completed", at("45m")), at("1h"))
    assert [decision.outcome for decision in decided(partition)] == ["cancelled"]


def test_the_pending_mail_of_another_trigger_for_the_same_occasion_is_not_this_ones() -> None:
    """The cart's first mail is out; what the other trigger has asked for is nothing that an order takes back
    here."""
    other = CART.replace("id: cart", "id: other").replace("wait: 45m", "wait: 2h")
    history = History(CART, other)
    history.event("product_added", "0s", cart_id="k1", product_id="p1", price=10)
    history.until("45m")
    history.sent("reminder", "46m")
    history.until("2h")
    history.event("cart_emptied", "2h30m")
    ended = {decision.trigger_id: decision.outcome for decision in history.decisions if decision.step is None}
    assert ended["cart"] == "exited"


def test_lines_of_a_cart_keep_their_pictures() -> None:
    picture = "https://shop.example/p1.jpg"
    history = History()
    history.event("product_added", "0s", product_id="p1", image_url=picture)
    assert [item.image_url for item in history.state.cart.items] == [picture]
    history.event("cart_updated", "1m", products=[{"product_id": "p2", "image_url": picture}])
    assert [(item.key, item.image_url) for item in history.state.cart.items] == [("p2", picture)]


def test_who_was_seen_last_on_her_device_was_seen_then() -> None:
    town = Town(CART)
    town.customer("page_viewed", "0s")
    town.device("page_viewed", "5m")
    town.both("profile_updated", "6m")
    assert town.state("ada").last_seen_at == at("5m")


def test_what_a_change_of_rules_decides_at_an_event_is_decided_then() -> None:
    """She is touched before the sweep comes to her."""
    history = History(CART)
    history.event("product_added", "0s", product_id="p1", price=10)
    partition = partition_of(history, at("45m"))
    partition.apply_record("tetik.events", 7, None, record("rules_activated", at("10m"), None), at("10m"))
    partition.activate(rules_of(QUIET, earlier=(history.rules,)))
    partition.apply_record("tetik.events", 8, None, record("page_viewed", at("12m")), at("12m"))
    (decision,) = decided(partition)
    assert (decision.outcome, decision.decided_at) == ("exited", "2026-03-02T09:12:00.000Z")


def test_a_wake_up_that_raises_gives_up_the_flips_and_watches_due_with_it() -> None:
    watched = History(QUIET, segments={"new": "now - activity.last_seen_at < duration('1h')"})
    watched.event("page_viewed", "0s")
    due = watched.state.next_wake_up_at
    assert due == watched.state.segments_flip_at == at("1h")
    wake_up = WakeUp(due, CauseRecord("wake_up", "tetik.events", 0, 1, None))
    state, _ = abandon(watched.rules, watched.state, wake_up, due, "RuntimeError: bad")
    assert (state.segments_flip_at, state.flips, state.segments_at) == (None, {}, -1)
    assert (state.watches, state.next_wake_up_at) == ([], None)


def test_a_duration_may_be_as_long_as_the_bound_and_no_longer() -> None:
    assert duration_of(DURATION_MS_MAX).ms == DURATION_MS_MAX
    assert duration_of(-DURATION_MS_MAX).ms == -DURATION_MS_MAX
    for too_long in (DURATION_MS_MAX + 1, -DURATION_MS_MAX - 1):
        with pytest.raises(EvaluationError):
            duration_of(too_long)
