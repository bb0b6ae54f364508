"""The six patterns of `when:`, compiled: what makes a trigger start.

Event and threshold patterns meet events of their `types`; the others start by themselves, watched for by
`watches` (inactivity, dates) and `segments`. Absence is an event pattern of a trigger with `wait`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from trigger_engine.core.conditions import DATE_DECLARATIONS, Value, Where
from trigger_engine.core.durations import parse_duration
from trigger_engine.core.variables import reads_replenishment

DATE_AT_DEFAULT = "09:00"


@dataclass(frozen=True, slots=True)
class EventPattern:
    """An event of one of these types that meets `where`."""

    types: tuple[str, ...]
    where: Where | None


@dataclass(frozen=True, slots=True)
class ThresholdPattern:
    """A sliding window of `within_ms` over matching events, kept apart by the value of `per`.

    It counts them, or adds `amount` up; the event that brings the total to `at_least` starts a run.
    """

    types: tuple[str, ...]
    where: Where | None
    amount: Value | None
    per: Value | None
    within_ms: int
    at_least: float


@dataclass(frozen=True, slots=True)
class InactivityPattern:
    """Nothing done for `inactive_ms`, counted from the last time of `after` too, if that is given."""

    inactive_ms: int
    after: str | None

    @property
    def types(self) -> tuple[str, ...]:
        """No event starts it."""
        return ()


@dataclass(frozen=True, slots=True)
class Holiday:
    """A feast by its English name, as the `holidays` package knows it for this country (ISO 3166)."""

    name: str
    country: str


@dataclass(frozen=True, slots=True)
class DatePattern:
    """A day that an expression or a holiday names, `offset_days` from it, at local `at_minutes` of the day.

    One of `value`, `holiday` and `holidays` is given; the last are by the customer's country. `replenishes`:
    the expression is about what runs out, and gives a day for each consumable.
    """

    value: Value | None
    holiday: Holiday | None
    holidays: Mapping[str, Holiday]
    offset_days: int
    at_minutes: int
    yearly: bool
    replenishes: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """No event starts it."""
        return ()

    def holiday_in(self, country: str | None) -> Holiday | None:
        """What a customer of this country celebrates, if the pattern names it."""
        return self.holiday or self.holidays.get(country or "")


@dataclass(frozen=True, slots=True)
class SegmentPattern:
    """She comes into a segment (`enters`) or drops out of it.

    `start_with_existing`: who is in when the rules come to count starts too, spread over `spread_ms`.
    """

    segment: str
    enters: bool
    start_with_existing: bool
    spread_ms: int

    @property
    def types(self) -> tuple[str, ...]:
        """No event type starts it by itself."""
        return ()


Pattern: TypeAlias = EventPattern | ThresholdPattern | InactivityPattern | DatePattern | SegmentPattern


def compile_pattern(form: Mapping[str, Any]) -> Pattern:
    """From the normal form of `when`. Raises CelError for an expression that cannot be compiled."""
    if "event" in form:
        return EventPattern(tuple(form["event"]), _where(form))
    if "count" in form or "sum" in form:
        return _threshold(form)
    if "inactive" in form:
        return InactivityPattern(parse_duration(form["inactive"]), form.get("after"))
    if "date" in form:
        return _date(form)
    enters = "enters" in form
    return SegmentPattern(
        form["enters" if enters else "leaves"],
        enters,
        bool(form.get("start_with_existing")),
        parse_duration(form["spread"]) if "spread" in form else 0,
    )


def minutes_of(clock: str) -> int:
    """Minutes since midnight of `HH:MM`."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _where(form: Mapping[str, Any]) -> Where | None:
    return Where(form["where"]) if "where" in form else None


def _threshold(form: Mapping[str, Any]) -> ThresholdPattern:
    return ThresholdPattern(
        types=tuple(form["count"] if "count" in form else form["of"]),
        where=_where(form),
        amount=Value(form["sum"]) if "sum" in form else None,
        per=Value(form["per"]) if "per" in form else None,
        within_ms=parse_duration(form["within"]),
        at_least=float(form["at_least"]),
    )


def _date(form: Mapping[str, Any]) -> DatePattern:
    given = form["date"]
    of_holiday = isinstance(given, Mapping)
    names = given["holiday"] if of_holiday else None
    by_country = names if isinstance(names, Mapping) else {}
    value = None if of_holiday else Value(given, DATE_DECLARATIONS)
    yearly = form.get("repeat", "yearly" if of_holiday else "once") == "yearly"
    return DatePattern(
        value=value,
        holiday=Holiday(names, given["country"]) if isinstance(names, str) else None,
        holidays={country: Holiday(name, country) for country, name in by_country.items()},
        offset_days=form.get("offset", 0),
        at_minutes=minutes_of(form.get("at", DATE_AT_DEFAULT)),
        yearly=yearly,
        replenishes=value is not None and not yearly and reads_replenishment(value.references),
    )
