"""Arbitration: of several marketing mails that are due together, the most important one goes out."""

from typing import Any

from tests.unit.trigger_engine.core.history import ORDER, History

HOLD: dict[str, Any] = {"arbitration_hold": "10m"}


def trigger(
    id: str, priority: int = 50, event: str = "signed_up", status: str = "live", more: str = ""
) -> str:
    return f"""
id: {id}
status: {status}
kind: marketing
priority: {priority}
when: {{event: {event}}}
steps: [{{mail: {id}-mail}}]
{more}
"""


def test_a_candidate_is_held_before_it_goes_out() -> None:
    history = History(trigger("a"), policy=HOLD)
    assert history.event("signed_up", "0s") == ["started a", "rescheduled a/a-mail"]
    assert history.until("9m59s") == []
    assert history.until("10m") == ["fired a/a-mail", "send a-mail"]
    assert history.last("fired").attempt == 2


def test_the_highest_priority_wins_and_the_others_are_recorded() -> None:
    history = History(trigger("a", 10), trigger("b", 90), trigger("c", 50), policy=HOLD)
    history.event("signed_up", "0s")
    assert history.until("1h") == [
        "outranked a/a-mail",
        "outranked c/c-mail",
        "fired b/b-mail",
        "send b-mail",
    ]
    lost = [decision for decision in history.decisions if decision.outcome == "outranked"]
    assert [decision.attempt for decision in lost] == [2, 2]
    assert "b has a higher rank" in lost[0].reason
    assert history.state.runs == []


def test_ties_go_to_the_lower_trigger_id() -> None:
    history = History(trigger("b"), trigger("a"), policy=HOLD)
    history.event("signed_up", "0s")
    assert history.until("1h") == ["outranked b/b-mail", "fired a/a-mail", "send a-mail"]


def test_ties_within_a_trigger_go_to_the_lower_occasion() -> None:
    history = History(trigger("a", more="once_per: event.properties.n"), policy=HOLD)
    history.event("signed_up", "0s", n="z")
    history.event("signed_up", "0s", n="m")
    history.until("1h")
    assert history.last("fired").occasion == "c1/m"
    assert history.last("outranked").occasion == "c1/z"


def test_who_is_less_important_ends_when_its_own_turn_comes() -> None:
    history = History(trigger("low", 10), trigger("high", 90, event="article_read"), policy=HOLD)
    history.event("signed_up", "0s")
    history.event("article_read", "5m")
    assert history.until("10m") == ["outranked low/low-mail"]
    assert history.until("15m") == ["fired high/high-mail", "send high-mail"]


def test_who_comes_after_the_turn_does_not_compete() -> None:
    history = History(trigger("low", 10), trigger("high", 90, event="article_read"), policy=HOLD)
    history.event("signed_up", "0s")
    assert history.event("article_read", "10m1s") == [
        "fired low/low-mail",
        "send low-mail",
        "started high",
        "rescheduled high/high-mail",
    ]


def test_shadows_and_transactional_mails_take_no_part() -> None:
    confirmation = ORDER.replace("order_completed", "signed_up").replace(
        "event.properties.order_id", "cart.id"
    )
    history = History(trigger("a", 10), trigger("s", 99, status="shadow"), confirmation, policy=HOLD)
    assert history.event("signed_up", "0s") == [
        "started a",
        "rescheduled a/a-mail",
        "started order",
        "fired order/confirmation",
        "send confirmation",
        "started s",
        "shadow s/s-mail",
    ]
    assert history.until("1h") == ["fired a/a-mail", "send a-mail"]


def test_a_run_is_held_once_for_each_mail() -> None:
    """Quiet hours begin during the hold: after them it is not held again."""
    night = HOLD | {"quiet_hours": {"from": "09:05", "to": "10:00"}}
    history = History(trigger("a"), policy=night)
    history.event("signed_up", "0s")
    assert history.until("1d") == ["rescheduled a/a-mail", "fired a/a-mail", "send a-mail"]
    assert history.last("fired").attempt == 3


def test_a_later_mail_of_the_run_is_held_anew() -> None:
    text = trigger("a").replace("[{mail: a-mail}]", "[{mail: a-mail}, {wait: 1d}, {mail: more}]")
    history = History(text, policy=HOLD)
    history.event("signed_up", "0s")
    assert history.until("2d") == [
        "fired a/a-mail",
        "send a-mail",
        "rescheduled a/more",
        "fired a/more",
        "send more",
    ]
    first, second = [decision.due_at for decision in history.decisions if decision.outcome == "fired"]
    assert (first, second) == ("2026-03-02T09:10:00.000Z", "2026-03-03T09:10:00.000Z"), (
        "waits count from planned"
    )


def test_a_candidate_that_fails_an_earlier_check_outranks_nobody() -> None:
    history = History(trigger("low", 10), trigger("high", 90, more="audience: orders.count > 0"), policy=HOLD)
    assert history.event("signed_up", "0s") == [
        "started high",
        "audience high/high-mail",
        "started low",
        "rescheduled low/low-mail",
    ]
    assert history.until("1h") == ["fired low/low-mail", "send low-mail"]


def test_a_hold_survives_a_restart() -> None:
    history = History(trigger("a", 10), trigger("b", 90), policy=HOLD)
    history.event("signed_up", "0s")
    history.forget_nothing()
    assert history.until("1h") == ["outranked a/a-mail", "fired b/b-mail", "send b-mail"]


def test_of_what_is_due_at_once_the_more_important_is_performed_first() -> None:
    """Without a hold nobody is outranked, but a cap of one leaves the place to the higher priority."""
    low = trigger("low", 10).replace("steps:", "wait: 1h\nsteps:")
    high = trigger("the-high", 90).replace("steps:", "wait: 1h\nsteps:")
    history = History(low, high, policy={"caps": [{"at_most": 1, "within": "1d"}]})
    history.event("signed_up", "0s")
    assert history.until("1h") == [
        "fired the-high/the-high-mail",
        "send the-high-mail",
        "capped low/low-mail",
    ]


def test_a_restart_of_the_wait_makes_it_anew() -> None:
    """The event comes late, during the hold and after it (in quiet hours); the mail that is due then again is
    another candidate."""
    text = trigger("a", more="wait: 1h\nonce_per: event.properties.n")
    history = History(text, policy=HOLD | {"quiet_hours": {"from": "10:15", "to": "12:00"}})
    history.event("signed_up", "0s", n="x")
    assert history.until("1h") == ["rescheduled a/a-mail"]
    assert history.event("signed_up", "5m", received="1h5m", n="x") == []
    assert history.until("1h6m") == ["rescheduled a/a-mail"]
    assert history.until("1h15m") == ["rescheduled a/a-mail"]
    assert history.event("signed_up", "2h10m", n="x") == []
    assert history.until("3h10m") == ["rescheduled a/a-mail"]
    assert history.until("3h20m") == ["fired a/a-mail", "send a-mail"]


def test_a_migration_makes_it_anew() -> None:
    text = trigger("a", more="wait: 10m\non_edit: migrate")
    night = HOLD | {"quiet_hours": {"from": "09:15", "to": "12:00"}}
    history = History(text, policy=night)
    history.event("signed_up", "0s")
    assert history.until("1h") == ["rescheduled a/a-mail", "rescheduled a/a-mail"]
    history.change(text.replace("10m", "4h"), when="1h1m", policy=night)
    assert history.until("4h") == ["rescheduled a/a-mail"]
    assert history.until("1d") == ["fired a/a-mail", "send a-mail"]
