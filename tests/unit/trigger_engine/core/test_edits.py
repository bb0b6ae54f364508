"""What a change of rules does to people in the middle of a series: pin, migrate, drain, pause and resume."""

from typing import Any

import pytest

from schemas.records import CauseRecord
from tests.unit.trigger_engine.core.history import ORDER, T0, History, at, rules_of
from trigger_engine.core.inputs import RulesChange
from trigger_engine.core.state import decode_state, encode_state
from trigger_engine.core.step import step


def series(steps: str, more: str = "on_edit: pin", status: str = "live") -> str:
    return f"""
id: series
status: {status}
kind: marketing
when: {{event: signed_up}}
steps: [{steps}]
{more}
"""


OLD = "{mail: hello}, {wait: 2d}, {mail: tips}, {wait: 2d}, {mail: bye}"
NEW = "{mail: hello}, {wait: 1d}, {mail: news}, {wait: 2d}, {mail: tips}, {mail: last}"


def changed(history: History, *texts: str, when: str, **more: Any) -> list[str]:
    """Activate other rules, told to the customer at once as a sweep does."""
    cause = CauseRecord("rules", "tetik.events", 0, 99, "marker")
    history.rules = rules_of(*texts, earlier=(history.rules,), **more).activated(at(when), cause)
    before = len(history.effects)
    history.state, effects = step(history.rules, history.state, RulesChange(at(when), cause), at(when))
    history.effects += effects
    return [f"{effect.record.outcome} {effect.record.step}" for effect in history.effects[before:]]  # type: ignore[union-attr]


def begun(on_edit: str, steps: str = OLD) -> History:
    history = History(series(steps, f"on_edit: {on_edit}"))
    history.event("signed_up", "0s")
    history.sent("hello", "1m")
    return history


def test_pinned_runs_go_on_as_they_began() -> None:
    history = begun("pin")
    assert changed(history, series(NEW), when="1h") == []
    assert history.until("9d") == ["fired series/tips", "send tips", "fired series/bye", "send bye"]
    versions = {decision.trigger_version for decision in history.decisions}
    assert len(versions) == 1, "they keep their version"
    assert history.last("fired").rules_digest == history.rules.digest, "and name the rules of the day"


def test_migrated_runs_go_on_in_the_new_version_behind_their_last_mail() -> None:
    history = begun("pin")
    assert changed(history, series(NEW, "on_edit: migrate"), when="1h") == []
    assert history.until("9d") == [
        "fired series/news",
        "send news",
        "fired series/tips",
        "send tips",
        "fired series/last",
        "send last",
    ]
    due = [decision.due_at for decision in history.decisions if decision.outcome == "fired"]
    assert due[1:] == ["2026-03-03T09:00:00.000Z", "2026-03-05T09:00:00.000Z", "2026-03-05T09:00:00.000Z"]
    present = history.rules.present("series")
    assert present is not None
    assert history.last("fired").trigger_version == present.version


def test_a_migrated_run_that_has_not_mailed_begins_again_from_its_start() -> None:
    text = series("{mail: hello}", "wait: 2h\non_edit: migrate")
    history = History(text)
    history.event("signed_up", "0s")
    history.event("signed_up", "30m")
    changed(history, text.replace("wait: 2h", "wait: 1h"), when="1h")
    assert history.until("9d") == ["fired series/hello", "send hello"]
    assert history.last("fired").due_at == "2026-03-02T10:30:00.000Z", "an hour after the last restart"


def test_a_migrated_run_whose_last_mail_is_gone_ends() -> None:
    history = begun("pin")
    assert changed(history, series("{mail: other}", "on_edit: migrate"), when="1h") == ["exited None"]
    exited = history.last("exited")
    assert "lacks hello" in exited.reason
    assert (exited.cause.kind, exited.occurred_at) == ("rules", "2026-03-02T10:00:00.000Z")


def test_a_migrated_run_with_no_step_left_ends_without_a_word() -> None:
    history = begun("pin")
    assert changed(history, series("{mail: hello}", "on_edit: migrate"), when="1h") == []
    assert history.state.runs == []
    assert history.state.next_wake_up_at is None


def test_what_a_migration_makes_overdue_waits_for_its_wake_up() -> None:
    history = begun("pin")
    fast = series(NEW, "on_edit: migrate").replace("{wait: 1d}", "{wait: 1h}")
    assert changed(history, fast, when="6h") == []
    assert history.state.next_wake_up_at == at("1h")
    assert history.until("6h", now="6h") == ["fired series/news", "send news"]
    assert history.last("fired").due_at == "2026-03-02T10:00:00.000Z"


def test_drained_runs_may_still_send_one_mail() -> None:
    history = begun("pin")
    assert changed(history, series(NEW, "on_edit: drain"), when="1h") == []
    assert history.until("9d") == ["fired series/tips", "send tips", "exited series"]
    assert "replaced" in history.last("exited").reason


def test_a_drained_run_whose_mail_is_refused_ends_by_that() -> None:
    history = begun("pin")
    changed(history, series(NEW, "on_edit: drain"), when="1h")
    history.event("unsubscribed", "2h")
    assert history.until("9d") == ["suppressed series/tips"]


@pytest.mark.parametrize("others", [(), (series(OLD, status="draft"),)])
def test_runs_of_triggers_that_are_gone_or_drafts_end_at_the_marker(others: tuple[str, ...]) -> None:
    history = begun("pin")
    assert changed(history, ORDER, *others, when="1h") == ["exited None"]
    assert history.last("exited").cause == CauseRecord("rules", "tetik.events", 0, 99, "marker")
    assert history.state.next_wake_up_at is None


