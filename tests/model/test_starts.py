"""Sections 2, 3 and 5 on small histories, with what the page says written out by hand."""

from typing import Any

import pytest

from schemas.ids import decision_id, send_id
from tests.model.play import Play, at, mail, rule_set, trigger

CART = trigger(
    "cart",
    {"event": ["product_added", "cart_updated"], "where": "cart.value > 0.0"},
    [mail("reminder"), {"wait": "1d"}, mail("last-call")],
    wait="45m",
    unless=[{"event": "order_completed"}, {"event": "cart_emptied"}],
    exit=[{"event": "order_completed"}, {"event": "cart_emptied"}],
    once_per="cart.id",
)
ORDER = trigger("order", {"event": ["order_completed"]}, [mail("thanks")], kind="transactional")
PRODUCT: dict[str, Any] = {"product_id": "p1", "price": 10.0, "quantity": 1}
VIEWS = {"count": ["product_viewed"], "within": "7d", "at_least": 3, "per": "event.properties.category"}


def test_absence_the_wait_runs_out_and_the_series_goes_on() -> None:
    play = Play(rule_set(CART))
    assert play.event("product_added", "0s", **PRODUCT) == ["started cart"]
    assert play.until("44m") == []
    assert play.until("45m") == ["fired cart/reminder"]
    assert play.until("3d") == ["fired cart/last-call"]
    assert [request.expires_at for request in play.model.requests] == [at("12h45m"), at("1d12h45m")]


def test_a_decision_names_the_run_and_has_the_ids_of_the_schema() -> None:
    play = Play(rule_set(ORDER))
    play.event("order_completed", "0s", id="o-1")
    started, fired = play.model.decisions
    assert (started.occasion, started.step, started.attempt) == ("c1/o-1", None, 0)
    assert started.decision_id == decision_id("order", "c1/o-1", None, "started", 0)
    assert fired.decision_id == decision_id("order", "c1/o-1", "thanks", "fired", 1)
    assert fired.send_id == send_id("order", "c1/o-1", "thanks")
    assert (fired.occurred_at, fired.due_at) == (at("0s"), at("0s"))


def test_a_matching_event_restarts_the_wait_and_never_shortens_it() -> None:
    play = Play(rule_set(CART))
    play.event("product_added", "0s", **PRODUCT)
    assert play.event("product_added", "30m", **PRODUCT) == []
    assert play.event("product_added", "10m", received="31m", **PRODUCT) == []
    assert play.until("74m") == []
    assert play.until("75m") == ["fired cart/reminder"]


def test_what_a_late_order_leaves_of_a_cart_is_named_after_the_order() -> None:
    play = Play(rule_set(CART))
    play.event("product_added", "0s", id="first", **PRODUCT)
    play.event("product_added", "10m", **PRODUCT | {"product_id": "p2"})
    assert play.event("order_completed", "5m", received="11m", id="late-order") == ["cancelled cart"]
    assert play.event("product_added", "12m", **PRODUCT) == ["started cart"]
    assert play.model.decisions[-1].occasion == "c1/late-order"


def test_a_late_order_takes_what_a_snapshot_has_kept_since() -> None:
    play = Play(rule_set(CART))
    play.event("product_added", "0s", **PRODUCT)
    play.event("cart_updated", "10m", products=[PRODUCT])
    assert play.event("order_completed", "5m", received="11m") == ["cancelled cart"]
    play.event("product_added", "12m", id="next", **PRODUCT)
    assert play.model.decisions[-1].occasion == "c1/next"


def test_an_ending_cancels_before_the_first_mail_and_exits_after_it() -> None:
    play = Play(rule_set(CART))
    play.event("product_added", "0s", **PRODUCT)
    assert play.event("order_completed", "10m") == ["cancelled cart"]
    play.event("product_added", "1h", **PRODUCT)
    assert play.until("2h") == ["fired cart/reminder"]
    play.sent("reminder", "2h1m")
    assert play.event("order_completed", "3h") == ["exited cart"]


