"""The steps of a series: choose, skip_if, set, goal, exit, wait_until; and where waits count from."""

from typing import Any

import pytest

from tests.unit.trigger_engine.core.history import History, product
from trigger_engine.core.state import FOREVER


def series(steps: str, more: str = "") -> str:
    return f"""
id: series
status: live
kind: marketing
when: {{event: signed_up}}
steps:
{steps}
{more}
"""


CHOICE = series("""
  - mail: hello
  - wait: 1d
  - choose:
      - if: orders.count > 1
        mail: loyal
      - if: orders.count == 1
        then:
          - wait: 1h
          - choose:
              - if: profile.country == 'TR'
                mail: turkey
              - mail: elsewhere
      - mail: nothing-bought
  - wait: 1d
  - mail: end
""")


@pytest.mark.parametrize(
    ("orders", "country", "chosen"),
    [(0, None, "nothing-bought"), (1, "TR", "turkey"), (1, "AZ", "elsewhere"), (2, None, "loyal")],
)
def test_choose_takes_the_first_branch_that_holds(orders: int, country: str | None, chosen: str) -> None:
    history = History(CHOICE)
    history.event("signed_up", "0s", country=country)
    for number in range(orders):
        history.event("order_completed", f"{number + 1}h")
    history.until("3d")
    assert [request.step for request in history.requests] == ["hello", chosen, "end"]
    hour = "T10:00" if chosen in ("turkey", "elsewhere") else "T09:00"
    assert hour in str(history.decisions[-2].due_at), "the inner wait counts"
    assert hour in str(history.decisions[-1].due_at)


def test_choose_without_a_branch_that_holds_goes_on_behind_it() -> None:
    text = series("""
  - choose: [{if: orders.count > 0, mail: bought}, {if: profile.traits.age > 18, mail: grown-up}]
  - mail: end
""")
    assert History(text).event("signed_up", "0s") == ["started series", "fired series/end", "send end"]


def test_skip_if_skips_the_one_step_after_it() -> None:
    text = series("""
  - skip_if: orders.count > 0
  - mail: first
  - skip_if: orders.count == 0
  - choose: [{if: profile.country == 'TR', mail: turkey}, {mail: elsewhere}]
  - mail: end
""")
    nothing, bought = History(text), History(text)
    nothing.event("signed_up", "1h")
    bought.event("order_completed", "0s")
    bought.event("signed_up", "1h")
    assert [request.step for request in nothing.requests] == ["first", "end"]
    assert [request.step for request in bought.requests] == ["elsewhere", "end"]


def test_skip_if_before_skip_if_skips_the_question() -> None:
    text = series("""
  - skip_if: orders.count == 0
  - skip_if: orders.count == 0
  - mail: first
  - mail: end
""")
    history = History(text)
    history.event("signed_up", "0s")
    assert [request.step for request in history.requests] == ["first", "end"]


def test_an_exit_step_ends_the_run() -> None:
    text = series("""
  - mail: hello
  - choose: [{if: orders.count == 0, then: [exit]}]
  - mail: never
""")
    assert History(text).event("signed_up", "0s") == [
        "started series",
        "fired series/hello",
        "send hello",
        "exited series",
    ]


def test_set_writes_preferences_and_pauses() -> None:
    text = series("""
  - set: {preferences: {topic: shoes, last: {value: start.properties.topic}, bad: {value: profile.traits.x}}}
  - set: {pause: 2d}
  - wait: 1d
  - mail: hello
""")
    history = History(text)
    history.event("signed_up", "0s", topic="coats")
    assert history.state.profile.preferences == {"topic": "shoes", "last": "coats"}
    assert history.until("1d") == ["no_consent series/hello"]
    assert "paused" in history.last("no_consent").reason


@pytest.mark.parametrize(("pause", "until"), [("until_resumed", FOREVER), ("ended", None)])
def test_pauses_last_until_they_are_ended(pause: str, until: int | None) -> None:
    history = History(series(f"  - set: {{pause: {pause}}}\n  - mail: hello"))
    history.state.profile.paused_until = 1
    shown = history.event("signed_up", "0s")
    assert history.state.profile.paused_until == until
    assert shown[1] == ("fired series/hello" if until is None else "no_consent series/hello")


def test_set_takes_consent_away_and_never_gives_it() -> None:
    history = History(series("  - set: {marketing_email: false}\n  - mail: hello"))
    assert history.event("signed_up", "0s") == ["started series", "no_consent series/hello"]
    assert history.state.profile.marketing_email is False
    history.event("subscribed", "1h")
    assert history.state.profile.marketing_email is True


