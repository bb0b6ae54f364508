"""Sections 6 and 7 on small histories, with what the page says written out by hand."""

from typing import Any

import pytest

from tests.model.mails import share_of
from tests.model.play import Play, at, mail, rule_set, trigger

VIEWED = {"event": ["page_viewed"]}
NEWS = trigger("news", VIEWED)


def test_the_checks_fail_in_the_page_s_order() -> None:
    demanding = trigger("news", VIEWED, audience="profile.country == 'TR'")
    play = Play(rule_set(demanding), known=False)
    assert play.event("page_viewed", "0s", now="13h") == ["started news", "expired news/hello"]
    assert play.event("page_viewed", "1s")[1] == "audience news/hello"
    play.event("profile_updated", "2s", country="TR")
    assert play.event("page_viewed", "3s")[1] == "no_address news/hello"
    play.event("profile_updated", "4s", email="a@example.com")
    assert play.event("page_viewed", "5s")[1] == "no_consent news/hello"
    play.event("subscribed", "6s")
    assert play.event("page_viewed", "7s")[1] == "fired news/hello"
    play.event("unsubscribed", "8s")
    assert play.event("page_viewed", "9s")[1] == "suppressed news/hello"


def test_a_bounced_address_holds_back_everything_until_there_is_another() -> None:
    play = Play(rule_set(trigger("order", {"event": ["order_completed"]}, kind="transactional")))
    play.event("order_completed", "0s")
    play.sent("hello", "1s", "email_bounced")
    assert play.event("order_completed", "2s")[1] == "suppressed order/hello"
    play.event("profile_updated", "3s", email="b@example.com")
    assert play.event("order_completed", "4s")[1] == "fired order/hello"


def test_cooldown_counts_from_the_last_mail_of_earlier_runs_and_is_given_back() -> None:
    play = Play(rule_set(trigger("news", VIEWED, cooldown="7d")))
    play.event("page_viewed", "0s")
    assert play.event("page_viewed", "7d", received="6d23h", id="x")[1] == "cooldown news/hello"
    play.sent("hello", "6d23h10m", "email_failed")
    assert play.event("page_viewed", "6d23h11m")[1] == "fired news/hello"


def test_caps_count_slots_campaigns_and_sale_days() -> None:
    policy = {
        "caps": [{"at_most": 1, "within": "7d", "on_sale_days": 3}],
        "calendar": {
            "sale_days": [{"from": "2026-03-03T00:00:00.000Z", "to": "2026-03-04T00:00:00.000Z"}],
            "campaigns": [{"id": "spring", "at": "2026-03-30T09:00:00.000Z"}],
        },
    }
    play = Play(rule_set(NEWS, policy=policy))
    assert play.event("page_viewed", "0s")[1] == "fired news/hello"
    assert play.event("page_viewed", "1m")[1] == "capped news/hello"
    assert play.event("page_viewed", "1d")[1] == "fired news/hello"
    play.event("campaign_mailed", "1d1m")
    assert play.event("page_viewed", "1d2m")[1] == "capped news/hello"
    assert play.event("page_viewed", "22d")[1] == "capped news/hello", "the campaign comes within a week"
    assert play.event("page_viewed", "28d1m")[1] == "fired news/hello"


def test_quiet_hours_and_blackouts_reschedule_and_the_list_runs_again() -> None:
    policy = {
        "quiet_hours": {"from": "21:00", "to": "08:00"},
        "calendar": {"blackouts": [{"from": "2026-03-03T07:00:00.000Z", "to": "2026-03-03T10:00:00.000Z"}]},
        "time_zone": "Europe/Istanbul",
    }
    play = Play(rule_set(NEWS, policy=policy))
    assert play.event("page_viewed", "10h") == ["started news", "rescheduled news/hello"]
    assert play.model.decisions[-1].due_at == at("20h")
    assert play.until("2d") == ["fired news/hello"], "08:00 in Istanbul is 05:00 UTC, before the blackout"
    assert [d.attempt for d in play.model.decisions[1:]] == [1, 2]
    assert play.event("page_viewed", "30h", received="2d")[1] == "expired news/hello"


def test_the_highest_priority_wins_the_arbitration() -> None:
    policy = {"arbitration_hold": "10m"}
    rules = rule_set(
        trigger("high", VIEWED, priority=80),
        trigger("low", VIEWED, priority=20),
        trigger("also-high", VIEWED, [{"wait": "5m"}, mail("hello")], priority=80),
        policy=policy,
    )
    play = Play(rules)
    play.event("page_viewed", "0s")
    assert play.until("5m") == ["rescheduled also-high/hello"]
    assert play.until("10m") == ["outranked high/hello", "outranked low/hello"]
    assert play.until("15m") == ["fired also-high/hello"]


