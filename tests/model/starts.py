"""Section 5: what starts a run, and what keeps one from starting."""

import re
from typing import Any

from tests.model import known, mails, steps
from tests.model.conditions import ConditionError, evaluate, holds, text_of
from tests.model.customer import (
    COMPARED_MAX,
    OCCASIONS_MAX,
    RUNS_MAX,
    TRIGGERS_MAX,
    Customer,
    Happening,
    Occasion,
    RememberedEnding,
    Run,
    WindowEntry,
)
from tests.model.reading import Ending, Trigger, duration_ms
from tests.model.turn import Turn, value_or_hash

WINDOW_VALUES_MAX = 64
WINDOW_EVENTS_MAX = 256


def meet(turn: Turn, event: Happening) -> None:
    """Section 3, step 7: each live or shadow trigger whose pattern is event, absence or threshold, by id."""
    for trigger in turn.rules.triggers.values():
        if not trigger.running:
            continue
        if "event" in trigger.when:
            _meet_event(turn, trigger, event)
        elif "count" in trigger.when or "sum" in trigger.when:
            _meet_threshold(turn, trigger, event)


def remember_endings(turn: Turn, event: Happening) -> None:
    """Section 3, step 8: an ending is known to later starts; what it compares with `start` is judged then."""
    customer = turn.customer
    for trigger in turn.rules.triggers.values():
        for ending in (*trigger.unless, *trigger.exit) if trigger.status != "draft" else ():
            if ending.type not in event.types:
                continue
            if reads_start(ending.where):
                customer.compared = [one for one in customer.compared if one is not event] + [event]
            elif turn.holds(ending.where, None, event):
                customer.endings.append(RememberedEnding(ending.type, ending.where, event.at))
    customer.compared = customer.compared[-COMPARED_MAX:]


def reads_start(where: str | None) -> bool:
    """Whether a condition compares with the event that started the run."""
    return where is not None and re.search(r"\bstart\b", where) is not None


def last_ending(
    turn: Turn, endings: tuple[Ending, ...], start: Happening, memory: Customer | None = None
) -> int | None:
    """When one of these endings was last met, as far as it concerns this start; by her memory unless told."""
    memory = memory or turn.customer
    compared = {"start": known.of_event(start)}
    times: list[int] = []
    for ending in endings:
        if not reads_start(ending.where):
            kind = (ending.type, ending.where)
            times += [one.at for one in memory.endings if (one.type, one.where) == kind]
            continue
        for event in memory.compared:
            if ending.type in event.types and holds(ending.where, turn.known(None, event) | compared):
                times.append(event.at)
    return max(times, default=None)


def _meet_event(turn: Turn, trigger: Trigger, event: Happening) -> None:
    if not set(trigger.when["event"]) & set(event.types):
        return
    if not turn.clause_holds(trigger, trigger.when.get("where"), event):
        return
    live = _run_that_takes(turn, trigger, event)
    if live is None:
        begin(turn, trigger, event, event.id)
    elif trigger.wait is not None and not live.mailed and not live.still:
        _restart(turn, live, event)


def _run_that_takes(turn: Turn, trigger: Trigger, event: Happening) -> Run | None:
    """With `wait` and no `once_per` the live run of the trigger; with `once_per` the one with its value."""
    runs = [run for run in turn.customer.live_runs() if run.trigger.id == trigger.id]
    if trigger.once_per is None:
        return runs[0] if runs and trigger.wait is not None else None
    value = occasion_value(turn, trigger, event, event.id)
    return next((run for run in runs if run.value == value), None)


def _restart(turn: Turn, run: Run, event: Happening) -> None:
    """The wait begins anew: `at + wait`, never earlier than it was."""
    wait = run.trigger.wait
    if wait is None:
        return
    due = event.at + duration_ms(steps.of_variant(run, wait))
    if due <= run.first_due:
        return
    run.since = event.at
    run.left = run.trigger.all_steps
    run.planned = run.due = run.first_due = due
    run.standing, run.answer = True, None
    run.held = run.was_held = run.awaits_device = False


def _meet_threshold(turn: Turn, trigger: Trigger, event: Happening) -> None:
    when = trigger.when
    if not set(when.get("count", when.get("of", []))) & set(event.types):
        return
    if not turn.clause_holds(trigger, when.get("where"), event):
        return
    entry = _window_entry(turn, trigger, event)
    if entry is None:
        return
    within = duration_ms(when["within"])
    _drop_old(turn, entry, event.received_at - 2 * turn.rules.policy.lateness_ms - within)
    windows = turn.customer.windows
    ending = last_ending(turn, trigger.unless + trigger.exit, event)
    others = [
        other
        for other in windows
        if (other.trigger_id, other.per) == (trigger.id, entry.per) and (ending is None or other.at > ending)
    ]
    crosses = False
    if ending is None or entry.at > ending:
        for moment in [entry.at, *(o.at for o in others if entry.at <= o.at < entry.at + within)]:
            without = sum(o.amount for o in others if moment - within < o.at <= moment)
            crosses |= without < when["at_least"] <= without + entry.amount
    _keep(turn, entry)
    if crosses:
        live = [run for run in turn.customer.live_runs() if run.trigger.id == trigger.id]
        value = occasion_value(turn, trigger, event, event.id)
        if not any(run.value == value for run in live):
            begin(turn, trigger, event, event.id)


