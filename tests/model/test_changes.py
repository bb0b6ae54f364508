"""Sections 8 to 10 on small histories: a change of rules, hand-overs, erasure."""

from typing import Any

from schemas.ids import stable_hash
from tests.model.play import CONSENT, Play, at, mail, rule_set, trigger

VIEWED = {"event": ["page_viewed"]}
SERIES = trigger("series", VIEWED, [mail("one"), {"wait": "2d"}, mail("two")])


def edited(on_edit: str, **more: Any) -> dict[str, Any]:
    return {
        **trigger("series", VIEWED, [mail("one"), {"wait": "4d"}, mail("three")], on_edit=on_edit),
        **more,
    }


def played_with(*changed: dict[str, Any]) -> list[str]:
    before, after = rule_set(SERIES), rule_set(*changed)
    play = Play(before, after)
    play.event("page_viewed", "0s")
    return [*play.activate(after, "1d"), *play.until("9d")]


def test_a_run_follows_on_edit() -> None:
    assert played_with(edited("pin")) == ["fired series/two"]
    assert played_with(edited("migrate")) == ["fired series/three"]
    assert played_with(edited("drain")) == ["fired series/two", "exited series"]
    assert played_with(edited("pin", status="draft")) == ["exited series"]
    assert played_with() == ["exited series"]
    assert played_with(trigger("series", VIEWED, [mail("other")], on_edit="migrate")) == ["exited series"]


def test_a_drained_run_ends_at_its_last_check_also_if_that_was_put_off() -> None:
    night = {"quiet_hours": {"from": "08:30", "to": "10:00"}}
    draining = rule_set({**SERIES, "steps": [mail("two")], "on_edit": "drain"}, policy=night)
    play = Play(rule_set(SERIES), draining)
    play.event("page_viewed", "0s")
    play.activate(draining, "1d")
    assert play.until("3d") == ["rescheduled series/two", "fired series/two", "exited series"]
    fired, exited = play.model.decisions[-2:]
    assert exited.occurred_at == exited.due_at == fired.due_at == at("2d1h")


def test_a_mail_is_taken_back_by_the_version_that_asked_for_it() -> None:
    before = rule_set({**SERIES, "exit": [{"event": "unsubscribed"}]})
    after = rule_set(edited("migrate", exit=[{"event": "unsubscribed"}]))
    play = Play(before, after)
    play.event("page_viewed", "0s")
    play.activate(after, "1m")
    assert play.event("unsubscribed", "2m") == ["exited series", "cancelling series/one"]
    exited, cancelling = play.model.decisions[-2:]
    assert exited.trigger_version != cancelling.trigger_version


def test_a_paused_run_is_frozen_and_due_again_at_its_own_time() -> None:
    paused = rule_set({**SERIES, "status": "paused"})
    running = rule_set(SERIES)
    play = Play(running, paused)
    play.event("page_viewed", "0s")
    play.activate(paused, "1d")
    assert play.until("2d1h") == []
    assert play.activate(running, "2d2h") == []
    assert play.until("2d2h") == ["fired series/two"]
    assert play.model.decisions[-1].due_at == at("2d")


def test_publishing_takes_today_s_members_as_the_baseline() -> None:
    segment = {"id": "seen", "when": "activity.last_seen_at != null"}
    later = rule_set(trigger("in", {"enters": "seen"}), segments=[segment])
    play = Play(rule_set(SERIES), later)
    play.event("product_viewed", "0s")
    play.activate(later, "1h")
    assert play.event("product_viewed", "2h") == []
    play.event("profile_updated", "2h", customer="c2", **CONSENT)
    assert play.event("product_viewed", "3h", customer="c2")[0] == "started in"


def test_existing_members_start_spread_over_a_time() -> None:
    segment = {"id": "seen", "when": "activity.last_seen_at != null"}
    form = {"enters": "seen", "start_with_existing": True, "spread": "10h"}
    later = rule_set(trigger("in", form), segments=[segment])
    play = Play(rule_set(SERIES), later)
    play.event("product_viewed", "0s")
    play.activate(later, "1h")
    u = int(stable_hash("in", "c1")[:8], 16) / 2**32
    assert play.until("12h") == ["started in", "fired in/hello"]
    assert play.model.decisions[0].occurred_at == at("1h") + int(u * 36_000_000)
    assert play.model.decisions[0].occasion == "c1/seen/2026-03-02T10:00:00.000Z"


def test_what_was_due_before_a_new_inactivity_trigger_is_not_made_up_for() -> None:
    later = rule_set(trigger("quiet", {"inactive": "2d"}))
    play = Play(rule_set(SERIES), later)
    play.event("product_viewed", "0s")
    play.event("product_viewed", "1d", customer="c2", **CONSENT)
    play.activate(later, "2d1h")
    play.until("9d")
    assert {d.customer_key for d in play.model.decisions} == {"c2"}


CART = trigger(
    "cart", {"event": ["product_added"]}, wait="1h", unless=[{"event": "order_completed"}], once_per="cart.id"
)
PRODUCT: dict[str, Any] = {"product_id": "p1", "price": 10.0}


def test_a_device_hands_its_run_over_and_becomes_an_alias() -> None:
    play = Play(rule_set(CART))
    play.event("product_added", "0s", customer=None, device="d1", **PRODUCT)
    play.event("page_viewed", "10m", device="d1", id="login")
    asking = play.model.hand_overs[0]
    assert asking.key == "anon:d1"
    assert asking.event_id == stable_hash("handover-ask", "anon:d1", "c1", "login")
    play.deliver_hand_overs("10m")
    play.event("product_viewed", "11m", customer=None, device="d1", id="from-device")
    forwarded = play.model.hand_overs[-1]
    assert (forwarded.event_id, forwarded.key, forwarded.record.customer_id) == ("from-device", "c1", "c1")
    assert play.until("2h") == ["fired cart/hello"]
    fired = play.model.decisions[-1]
    assert (fired.customer_key, fired.occasion) == ("c1", "anon:d1/e2")


def test_an_ending_known_to_the_customer_ends_the_run_that_comes_over() -> None:
    play = Play(rule_set(CART))
    play.event("product_added", "0s", customer=None, device="d1", **PRODUCT)
    play.event("order_completed", "5m")
    play.event("page_viewed", "10m", device="d1")
    assert play.deliver_hand_overs("10m") == ["cancelled cart"]


def test_of_two_runs_of_one_occasion_hers_stays() -> None:
    play = Play(rule_set(CART))
    play.event("product_added", "0s", customer=None, device="d1", cart_id="k", **PRODUCT)
    play.event("product_added", "1m", cart_id="k", **PRODUCT)
    play.event("page_viewed", "10m", device="d1")
    assert play.deliver_hand_overs("10m") == ["superseded cart"]
    assert play.model.decisions[-1].occasion == "anon:d1/k"
    assert play.until("2h") == ["fired cart/hello"]


def test_erasure_ends_runs_takes_mails_back_and_forgets() -> None:
    play = Play(rule_set(SERIES))
    play.event("page_viewed", "0s", device="d1")
    assert play.event("customer_erased", "1h") == ["exited series", "cancelling series/one"]
    assert play.event("page_viewed", "30m", received="2h") == []
    assert play.event("page_viewed", "2h") == ["started series", "no_address series/one"]
    assert [(h.type, h.key) for h in play.model.hand_overs][-1] == ("customer_erased", "anon:d1")