def test_a_loser_is_outranked_at_the_instant_of_the_winner() -> None:
    rules = rule_set(
        trigger("a", VIEWED),
        trigger("b", VIEWED, [{"wait": "5m"}, mail("hello")]),
        policy={"arbitration_hold": "10m"},
    )
    play = Play(rules)
    play.event("page_viewed", "0s")
    assert play.until("10m")[1:] == ["outranked b/hello", "fired a/hello"]
    assert [d.attempt for d in play.model.decisions[-2:]] == [2, 2]


def test_a_run_that_was_put_off_at_its_turn_is_held_no_more() -> None:
    """Quiet hours came during its hold; the other is handed in late, behind them."""
    rules = rule_set(
        trigger("high", VIEWED, priority=80),
        trigger("low", VIEWED, [{"wait": "4m"}, mail("hello")], priority=20),
        policy={"arbitration_hold": "10m", "quiet_hours": {"from": "09:05", "to": "09:30"}},
    )
    play = Play(rules)
    play.event("page_viewed", "0s")
    assert play.until("10m") == ["rescheduled low/hello", "rescheduled high/hello"]
    assert play.until("14m", now="35m") == ["fired low/hello"]


def test_hold_out_and_arms_follow_from_the_hash() -> None:
    experiment = {"holdout": 2_000, "variants": {"x": 5_000, "y": 5_000}}
    steps = [{"mail": {"x": "hello-x", "y": "hello-y"}, "id": "hello"}]
    play = Play(rule_set(trigger("news", VIEWED, steps, experiment=experiment)))
    arms: dict[str, tuple[str | None, str]] = {}
    for number in range(40):
        key = f"k{number}"
        play.event(
            "profile_updated", "0s", customer=key, email="k@example.com", consent={"marketing_email": True}
        )
        play.event("page_viewed", "1s", customer=key)
        arms[key] = (play.model.decisions[-1].variant, play.model.decisions[-1].outcome)
    for key, (variant, outcome) in arms.items():
        u = share_of("news", key)
        expected = None if u < 0.2 else "x" if (u - 0.2) / 0.8 < 0.5 else "y"
        assert (variant, outcome) == (expected, "fired" if expected else "held_out")
    templates = {(request.variant, request.template) for request in play.model.requests}
    assert templates == {("x", "hello-x"), ("y", "hello-y")}


def test_a_shadow_decides_and_sends_nothing_and_takes_no_slot_of_others() -> None:
    rules = rule_set(
        trigger("a-shadow", VIEWED, status="shadow"), NEWS, policy={"caps": [{"at_most": 1, "within": "7d"}]}
    )
    play = Play(rules)
    expected = ["started a-shadow", "shadow a-shadow/hello", "started news", "fired news/hello"]
    assert play.event("page_viewed", "0s") == expected
    assert play.event("page_viewed", "1s")[1::2] == ["capped a-shadow/hello", "capped news/hello"]
    assert len(play.model.requests) == 1


def test_an_offer_is_given_once_and_else_takes_its_place() -> None:
    offer = {"code": "TEN", "value": "10%", "valid_for": "3d"}
    step = mail("with-offer", offer=offer) | {"else": "plain"}
    rules = rule_set(trigger("news", VIEWED, [step]), policy={"offers": {"at_most": 1, "within": "90d"}})
    play = Play(rules)
    play.event("page_viewed", "0s")
    play.event("page_viewed", "1d")
    assert [request.template for request in play.model.requests] == ["with-offer", "plain"]


def test_who_orders_only_on_offers_gets_none() -> None:
    offer = {"code": "TEN", "value": "10%", "valid_for": "3d"}
    step = mail("with-offer", offer=offer) | {"else": "plain"}
    play = Play(rule_set(trigger("news", VIEWED, [step]), policy={"offers": {"trained_after": 2}}))
    for when in ("0s", "10d"):
        play.event("page_viewed", when)
        play.event("order_completed", when, id=f"o{when}")
    play.event("page_viewed", "20d")
    assert [request.template for request in play.model.requests] == ["with-offer", "with-offer", "plain"]


