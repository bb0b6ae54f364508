"""The instants at which something that moves with time alone crosses, steps, or leaves its range.

Values move by a whole number of milliseconds a millisecond, so everything here is exact integer arithmetic.
What is noted is how many milliseconds from now on something may change; too early is harmless, too late never
happens. Nothing here raises.
"""

from typing import Final

from trigger_engine.core.cel.errors import EvaluationError
from trigger_engine.core.cel.temporal import local_ms
from trigger_engine.core.cel.values import (
    DURATION_MS_MAX,
    TIMESTAMP_MS_MAX,
    TIMESTAMP_MS_MIN,
    Duration,
    Timestamp,
)

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
_ZONE_STEP_MS: Final = 900_000
"""Zones change, and are apart from UTC, at whole quarters of an hour."""

STEPS_MS: Final = {
    "getMilliseconds": 1,
    "getSeconds": 1_000,
    "getMinutes": _MINUTE_MS,
    **dict.fromkeys(
        (
            *("getFullYear", "getMonth", "getDate", "getDayOfMonth"),
            *("getDayOfWeek", "getDayOfYear", "getHours"),
        ),
        _HOUR_MS,
    ),
}
"""How often a part of a clock's or calendar's reading can change; a date does so at the hour, in any zone."""


class Notes:
    """The soonest change of one evaluation."""

    __slots__ = ("after_ms", "now")

    def __init__(self, now: int) -> None:
        self.now = now
        self.after_ms: int | None = None
        """From now on, more than 0; None if nothing will change by itself."""

    def note(self, after_ms: int) -> None:
        if after_ms > 0 and (self.after_ms is None or after_ms < self.after_ms):
            self.after_ms = after_ms


def _until(value: int, speed: int, bound: int) -> int:
    """Milliseconds until a moving value is at the bound or past it, which may lie in the past."""
    return -((value - bound) // speed) if speed > 0 else -((bound - value) // -speed)


def note_crossing(notes: Notes, left: object, right: object, speed: int, bounds: tuple[int, ...]) -> None:
    """Two compared values whose difference moves: when it gets to each of the bounds."""
    both_times = type(left) is type(right) and isinstance(left, Timestamp | Duration)
    if both_times:
        difference = left.ms - right.ms  # type: ignore[attr-defined]  # both have it, as just tested
        for bound in bounds:
            notes.note(_until(difference, speed, bound))


def note_range(notes: Notes, left: object, right: object, sign: int, speed: int) -> None:
    """A sum (`sign` 1) or difference (-1) that moves: when it becomes too large, or small enough."""
    if not isinstance(left, Timestamp | Duration) or not isinstance(right, Timestamp | Duration) or not speed:
        return
    value = left.ms + sign * right.ms
    if type(left) is type(right):
        lowest, highest = -DURATION_MS_MAX, DURATION_MS_MAX
    else:
        lowest, highest = TIMESTAMP_MS_MIN, TIMESTAMP_MS_MAX
    bounds = (lowest, highest + 1) if speed > 0 else (lowest - 1, highest)
    for bound in bounds:
        notes.note(_until(value, speed, bound))


def note_step(notes: Notes, value: object, speed: int, part: str, zone: object) -> None:
    """A clock's reading of a moving value: when it may next be another one."""
    step = STEPS_MS[part]
    if isinstance(value, Timestamp | Duration):
        _note_boundary(notes, value.ms, speed, step)
    if isinstance(value, Duration):
        # Spans are cut off towards zero, so a negative one changes just past the full unit.
        _note_boundary(notes, value.ms - 1, speed, step)
    if isinstance(value, Timestamp) and isinstance(zone, str):
        _note_boundary(notes, value.ms, speed, min(step, _ZONE_STEP_MS))
        try:
            _note_boundary(notes, local_ms(value, zone), speed, step)
        except EvaluationError:
            return  # an unknown zone stays unknown


def _note_boundary(notes: Notes, value: int, speed: int, step: int) -> None:
    below = value // step * step
    notes.note(_until(value, speed, below + step if speed > 0 else below - 1))


def note_period(notes: Notes, period_ms: int) -> None:
    """A value that is looked at again at the next full period."""
    notes.note(period_ms - notes.now % period_ms)


def note_at(notes: Notes, instant: int | None) -> None:
    """A value whose next change is known."""
    if instant is not None:
        notes.note(instant - notes.now)


HELPERS: Final = {
    helper.__name__: helper for helper in (note_crossing, note_range, note_step, note_period, note_at)
}