def _drop_old(turn: Turn, entry: WindowEntry, oldest: int) -> None:
    """Of the event's value; with a new value, other values that hold nothing later."""
    windows = turn.customer.windows
    mine = [other for other in windows if other.trigger_id == entry.trigger_id]
    of_value = [other for other in mine if other.per == entry.per]
    if of_value:
        gone = [other for other in of_value if other.at <= oldest]
    else:
        later = {other.per for other in mine if other.at > oldest}
        gone = [other for other in mine if other.per not in later]
    turn.customer.windows = [other for other in windows if not any(other is one for one in gone)]


def _window_entry(turn: Turn, trigger: Trigger, event: Happening) -> WindowEntry | None:
    """The event as the window keeps it; None if it is passed over."""
    names = turn.known(None, event)
    per, amount = "", 1.0
    try:
        if "per" in trigger.when:
            value = evaluate(trigger.when["per"], names)
            if value is None:
                return None
            per = text_of(value)
        if "sum" in trigger.when:
            amount = evaluate(trigger.when["sum"], names)
    except ConditionError:
        return None
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    return WindowEntry(trigger.id, per, event.at, amount)


def _keep(turn: Turn, entry: WindowEntry) -> None:
    """Section 5: beyond the bounds the oldest are dropped; a value that is new takes the place of another."""
    windows = turn.customer.windows
    mine = [other for other in windows if other.trigger_id == entry.trigger_id]
    values = {other.per for other in mine}
    if entry.per not in values and len(values) >= WINDOW_VALUES_MAX:
        last = {per: max(other.at for other in mine if other.per == per) for per in values}
        oldest = min(values, key=lambda per: (last[per], per))
        windows[:] = [one for one in windows if (one.trigger_id, one.per) != (entry.trigger_id, oldest)]
    windows.append(entry)
    of_value = [one for one in windows if (one.trigger_id, one.per) == (entry.trigger_id, entry.per)]
    if len(of_value) > WINDOW_EVENTS_MAX:
        windows.remove(min(of_value, key=lambda one: one.at))


def occasion_value(turn: Turn, trigger: Trigger, start: Happening, default: str) -> str:
    """`once_per` overrides the pattern's default; null, a list, a map or an error falls back to it."""
    if trigger.once_per is None:
        return value_or_hash(default)
    names = turn.known(None, start)
    try:
        value: Any = evaluate(trigger.once_per, names | {"start": names["event"]})
        if value is None or isinstance(value, list | dict):
            return value_or_hash(default)
        return value_or_hash(text_of(value))
    except ConditionError:
        return value_or_hash(default)


def begin(turn: Turn, trigger: Trigger, start: Happening, default: str, *, by_wake_up: bool = False) -> None:
    """Start a run, unless something keeps it from starting; in the page's order."""
    customer, policy = turn.customer, turn.rules.policy
    value = occasion_value(turn, trigger, start, default)
    if is_ended(turn, trigger, start):
        return
    if is_known(turn, trigger.id, value, start.at):
        return
    if start.backfill and not by_wake_up:
        return
    if start.late and not by_wake_up:
        assert turn.event is not None, "a wake-up is never late"
        turn.note(trigger, turn.event.id, "late", start.at)  # two late ones of an occasion are two decisions
        return
    remembered = [o for o in customer.occasions if start.at - o.at < policy.occasion_memory_ms]
    of_trigger = [o for o in remembered if o.trigger_id == trigger.id]
    triggers = {o.trigger_id for o in remembered} | {trigger.id}
    if (
        len(customer.live_runs()) >= RUNS_MAX
        or len(triggers) > TRIGGERS_MAX
        or len(of_trigger) >= OCCASIONS_MAX
    ):
        turn.note(trigger, value if turn.event is None else turn.event.id, "state_limit", start.at)
        return
    _start(turn, trigger, start, value)


def is_ended(turn: Turn, trigger: Trigger, start: Happening) -> bool:
    """Whether an ending is known at or after the start."""
    ending = last_ending(turn, trigger.unless + trigger.exit, start)
    return ending is not None and ending >= start.at


def is_known(turn: Turn, trigger_id: str, value: str, at: int) -> bool:
    """Whether the occasion ran within `occasion_memory`."""
    memory = turn.rules.policy.occasion_memory_ms
    return any(
        o.trigger_id == trigger_id and o.value == value and at - o.at < memory
        for o in turn.customer.occasions
    )


def _start(turn: Turn, trigger: Trigger, start: Happening, value: str) -> None:
    """At the start: arm, `started`, what it supersedes, then the steps due at *at* itself."""
    customer = turn.customer
    variant, held_out = mails.draw(turn, trigger)
    run = Run(
        trigger=trigger,
        value=value,
        occasion=f"{customer.key}/{value}",
        start=start,
        at=start.at,
        shadow=trigger.status == "shadow",
        variant=variant,
        held_out=held_out,
        left=trigger.all_steps,
        planned=start.at,
        due=start.at,
        since=start.at,
        first_due=start.at,
    )
    if trigger.wait is not None:
        steps.next_waits(turn, run)
        run.first_due = run.due
    customer.runs.append(run)
    customer.occasions.append(Occasion(trigger.id, value, start.at, run))
    turn.decide(run, "started", start.at, run.due)
    if not run.shadow:
        for other in customer.live_runs():
            if other is not run and other.trigger.id in trigger.supersedes:
                steps.end(turn, other, "superseded", start.at)
    steps.go_on(turn, run, start.at)