def test_set_does_nothing_for_shadows() -> None:
    text = series(
        "  - set: {preferences: {topic: shoes}, pause: 2d, marketing_email: false}\n  - mail: hello"
    )
    history = History(text.replace("status: live", "status: shadow"))
    assert history.event("signed_up", "0s") == ["started series", "shadow series/hello"]
    assert history.state.profile.preferences == {}
    assert history.state.profile.paused_until is None
    assert history.state.profile.marketing_email is True


SURVEY = series("""
  - mail: survey
  - wait_until: {event: survey_answered, where: event.properties.score >= 0, for: 3d}
  - choose:
      - {if: answer == null, mail: reminder}
      - {if: answer.properties.score < 5, mail: sorry}
      - {mail: thanks}
  - wait: 1d
  - mail: end
""")


@pytest.mark.parametrize(("score", "mail"), [(2, "sorry"), (9, "thanks")])
def test_an_awaited_event_becomes_the_answer(score: int, mail: str) -> None:
    history = History(SURVEY)
    history.event("signed_up", "0s")
    assert history.event("survey_answered", "1h", score=-1) == [], "it does not meet the condition"
    assert history.event("survey_answered", "2h", score=score) == [f"fired series/{mail}", f"send {mail}"]
    history.until("2d")
    assert history.last("fired").due_at == "2026-03-03T11:00:00.000Z", "the wait counts from the answer"


def test_without_an_answer_the_run_goes_on_when_its_time_is_up() -> None:
    history = History(SURVEY)
    history.event("signed_up", "0s")
    assert history.until("3d") == ["fired series/reminder", "send reminder"]
    assert history.event("survey_answered", "3d1h", score=9) == [], "too late"


def test_an_answer_that_arrives_late_counts_by_its_own_time() -> None:
    history = History(SURVEY)
    history.event("signed_up", "0s")
    assert history.event("survey_answered", "1d", received="1d6h", score=9) == [
        "fired series/thanks",
        "send thanks",
    ]
    early = History(SURVEY)
    early.event("signed_up", "1h")
    assert early.event("survey_answered", "59m", received="2h", score=9) == [], "it was before the wait"


def test_an_answer_survives_a_restart() -> None:
    history = History(SURVEY.replace("  - choose:", "  - wait: 1d\n  - choose:"))
    history.event("signed_up", "0s")
    history.event("survey_answered", "1h", score=2)
    history.forget_nothing()
    assert history.until("1d1h") == ["fired series/sorry", "send sorry"]


def test_a_run_that_the_event_ends_is_not_answered() -> None:
    history = History(SURVEY + "exit: {event: survey_answered}\n")
    history.event("signed_up", "0s")
    history.sent("survey", "1m")
    assert history.event("survey_answered", "1h", score=9) == ["exited series"]


def test_wait_until_a_clock_time_is_local() -> None:
    history = History(series("  - wait_until: {at: '18:30'}\n  - mail: hello"))
    history.event("signed_up", "0s", time_zone="Europe/Istanbul")
    assert history.until("1d") == ["fired series/hello", "send hello"]
    assert history.last("fired").due_at == "2026-03-02T15:30:00.000Z"


def test_wait_until_a_time_that_an_expression_gives() -> None:
    text = series(
        "  - wait_until: {time: timestamp(start.properties.appointment) - duration('2h')}\n  - mail: hello"
    )
    history = History(text)
    history.event("signed_up", "0s", appointment="2026-03-05T12:00:00Z")
    assert history.until("9d") == ["fired series/hello", "send hello"]
    assert history.last("fired").due_at == "2026-03-05T10:00:00.000Z"
    past = History(text)
    assert past.event("signed_up", "0s", appointment="2020-01-01T00:00:00Z")[1:] == [
        "fired series/hello",
        "send hello",
    ]
    assert past.last("fired").due_at == "2026-03-02T09:00:00.000Z", "never before what was planned"


@pytest.mark.parametrize("given", [{}, {"appointment": None}, {"appointment": "soon"}])
def test_wait_until_without_a_time_ends_the_run_with_an_error(given: dict[str, Any]) -> None:
    text = series(
        "  - mail: first\n  - wait_until: {time: timestamp(start.properties.appointment)}\n  - mail: hello"
    )
    history = History(text)
    assert history.event("signed_up", "0s", **given)[-1] == "error series"
    assert history.state.runs == []


GOAL = series(
    """
  - mail: hello
  - wait: 1d
  - mail: nudge
  - goal: [{event: order_completed}]
    id: bought
  - wait: 2h
  - mail: thanks
""",
)


def test_a_goal_takes_the_run_right_behind_it() -> None:
    history = History(GOAL)
    history.event("signed_up", "0s")
    assert history.event("order_completed", "3h") == ["goal series/bought"]
    goal = history.last("goal")
    assert (goal.step, goal.attempt) == ("bought", 1)
    assert history.until("5h") == ["fired series/thanks", "send thanks"]
    assert history.event("order_completed", "6h") == [], "it was reached once"