def test_an_event_at_or_before_a_known_ending_starts_nothing() -> None:
    play = Play(rule_set(CART))
    play.event("order_completed", "1h")
    assert play.event("product_added", "1h", **PRODUCT) == []
    assert play.event("product_added", "30m", received="2h", **PRODUCT) == []
    assert play.event("product_added", "1h1m", received="2h", **PRODUCT) == ["started cart"]


def test_the_same_occasion_never_runs_twice() -> None:
    play = Play(rule_set(CART))
    play.event("product_added", "0s", cart_id="k", **PRODUCT)
    play.event("order_completed", "1m")
    assert play.event("product_added", "2m", cart_id="k", **PRODUCT) == []
    assert play.event("order_completed", "3m") == []
    assert play.event("product_added", "4m", cart_id="k2", **PRODUCT) == ["started cart"]


def test_an_event_is_applied_once_and_future_times_are_clamped() -> None:
    play = Play(rule_set(ORDER))
    assert play.event("order_completed", "1h", received="0s", id="o") == [
        "started order",
        "fired order/thanks",
    ]
    assert play.event("order_completed", "0s", id="o") == []
    assert play.model.decisions[0].occurred_at == at("0s")


def test_late_is_noted_and_a_backfilled_event_leaves_no_trace() -> None:
    play = Play(rule_set(ORDER))
    assert play.event("order_completed", "0s", received="1d1s") == ["late order"]
    assert play.event("order_completed", "0s", received="1d2s", backfill=True) == []
    assert play.event("order_completed", "2s", received="1d2s") == ["started order", "fired order/thanks"]


def test_her_wake_ups_come_before_her_later_event_while_catching_up() -> None:
    play = Play(rule_set(CART))
    play.event("product_added", "0s", now="5h", **PRODUCT)
    assert play.event("order_completed", "40m", now="5h", id="o") == ["cancelled cart"]
    play.event("product_added", "1h", now="5h", **PRODUCT)
    assert play.event("page_viewed", "2h", customer="c2", now="5h") == [], "customers do not wait for others"
    assert play.event("page_viewed", "2h", now="5h") == ["fired cart/reminder"]


def test_all_wake_ups_come_before_a_later_marker() -> None:
    other = rule_set(ORDER)
    play = Play(rule_set(CART), other)
    play.event("product_added", "0s", now="5h", **PRODUCT)
    assert play.activate(other, "2h")[0] == "fired cart/reminder"


@pytest.mark.parametrize(("moments", "started"), [(["0s", "1h", "2h"], 1), (["0s", "1h", "7d1h"], 0)])
def test_a_threshold_crosses_within_its_window(moments: list[str], started: int) -> None:
    play = Play(rule_set(trigger("interest", VIEWS)))
    for moment in moments:
        play.event("product_viewed", moment, category="tea")
    play.event("product_viewed", "7d2h", category="pots")
    assert play.lines().count("started interest") == started


def test_a_threshold_is_passed_over_without_its_value_and_crossed_by_a_belated_event() -> None:
    play = Play(rule_set(trigger("interest", VIEWS)))
    for moment in ("0s", "1s", "2s"):
        play.event("product_viewed", moment, category=None)
    play.event("product_viewed", "1h", category="tea")
    play.event("product_viewed", "3h", category="tea")
    assert play.event("product_viewed", "2h", received="4h", category="tea")[0] == "started interest"
    assert play.event("product_viewed", "4h", category="tea") == []


def test_inactivity_is_counted_from_the_last_thing_she_did() -> None:
    play = Play(rule_set(trigger("come-back", {"inactive": "30d", "after": "signed_up"})))
    play.event("page_viewed", "0s")
    assert play.until("60d") == []
    play.event("signed_up", "61d")
    play.event("email_opened", "70d")
    play.event("page_viewed", "71d")
    assert play.until("100d") == []
    assert play.until("101d") == ["started come-back", "fired come-back/hello"]
    assert play.until("400d") == []
    assert play.model.decisions[0].occurred_at == at("101d")
    assert play.model.decisions[0].occasion == "c1/2026-05-12T09:00:00.000Z"


