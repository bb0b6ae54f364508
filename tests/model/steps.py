"""Section 6: a run goes from step to step, and what else moves or ends it."""

from datetime import datetime
from typing import Any

from schemas.instants import instant_of
from tests.model import known, mails, starts
from tests.model.conditions import ConditionError
from tests.model.customer import PREFERENCES_MAX, UNTIL_RESUMED, Customer, Happening, Run
from tests.model.local_time import next_at, zone_of
from tests.model.reading import Ending, Step, clock_minutes, duration_ms, goal_endings
from tests.model.turn import Turn


def go_on(turn: Turn, run: Run, until: int) -> None:
    """Perform the run's steps that are due at or before `until`."""
    while run.alive:
        if not run.left:
            run.alive = False
            return
        step = run.left[0]
        if _is_waiting(step) and not run.standing:
            if not _enter(turn, run, step):
                return
            run.standing = True
        if run.due > until:
            return
        if "mail" in step:
            if not mails.check(turn, run, step):
                return
            continue
        run.left = run.left[1:]
        run.standing = False
        if "wait_until" in step and "event" in step["wait_until"]:
            run.planned, run.answer = run.due, None
        elif not _is_waiting(step):
            _perform(turn, run, step)


def next_waits(turn: Turn, run: Run) -> None:
    """Enter the waiting step that the run stands before, if any, so that its due time is known."""
    if run.left and _is_waiting(run.left[0]) and not run.standing and _enter(turn, run, run.left[0]):
        run.standing = True


def _is_waiting(step: Step) -> bool:
    return "wait" in step or "wait_until" in step


def _enter(turn: Turn, run: Run, step: Step) -> bool:
    """The due time of a waiting step. False if it has none: the run ends with `error`."""
    if "wait" in step:
        run.planned += duration_ms(of_variant(run, step["wait"]))
        run.due = run.planned
        return True
    waited = step["wait_until"]
    if "event" in waited:
        run.due = run.planned + duration_ms(waited["for"])
        return True
    if "at" in waited:
        zone = zone_of(turn.customer.profile, turn.rules.policy.time_zone)
        run.planned = next_at(run.planned, clock_minutes(waited["at"]), zone)
    else:
        value = turn.value(waited["time"], run)
        if not isinstance(value, datetime):
            end(turn, run, "error", run.planned)
            return False
        run.planned = max(run.planned, instant_of(value))
    run.due = run.planned
    return True


def of_variant(run: Run, value: Any) -> Any:
    """A field that may be a map by variant. Someone held out has no variant: the first name decides."""
    if not isinstance(value, dict):
        return value
    return value[run.variant] if run.variant in value else value[min(value)]


def _perform(turn: Turn, run: Run, step: Step) -> None:
    if "choose" in step:
        for branch in step["choose"]:
            if "if" not in branch or turn.step_holds(branch["if"], run):
                run.left = list(branch["then"]) + run.left
                break
    elif "skip_if" in step:
        if turn.step_holds(step["skip_if"], run):
            run.left = run.left[1:]
    elif "set" in step:
        if not run.shadow and not run.held_out:
            _set(turn, run, step["set"])
    elif "exit" in step:
        end(turn, run, "exited", run.planned)
    else:
        assert "goal" in step, f"unknown step {step}"


def _set(turn: Turn, run: Run, values: dict[str, Any]) -> None:
    customer = turn.customer
    for name, value in values.get("preferences", {}).items():
        try:
            given = turn.step_value(value["value"], run) if isinstance(value, dict) else value
        except ConditionError:
            continue
        if not isinstance(given, str | int | float | bool):
            customer.preferences.pop(name, None)
        elif name in customer.preferences or len(customer.preferences) < PREFERENCES_MAX:
            customer.preferences[name] = given
    pause = values.get("pause")
    if pause == "ended":
        customer.paused_until = None
    elif pause == "until_resumed":
        customer.paused_until = UNTIL_RESUMED
    elif pause is not None:
        customer.paused_until = run.planned + duration_ms(pause)
    if values.get("marketing_email") is False:
        known.say_consent(customer, False, run.planned)