def test_the_change_is_told_at_the_next_touch_if_the_sweep_has_not_come_yet() -> None:
    history = begun("pin")
    cause = CauseRecord("rules", "tetik.events", 0, 99, "marker")
    history.rules = rules_of(ORDER, earlier=(history.rules,)).activated(at("1h"), cause)
    assert history.event("page_viewed", "3h") == ["exited series"]
    assert history.last("exited").occurred_at == "2026-03-02T10:00:00.000Z"
    assert history.event("page_viewed", "4h") == [], "once"


def test_paused_runs_stand_still_and_go_on_when_resumed() -> None:
    history = begun("pin")
    assert changed(history, series(OLD, status="paused"), when="1d") == []
    assert history.until("2d6h") == []
    assert history.state.next_wake_up_at is None
    assert changed(history, series(OLD), when="2d6h") == []
    assert history.until("2d6h", now="2d6h") == ["fired series/tips", "send tips"]
    assert history.last("fired").due_at == "2026-03-04T09:00:00.000Z", "at its own time, only later"


def test_resumed_runs_past_their_expiry_end_as_expired() -> None:
    history = begun("pin")
    changed(history, series(OLD, status="paused"), when="1d")
    changed(history, series(OLD), when="2d13h")
    assert history.until("2d13h", now="2d13h") == ["expired series/tips"]


@pytest.mark.parametrize("on_edit", ["pin", "migrate", "drain"])
def test_pausing_and_resuming_is_no_edit_under_any_policy(on_edit: str) -> None:
    """Nobody is migrated or drained by another status alone; the text has to differ."""
    history = begun(on_edit)
    more = f"on_edit: {on_edit}"
    version = history.state.runs[0].trigger_version
    for when, status in (("1h", "paused"), ("2h", "live"), ("3h", "shadow"), ("4h", "live")):
        assert changed(history, series(OLD, more, status), when=when) == []
        [run] = history.state.runs
        assert (run.trigger_version, run.draining, run.shadow) == (version, False, False)
    assert history.until("9d") == ["fired series/tips", "send tips", "fired series/bye", "send bye"]


def test_an_edit_made_while_paused_counts_when_it_is_published() -> None:
    history = begun("migrate")
    changed(history, series(NEW, "on_edit: migrate", "paused"), when="1h")
    assert history.until("1d12h") == []
    changed(history, series(NEW, "on_edit: migrate"), when="1d12h")
    assert history.until("1d12h", now="1d12h") == ["fired series/news", "send news"]


def test_a_paused_trigger_starts_and_restarts_nothing() -> None:
    waits = series("{mail: hello}", "wait: 1h")
    history = History(waits)
    history.event("signed_up", "0s")
    paused = waits.replace("status: live", "status: paused")
    changed(history, paused, when="10m")
    assert history.event("signed_up", "50m") == []
    changed(history, waits, when="1h30m")
    assert history.until("1h30m", now="1h30m") == ["fired series/hello", "send hello"]
    assert history.last("fired").due_at == "2026-03-02T10:00:00.000Z"
    changed(history, paused, when="2h")
    assert history.event("signed_up", "3h") == []
    assert history.until("9d") == []


def test_endings_still_act_on_paused_runs() -> None:
    history = History(series(OLD, "exit: unsubscribed"))
    history.event("signed_up", "0s")
    history.sent("hello", "1m")
    changed(history, series(OLD, "exit: unsubscribed", status="paused"), when="1h")
    assert history.event("unsubscribed", "2h") == ["exited series"]


def test_a_goal_moves_a_paused_run_without_performing_what_is_behind_it() -> None:
    text = series(
        "{mail: hello}, {wait: 2d}, {mail: tips}, {goal: [{event: order_completed}]}, {mail: thanks}"
    )
    history = History(text)
    history.event("signed_up", "0s")
    changed(history, text.replace("status: live", "status: paused"), when="1h")
    assert history.event("order_completed", "2h") == ["goal series/goal"]
    changed(history, text, when="3h")
    assert history.until("3h", now="3h") == ["fired series/thanks", "send thanks"]


def test_the_event_of_a_paused_wait_is_still_the_answer() -> None:
    text = series(
        "{wait_until: {event: survey_answered, for: 1d}}, "
        "{choose: [{if: answer != null, mail: thanks}, {mail: nudge}]}"
    )
    history = History(text)
    history.event("signed_up", "0s")
    changed(history, text.replace("status: live", "status: paused"), when="1h")
    assert history.event("survey_answered", "2h") == []
    changed(history, text, when="3h")
    assert history.until("3h", now="3h") == ["fired series/thanks", "send thanks"]


def test_a_run_stays_a_shadow_or_not_as_it_began() -> None:
    shadow = series(OLD, status="shadow")
    history = History(shadow)
    assert history.event("signed_up", "0s") == ["started series", "shadow series/hello"]
    changed(history, series(OLD, "on_edit: migrate"), when="1h")
    assert history.until("9d") == ["shadow series/tips", "shadow series/bye"]
    assert history.requests == []
    live = begun("pin")
    changed(live, series(OLD, "on_edit: migrate", status="shadow"), when="1h")
    assert live.until("3d") == ["fired series/tips", "send tips"]


def test_a_run_of_version_1_of_the_state_finds_its_place() -> None:
    """It knows the number of its next mail and when that is due."""
    history = begun("migrate")
    run = history.state.runs[0]
    run.position, run.planned_at, run.last_mail, run.last_planned_at, run.mail_index = -1, 0, "", 0, 1
    run.due_at = at("2d")
    history.state.rules_digest = ""
    history.state = decode_state(encode_state(history.state))
    history.event("page_viewed", "1h")
    placed = history.state.runs[0]
    assert (placed.last_mail, placed.last_planned_at, placed.planned_at) == ("hello", T0, at("2d"))
    assert history.until("9d") == ["fired series/tips", "send tips", "fired series/bye", "send bye"]