def test_a_run_that_comes_to_a_goal_by_itself_passes() -> None:
    history = History(GOAL)
    history.event("signed_up", "0s")
    assert history.until("2d") == [
        "fired series/nudge",
        "send nudge",
        "fired series/thanks",
        "send thanks",
    ]
    assert history.last("fired").due_at == "2026-03-03T11:00:00.000Z"


def test_steps_right_behind_a_goal_are_performed_at_once() -> None:
    history = History(GOAL.replace("  - wait: 2h\n", ""))
    history.event("signed_up", "0s")
    assert history.event("order_completed", "3h") == [
        "goal series/bought",
        "fired series/thanks",
        "send thanks",
    ]


def test_a_goal_with_nothing_behind_it_ends_the_run() -> None:
    history = History(
        series("  - mail: hello\n  - wait: 1d\n  - mail: nudge\n  - goal: [{event: order_completed}]")
    )
    history.event("signed_up", "0s")
    assert history.event("order_completed", "3h") == ["goal series/goal"]
    assert history.state.runs == []


def test_a_goal_from_before_the_start_does_not_count() -> None:
    history = History(GOAL)
    history.event("signed_up", "1h")
    assert history.event("order_completed", "59m", received="2h") == []


def test_waits_count_from_the_planned_time_however_late_a_step_was_performed() -> None:
    text = series("  - wait: 1h\n  - mail: hello\n  - wait: 1d\n  - mail: more")
    history = History(text)
    history.event("signed_up", "0s")
    history.until("1h", now="7h")
    history.until("2d")
    assert history.last("fired").due_at == "2026-03-03T10:00:00.000Z"


def test_a_put_off_mail_moves_no_later_step() -> None:
    night = {"quiet_hours": {"from": "08:30", "to": "11:00"}}
    history = History(series("  - mail: hello\n  - wait: 6h\n  - mail: more"), policy=night)
    history.event("signed_up", "0s")
    history.until("1d")
    assert [d.due_at for d in history.decisions if d.outcome == "fired"] == [
        "2026-03-02T11:00:00.000Z",
        "2026-03-02T15:00:00.000Z",
    ]


def test_a_matching_event_restarts_the_wait_until_the_first_mail() -> None:
    text = series("  - wait: 1h\n  - mail: hello\n  - wait: 1d\n  - mail: more").replace(
        "steps:", "wait: 1h\nsteps:"
    )
    history = History(text)
    history.event("signed_up", "0s")
    assert history.event("signed_up", "1h30m") == []
    assert history.until("3h29m") == []
    assert history.until("3h30m") == ["fired series/hello", "send hello"]
    assert history.event("signed_up", "4h") == [], (
        "it has mailed: the event belongs to it, and restarts nothing"
    )
    assert history.until("27h30m") == ["fired series/more", "send more"]


def test_supersedes_ends_the_runs_of_the_named_triggers() -> None:
    cart = """
id: cart
status: live
kind: marketing
when: {event: product_added}
wait: 1h
supersedes: [series]
steps: [{mail: reminder}]
"""
    text = series("  - mail: hello\n  - wait: 1d\n  - mail: more")
    history = History(text, cart)
    history.event("signed_up", "0s")
    assert history.event("product_added", "1h", **product()) == ["started cart", "superseded series"]
    assert history.until("9d") == ["fired cart/reminder", "send reminder"]
    shadow = History(text, cart.replace("status: live", "status: shadow"))
    shadow.event("signed_up", "0s")
    assert shadow.event("product_added", "1h", **product()) == ["started cart"], "a shadow supersedes nothing"


def test_what_is_overdue_is_performed_in_order_of_due_time_each_at_its_own() -> None:
    """Both first mails were put off to eleven; what follows was planned for earlier, so it comes first."""
    night = {"quiet_hours": {"from": "08:30", "to": "11:00"}}
    slow = series("  - mail: slow-one\n  - wait: 1h\n  - mail: slow-two").replace("id: series", "id: a")
    fast = series("  - mail: fast-one\n  - wait: 30m\n  - mail: fast-two").replace("id: series", "id: b")
    history = History(slow, fast, policy=night)
    history.event("signed_up", "0s")
    assert history.until("2h") == [
        "fired a/slow-one",
        "send slow-one",
        "fired a/slow-two",
        "send slow-two",
        "fired b/fast-one",
        "send fast-one",
        "fired b/fast-two",
        "send fast-two",
    ]
    fired = [decision for decision in history.decisions if decision.outcome == "fired"]
    assert [decision.occurred_at for decision in fired] == [decision.due_at for decision in fired]
    assert {decision.decided_at for decision in fired} == {"2026-03-02T11:00:00.000Z"}