def end(turn: Turn, run: Run, outcome: str, at: int) -> None:
    """A decision on the whole run, after which it is no more."""
    turn.decide(run, outcome, at, run.due)
    run.alive = False


# --- what an event does to her runs (section 3, step 6)


def meet_endings(turn: Turn, event: Happening) -> None:
    """`exit`, `unless`, then `goal`, then an awaited event."""
    runs = list(turn.customer.runs)
    for run in runs:
        if not _meets(run, event) or not (run.alive or any(mails.is_open(mail) for mail in run.mails)):
            continue
        exits = matches_any(turn, run.trigger.exit, event, run)
        unless = matches_any(turn, run.trigger.unless, event, run)
        apply_ending(turn, run, event.at, exits=exits, unless=unless)
        if run.alive:
            _meet_goal(turn, run, event)
        if run.alive:
            _meet_awaited(turn, run, event)


def _meets(run: Run, event: Happening) -> bool:
    """An event meets a run if its *at* ≥ the start's *at* and it is not the start itself."""
    return event.at >= run.at and event.id != run.start.id


def matches_any(turn: Turn, endings: tuple[Ending, ...], event: Happening, run: Run) -> bool:
    """Whether the event is one of these, and its condition holds."""
    return any(
        ending.type in event.types and turn.clause_holds(run.trigger, ending.where, event, run)
        for ending in endings
    )


def apply_ending(
    turn: Turn, run: Run, at: int, *, exits: bool, unless: bool, unless_at: int | None = None
) -> None:
    """Both: `cancelled` if it has not mailed, else `exited`."""
    if not exits and not unless:
        return
    first = run.mails[0] if run.mails else None
    first_is_open = first is not None and first.requested and not first.known
    if run.alive:
        if unless and first is None:
            end(turn, run, "cancelled", at)
        elif exits:
            end(turn, run, "exited", at)
        elif first is not None and ((at if unless_at is None else unless_at) <= first.due or first_is_open):
            end(turn, run, "cancelled", at)
    for mail in run.mails:
        if mails.is_open(mail) and (exits or mail.first):
            mails.take_back(turn, mail, at)


def apply_known(turn: Turn, run: Run, memory: Customer, since: int) -> None:
    """Section 9: endings remembered from `since` on are applied to a run that did not meet them."""
    exit_at = starts.last_ending(turn, run.trigger.exit, run.start, memory)
    unless_at = starts.last_ending(turn, run.trigger.unless, run.start, memory)
    exits = exit_at is not None and exit_at >= since
    unless = unless_at is not None and unless_at >= since
    apply_ending(turn, run, turn.at, exits=exits, unless=unless, unless_at=unless_at)


def _meet_goal(turn: Turn, run: Run, event: Happening) -> None:
    for index, step in enumerate(run.left):
        if "goal" in step and matches_any(turn, goal_endings(step), event, run):
            goal_id = step.get("id", "goal")
            turn.decide(run, "goal", event.at, run.due, step=goal_id, attempt=1)
            run.left = run.left[index + 1 :]
            run.standing = run.held = run.was_held = run.awaits_device = False
            run.planned = run.due = event.at
            _moved(turn, run)
            return


def _meet_awaited(turn: Turn, run: Run, event: Happening) -> None:
    if not run.left or not run.standing or "event" not in run.left[0].get("wait_until", {}):
        return
    awaited = run.left[0]["wait_until"]
    if not run.planned <= event.at <= run.due or not set(awaited["event"]) & set(event.types):
        return
    if not turn.clause_holds(run.trigger, awaited.get("where"), event, run):
        return
    run.answer = event
    run.left = run.left[1:]
    run.standing = False
    run.planned = run.due = event.at
    _moved(turn, run)


def _moved(turn: Turn, run: Run) -> None:
    """Steps due at the event's time are performed; a frozen run only stands elsewhere."""
    if not run.left:
        run.alive = False
    elif not run.still:
        go_on(turn, run, run.due)
