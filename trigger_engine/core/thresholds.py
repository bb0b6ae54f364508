"""Thresholds: how many events, or how much, within a sliding window.

Matching events are kept by value of `per`, in order of their own time. An event crosses the threshold if
some window that ends at it, or at a later event that arrived before it, reaches the threshold with it and
does not without it: so an event that arrives out of order counts where it belongs. Endings of the trigger
clear what came at or before them.
"""

from bisect import bisect_right
from math import fsum, inf

from schemas.instants import Instant
from trigger_engine.core.cel import EvaluationError
from trigger_engine.core.conditions import Scene, text_of
from trigger_engine.core.endings import last_ended_at
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import (
    AMOUNT_MAX,
    THRESHOLD_EVENTS_MAX,
    THRESHOLD_VALUES_MAX,
    THRESHOLD_WINDOWS_MAX,
)
from trigger_engine.core.patterns import ThresholdPattern
from trigger_engine.core.runs import begin
from trigger_engine.core.state import CustomerState, Happening, Window
from trigger_engine.core.trigger import Trigger
from trigger_engine.core.turn import Turn

_CENTS = 6
"""Places that totals are rounded to: three times 0.1 reaches 0.3, as it does on paper."""


def meet(turn: Turn, trigger: Trigger, event: EventInput) -> None:
    """An event of a type that `trigger` counts: keep it if it matches, start a run if it crosses."""
    pattern = trigger.pattern
    assert isinstance(pattern, ThresholdPattern), "its pattern says who is met here"
    scene = Scene(turn.state, event, event, event.received_at)
    if not _matches(turn, trigger, pattern, scene, event):
        return
    measured = _measure(pattern, scene)
    if measured is None:
        return
    value, amount = measured
    oldest_ms = 2 * turn.rules.policy.lateness_ms + pattern.within_ms
    window = _window(turn.state, trigger.id, value, event.received_at - oldest_ms)
    before = window.events
    cleared_at = last_ended_at(turn, trigger, event)
    counted = before if cleared_at is None else before[_behind(before, cleared_at) :]
    crosses = (cleared_at is None or turn.at > cleared_at) and _crosses(pattern, counted, turn.at, amount)
    before.insert(_behind(before, turn.at), (turn.at, amount))
    del before[:-THRESHOLD_EVENTS_MAX]
    if crosses and not event.backfill:
        start = Happening(event.event_id, event.type, turn.at, event.properties, event.context)
        facts = (
            {"at_least": pattern.at_least, "per": value} if pattern.per else {"at_least": pattern.at_least}
        )
        begin(
            turn,
            trigger,
            start,
            event.event_id,
            event=event,
            now_for_conditions=event.received_at,
            facts=facts,
        )


def _behind(kept: list[tuple[Instant, float]], at: Instant) -> int:
    """The place behind all that happened at or before `at`."""
    return bisect_right(kept, (at, inf))


def _matches(
    turn: Turn, trigger: Trigger, pattern: ThresholdPattern, scene: Scene, event: EventInput
) -> bool:
    if pattern.where is None:
        return True
    try:
        return pattern.where.holds(scene)
    except EvaluationError as error:
        if not event.backfill:
            reason = f"its where could not be judged on {event.type}, which counts as false: {error.message}."
            turn.note(trigger, event, "error", reason)
        return False


def _measure(pattern: ThresholdPattern, scene: Scene) -> tuple[str, float] | None:
    """The value of `per` and the amount; None if either cannot be told, so that the event is passed over."""
    try:
        value = "" if pattern.per is None else text_of(pattern.per.of(scene))
        amount = 1.0 if pattern.amount is None else _number(pattern.amount.of(scene))
    except EvaluationError:
        return None
    return None if value is None or amount is None else (value, amount)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -AMOUNT_MAX <= value <= AMOUNT_MAX else None  # false for NaN too


def _window(state: CustomerState, trigger_id: str, value: str, oldest: Instant) -> Window:
    """The window for this value, without what is too old for any window to come.

    What is late starts nothing; twice the lateness back leaves room for events that reach the log in another
    order than they were received in.
    """
    windows = state.windows.setdefault(trigger_id, {})
    window = windows.get(value)
    if window is None:
        for name in [name for name, one in windows.items() if one.events[-1][0] <= oldest]:
            del windows[name]
        if len(windows) >= THRESHOLD_VALUES_MAX:
            del windows[min(windows, key=lambda name: (windows[name].events[-1][0], name))]
        elif sum(map(len, state.windows.values())) >= THRESHOLD_WINDOWS_MAX:
            drop_oldest(state.windows)
        window = windows[value] = Window([])
    if window.events and window.events[0][0] <= oldest:
        del window.events[: _behind(window.events, oldest)]
    return window


def drop_oldest(windows: dict[str, dict[str, Window]]) -> None:
    """Of all the triggers' windows, drop the one that was last added to longest ago."""
    trigger_id, value = min(
        ((trigger_id, value) for trigger_id, values in windows.items() for value in values),
        key=lambda place: (windows[place[0]][place[1]].events[-1][0], place),
    )
    del windows[trigger_id][value]


def _crosses(
    pattern: ThresholdPattern, kept: list[tuple[Instant, float]], at: Instant, amount: float
) -> bool:
    """Whether some window that holds the event at `at` reaches the threshold with it, not without it."""
    counting = pattern.amount is None
    if counting and len(kept) + 1 < pattern.at_least:
        return False
    within_ms = pattern.within_ms
    first, beyond = _behind(kept, at), _behind(kept, at + within_ms - 1)
    for end in (at, *[one[0] for one in kept[first:beyond]]):
        begins, ends = _behind(kept, end - within_ms), _behind(kept, end)
        if counting:
            without, total = float(ends - begins), float(ends - begins + 1)
        else:
            amounts = [one[1] for one in kept[begins:ends]]
            without = round(fsum(amounts), _CENTS)
            total = round(fsum([*amounts, amount]), _CENTS)
        if without < pattern.at_least <= total:
            return True
    return False
