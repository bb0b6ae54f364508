"""The days that a date pattern names for a customer, and the instants at which they fall due there.

A day counts as her calendar has it: a timestamp is the day that it is at her place. 29 February is 28
February in other years. A yearly occurrence is named by its own year, whatever the offset makes of it.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.instants import DAY_MS, Instant
from trigger_engine.core.cel import EvaluationError, Timestamp
from trigger_engine.core.conditions import Scene
from trigger_engine.core.holiday_days import day_of
from trigger_engine.core.local_time import local_date, local_instant, zone_for
from trigger_engine.core.patterns import DatePattern
from trigger_engine.core.replenishment import Due, dues
from trigger_engine.core.state import CustomerState

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EPOCH = date(1970, 1, 1)
_YEARS = range(-2, 6)
"""Around the year of planning: an offset reaches 400 days either way, and some may be met already."""


class Occurrence(NamedTuple):
    """`name` is the occasion: the year, or the day where there is but one."""

    due_at: Instant
    day: date
    name: str


def occurrences(
    state: CustomerState, pattern: DatePattern, time_zone: str, now: Instant, floor: Instant, met: str
) -> Iterator[Occurrence]:
    """What falls due after `floor`, earliest first. `time_zone` is the policy's; `met`: what was met last.

    An expression that gives no day, or fails, gives nothing. One about what runs out gives a day for each
    consumable, and those up to the one met last are over.
    """
    zone = zone_for(state.profile.time_zone, state.profile.country, time_zone)
    for day, name in _days(state, pattern, zone, now, floor, met):
        try:
            due_at = local_instant(day + timedelta(days=pattern.offset_days), pattern.at_minutes, zone)
        except OverflowError:  # before the year 1 or after 9999 nothing falls due
            continue
        if due_at > floor:
            yield Occurrence(due_at, day, name)


def midnight_of(day: date) -> Instant:
    """A day as a number: its midnight in UTC."""
    return (day - _EPOCH).days * DAY_MS


def day_at(midnight: Instant) -> date:
    """The day of `midnight_of`."""
    return _EPOCH + timedelta(milliseconds=midnight)


def about(state: CustomerState, pattern: DatePattern, time_zone: str, now: Instant, day: date) -> list[Due]:
    """The consumables that a day is about, as the pattern's expression has it; none if it is about others."""
    zone = zone_for(state.profile.time_zone, state.profile.country, time_zone)
    return [due for found, due in _days_of_dues(state, pattern, zone, now) if found == day]


def _days(
    state: CustomerState, pattern: DatePattern, zone: ZoneInfo, now: Instant, floor: Instant, met: str
) -> Iterator[tuple[date, str]]:
    if pattern.replenishes:
        days = {day.isoformat(): day for day, _ in _days_of_dues(state, pattern, zone, now)}
        yield from ((days[name], name) for name in sorted(days) if name > met)
        return
    named = None if pattern.value is None else _named_day(pattern, zone, Scene(state, None, None, now))
    holiday = pattern.holiday_in(state.profile.country)
    if named is None and holiday is None:
        return
    if named is not None and not pattern.yearly:
        yield named, named.isoformat()
        return
    if met and not pattern.yearly:
        return
    this_year = local_date(floor, zone).year
    for year in (this_year + step for step in _YEARS):
        day = _in_year(named, year) if holiday is None else day_of(holiday, year)
        if day is not None:
            yield day, str(year) if pattern.yearly else day.isoformat()


def _days_of_dues(
    state: CustomerState, pattern: DatePattern, zone: ZoneInfo, now: Instant
) -> Iterator[tuple[date, Due]]:
    """The day that the expression gives for each consumable, as if it were the next one."""
    if pattern.replenishes:
        for due in dues(state.orders.purchases):
            day = _named_day(pattern, zone, Scene(state, None, None, now, due=due))
            if day is not None:
                yield day, due


def _named_day(pattern: DatePattern, zone: ZoneInfo, scene: Scene) -> date | None:
    assert pattern.value is not None, "asked only where there is an expression"
    try:
        value = pattern.value.of(scene)
    except EvaluationError:
        return None
    if isinstance(value, Timestamp):
        try:
            return local_date(value.ms, zone)
        except OverflowError:
            return None
    if isinstance(value, str) and _DAY.match(value):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:  # 30 February
            return None
    return None


def _in_year(day: date | None, year: int) -> date | None:
    assert day is not None, "a yearly pattern has an expression or a holiday"
    if day.month == 2 and day.day == 29:
        first_of_march = date(year, 3, 1)
        return first_of_march - timedelta(days=1)
    return day.replace(year=year)