@pytest.mark.parametrize(
    ("outcome", "decided"),
    [
        ("email_sent", "regret"),
        ("email_bounced", "regret"),
        ("email_cancelled", "cancelled"),
        ("email_expired", "cancelled"),
        ("email_failed", "cancelled"),
    ],
)
def test_a_mail_that_may_not_have_left_is_taken_back(outcome: str, decided: str) -> None:
    leaving = trigger("news", VIEWED, exit=[{"event": "order_completed"}])
    play = Play(rule_set(leaving))
    play.event("page_viewed", "0s")
    assert play.event("order_completed", "1m") == ["cancelling news/hello"], "the run had no step left"
    assert [request.action for request in play.model.requests] == ["send", "cancel"]
    assert play.sent("hello", "2m", outcome) == [f"{decided} news/hello"]


def test_a_purchase_that_happened_before_the_mail_was_due_cancels_though_it_comes_late() -> None:
    steps = [mail("hello"), {"wait": "1d"}, mail("again")]
    play = Play(rule_set(trigger("news", VIEWED, steps, wait="1h", unless=[{"event": "order_completed"}])))
    play.event("page_viewed", "0s")
    play.until("1h")
    play.sent("hello", "1h1m")
    assert play.event("order_completed", "59m", received="2h") == ["cancelled news"]
    play.event("page_viewed", "5h")
    play.until("6h")
    play.sent("hello", "6h1m")
    assert play.event("order_completed", "6h2m") == [], "unless ends nothing once the first mail is out"


# --- steps


def test_wait_until_an_event_makes_it_the_answer() -> None:
    steps: list[dict[str, Any]] = [
        {"wait_until": {"event": ["survey_answered"], "for": "3d"}},
        {
            "choose": [
                {"if": "answer == null", "then": [mail("silence")]},
                {"if": "answer.properties.score < 3", "then": [mail("sorry")]},
                {"then": [mail("thanks")]},
            ]
        },
        {"wait": "1d"},
        mail("after"),
    ]
    play = Play(rule_set(trigger("survey", VIEWED, steps)))
    play.event("page_viewed", "0s", id="one")
    assert play.event("survey_answered", "1d", score=1) == ["fired survey/sorry"]
    assert play.until("2d") == ["fired survey/after"]
    play.event("page_viewed", "10d", id="two")
    assert play.until("13d") == ["fired survey/silence"]


def test_wait_until_a_clock_time_or_an_instant() -> None:
    steps = [
        {"wait_until": {"at": "08:00"}},
        mail("morning"),
        {"wait_until": {"time": "timestamp(start.properties.until)"}},
        mail("then"),
    ]
    play = Play(rule_set(trigger("news", VIEWED, steps)))
    play.event("page_viewed", "0s", until="2026-03-05T10:00:00Z")
    assert play.until("9d") == ["fired news/morning", "fired news/then"]
    assert [d.due_at for d in play.model.decisions[1:]] == [at("23h"), at("3d1h")]
    play.event("page_viewed", "10d", until="soon")
    assert play.until("19d") == ["fired news/morning", "error news"]


def test_a_goal_moves_the_run_right_behind_it() -> None:
    steps = [
        mail("hello"),
        {"wait": "5d"},
        mail("tips"),
        {"goal": [{"event": "order_completed"}], "id": "bought"},
        {"wait": "1d"},
        mail("thanks"),
    ]
    play = Play(rule_set(trigger("news", VIEWED, steps)))
    play.event("page_viewed", "0s")
    assert play.event("order_completed", "1d") == ["goal news/bought"]
    assert play.until("9d") == ["fired news/thanks"]
    assert play.model.decisions[-1].due_at == at("2d")


def test_skip_if_set_and_exit() -> None:
    steps = [
        {"skip_if": "has(profile.preferences.tier)"},
        mail("join"),
        {"set": {"pause": "7d", "preferences": {"tier": "gold"}}},
        {"exit": True},
        mail("never"),
    ]
    play = Play(rule_set(trigger("news", VIEWED, steps)))
    assert play.event("page_viewed", "0s") == ["started news", "fired news/join", "exited news"]
    assert play.event("page_viewed", "1d") == ["started news", "exited news"]


def test_a_pause_holds_marketing_back() -> None:
    pausing = trigger("pausing", {"event": ["rest_asked"]}, [{"set": {"pause": "7d"}}])
    play = Play(rule_set(pausing, NEWS))
    play.event("rest_asked", "0s")
    assert play.event("page_viewed", "6d")[1] == "no_consent news/hello"
    assert play.event("page_viewed", "7d")[1] == "fired news/hello"