def test_a_birthday_comes_each_year_in_her_zone_and_29_february_on_the_28th() -> None:
    form = {"date": "profile.traits.born", "offset": 0, "at": "09:00", "repeat": "yearly"}
    play = Play(rule_set(trigger("birthday", form, expires_after="3d")))
    play.event("profile_updated", "0s", born="2000-02-29", time_zone="Europe/Istanbul")
    play.until("800d")
    fired = [d for d in play.model.decisions if d.outcome == "started"]
    assert [(d.occasion, d.due_at) for d in fired] == [
        ("c1/2027", at("363d") - 3 * 3_600_000),
        ("c1/2028", at("729d") - 3 * 3_600_000),
    ]


def test_a_date_missed_by_more_than_the_grace_is_expired_and_never_sent() -> None:
    form = {"date": "profile.traits.renewal", "offset": -7, "at": "09:00"}
    play = Play(rule_set(trigger("renewal", form)))
    play.event("profile_updated", "0s", renewal="2026-03-12")
    assert play.until("4d", now="4d") == ["expired renewal"]
    assert play.until("40d") == []
    assert play.model.decisions[0].occasion == "c1/2026-03-12"


def test_a_segment_is_entered_once_and_left_by_time_alone() -> None:
    fresh = {"id": "fresh", "when": "now - activity.last_seen_at <= duration('240h')"}
    play = Play(
        rule_set(
            trigger("in", {"enters": "fresh"}),
            trigger("out", {"leaves": "fresh"}),
            segments=[fresh],
        )
    )
    assert play.event("page_viewed", "0s") == ["started in", "fired in/hello"]
    assert play.event("page_viewed", "1d") == []
    assert play.until("30d") == ["started out", "fired out/hello"]
    assert play.model.decisions[-1].occasion == "c1/fresh/2026-03-13T09:00:00.001Z"


def test_engagement_decays_at_midnight() -> None:
    keen = {"id": "keen", "when": "engagement.score >= 5.0"}
    play = Play(rule_set(trigger("cooled", {"leaves": "keen"}), segments=[keen]))
    play.event("order_completed", "0s")
    assert play.until("29d") == []
    assert play.until("40d") == ["started cooled", "fired cooled/hello"]
    assert play.model.decisions[-1].occasion == "c1/keen/2026-04-02T00:00:00.000Z"


def test_once_per_falls_back_to_the_pattern_s_occasion() -> None:
    play = Play(rule_set({**ORDER, "once_per": "event.properties.order_id"}))
    play.event("order_completed", "0s", id="a", order_id="1")
    play.event("order_completed", "0s", id="b", order_id="1")
    play.event("order_completed", "0s", id="c")
    play.event("order_completed", "0s", id="d", order_id=["1"])
    started = [d.occasion for d in play.model.decisions if d.outcome == "started"]
    assert started == ["c1/1", "c1/c", "c1/d"]


def test_a_customer_has_at_most_32_runs() -> None:
    waiting = trigger("many", {"event": ["page_viewed"]}, [{"wait": "9d"}, mail("hello")])
    play = Play(rule_set(waiting))
    for second in range(33):
        play.event("page_viewed", f"{second}s")
    assert play.lines() == ["started many"] * 32 + ["state_limit many"]


def test_a_start_ends_the_runs_of_what_it_supersedes() -> None:
    browse = trigger("browse", {"event": ["product_viewed"]}, wait="2h")
    play = Play(rule_set({**CART, "supersedes": ["browse"]}, browse))
    play.event("product_viewed", "0s", product_id="p1")
    assert play.event("product_added", "1m", **PRODUCT) == ["started cart", "superseded browse"]
