"""`when`: the six patterns, told apart by their first word."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import holidays

from trigger_engine.core.language import expressions, values
from trigger_engine.core.language.problems import Check, Path, nearest, shown

THRESHOLD_COUNT_MAX = 100
OFFSET_DAYS_MAX = 400
HOLIDAYS_MAX = 50

FIELDS: Mapping[str, tuple[str, ...]] = {
    "event": ("event", "where"),
    "count": ("count", "where", "per", "within", "at_least"),
    "sum": ("sum", "of", "where", "per", "within", "at_least"),
    "inactive": ("inactive", "after"),
    "date": ("date", "offset", "at", "repeat"),
    "enters": ("enters", "start_with_existing", "spread"),
    "leaves": ("leaves",),
}
"""The fields of each pattern; the first one tells which it is."""
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "count": ("within", "at_least"),
    "sum": ("of", "within", "at_least"),
}
_EXAMPLES: Mapping[str, str] = {
    "count": "{count: product_viewed, within: 7d, at_least: 3}",
    "sum": "{sum: event.properties.total, of: order_completed, within: 90d, at_least: 5000}",
}
_ALL = tuple(dict.fromkeys(name for names in FIELDS.values() for name in names))
_CALENDAR_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_COUNTRY_EXAMPLE = "TR, AZ or DE"
_HOLIDAY_YEARS = range(2020, 2036)


def pattern_of(when: object) -> str | None:
    """`event`, `count`, `sum`, `inactive`, `date`, `enters` or `leaves`; None if it is none of them."""
    if not isinstance(when, Mapping):
        return None
    return next((name for name in FIELDS if name in when), None)


def pattern(check: Check, path: Path, value: Any) -> dict[str, Any]:
    """The normal form of `when`."""
    example = "write when: {event: order_completed}"
    if not isinstance(value, Mapping):
        check.say(path, f"{shown(value)} is no pattern; when holds fields, such as event:", example)
        return {}
    found = [name for name in FIELDS if name in value]
    if not found:
        before = len(check.problems)
        check.names(path, value, _ALL)
        if not any(problem.is_slip for problem in check.problems[before:]):
            check.say(path, f"one of {', '.join(FIELDS)} must say which pattern it is", example)
        return {}
    kind = found[0]
    for other in found[1:]:
        said = f"{kind}: and {other}: are two patterns, and a trigger has one"
        check.say_key((*path, other), said, "make it two triggers")
    known = FIELDS[kind]
    for name in value:
        if name not in known and name not in found and name in _ALL:
            said = f"{name!r} does not go with {kind}:"
            check.say_key((*path, name), said, f"known here: {', '.join(known)}")
    check.names(path, {name: None for name in value if name not in _ALL}, known)
    for name in REQUIRED.get(kind, ()):
        if name not in value:
            check.say(path, f"the field {name!r} is missing", f"write {_EXAMPLES[kind]}")
    form = {name: _READERS[name](check, (*path, name), value[name], kind) for name in known if name in value}
    if kind == "enters":
        _existing(check, path, form)
    return form


def _existing(check: Check, path: Path, form: dict[str, Any]) -> None:
    if "spread" in form and not form.get("start_with_existing"):
        said = "spread acts on the customers who are in the segment already"
        check.say((*path, "spread"), said, "add start_with_existing: true, or remove it")
    if form.get("start_with_existing") is False:
        del form["start_with_existing"]


def _types(check: Check, path: Path, value: Any, kind: str) -> list[str]:
    return values.event_types(check, path, value)


def _duration(check: Check, path: Path, value: Any, kind: str) -> str:
    return values.duration(check, path, value)


def _at_least(check: Check, path: Path, value: Any, kind: str) -> int | float:
    if kind == "count":
        return values.integer(check, path, value, 1, THRESHOLD_COUNT_MAX)
    return values.number(check, path, value, above_zero=True)


def _segment(check: Check, path: Path, value: Any, kind: str) -> str:
    return values.identifier(check, path, value, "vip")


def _start_with_existing(check: Check, path: Path, value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return value
    check.say(path, f"{shown(value)} is not allowed here; use true or false")
    return False


def _date(check: Check, path: Path, value: Any, kind: str) -> Any:
    if isinstance(value, str) and _CALENDAR_DAY.fullmatch(value):
        check.say(path, f"{value} is taken for a subtraction here", f"write date: \"'{value}'\"")
        return ""
    if not isinstance(value, Mapping):
        return expressions.expression(check, path, value, expressions.DATE, "date")
    if isinstance(value.get("holiday"), Mapping):
        return _holidays(check, path, value)
    example = "date: {holiday: Republic Day, country: TR}"
    check.fields(path, value, ("holiday", "country"), ("holiday", "country"), example)
    form = {}
    if "country" in value:
        form["country"] = _country(check, (*path, "country"), value["country"])
    if "holiday" in value:
        form["holiday"] = values.text(check, (*path, "holiday"), value["holiday"], 100, "holiday")
    if check.written and form.get("country") and form.get("holiday"):
        _known_holiday(check, (*path, "holiday"), form["holiday"], form["country"])
    return form


def _holidays(check: Check, path: Path, value: Mapping[str, Any]) -> dict[str, Any]:
    """A holiday for each of several countries."""
    example = "date: {holiday: {TR: Eid al-Fitr, US: Thanksgiving Day}}"
    check.fields(path, value, ("holiday",), ("holiday",), example)
    path = (*path, "holiday")
    given = value["holiday"]
    if not 1 <= len(given) <= HOLIDAYS_MAX:
        said = f"{len(given)} countries stand here; there may be 1 to {HOLIDAYS_MAX}"
        check.say(path, said, f"write {example}")
    form = {}
    for key, name in given.items():
        at = (*path, str(key))
        country = _country(check, at, key)
        form[country] = values.text(check, at, name, 100, "holiday")
        if check.written and country and form[country]:
            _known_holiday(check, at, form[country], country)
    return {"holiday": form}


def _country(check: Check, path: Path, value: Any) -> str:
    if isinstance(value, bool):
        # YAML reads Norway's NO as false.
        check.say(path, "YAML reads NO as false", 'put it in quotes: "NO"')
        return ""
    known = countries()
    if isinstance(value, str) and value in known:
        return value
    suggestion = None
    if isinstance(value, str) and value.upper() in known:
        suggestion = f"did you mean {value.upper()!r}?"
    said = f"{shown(value)} is no country of two letters whose holidays are known, as {_COUNTRY_EXAMPLE}"
    check.say(path, said, suggestion)
    return ""


def _known_holiday(check: Check, path: Path, name: str, country: str) -> None:
    """Asked of files only: a published set stays good if the next list of feasts spells one differently."""
    known = holiday_names(country)
    if name not in known:
        listed = f"known there: {', '.join(sorted(known)[:15])}" if known else None
        check.say(path, f"{country} has no holiday {shown(name)}", nearest(name, known) or listed)


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """ISO 3166 codes of two letters."""
    return frozenset(each for each in holidays.list_supported_countries() if len(each) == 2)


@lru_cache(maxsize=32)
def holiday_names(country: str) -> frozenset[str]:
    """The English names of a country's holidays in these years; not the days off that replace them."""
    known = holidays.country_holidays(country, years=_HOLIDAY_YEARS, language="en_US", observed=False)
    names = (name.removesuffix(" (estimated)") for day in known.values() for name in day.split("; "))
    return frozenset(name for name in names if "(" not in name)


_READERS: Mapping[str, Callable[[Check, Path, Any, str], Any]] = {
    "event": _types,
    "where": lambda check, path, value, kind: expressions.condition(check, path, value, expressions.EVENT),
    "count": _types,
    "sum": lambda check, path, value, kind: expressions.expression(
        check, path, value, expressions.EVENT, "sum"
    ),
    "of": _types,
    "per": lambda check, path, value, kind: expressions.expression(
        check, path, value, expressions.EVENT, "per"
    ),
    "within": _duration,
    "at_least": _at_least,
    "inactive": _duration,
    "after": lambda check, path, value, kind: values.event_type(check, path, value),
    "date": _date,
    "offset": lambda check, path, value, kind: values.days(
        check, path, value, -OFFSET_DAYS_MAX, OFFSET_DAYS_MAX
    ),
    "at": lambda check, path, value, kind: values.clock(check, path, value),
    "repeat": lambda check, path, value, kind: values.choice(check, path, value, ("yearly", "once")),
    "enters": _segment,
    "leaves": _segment,
    "start_with_existing": _start_with_existing,
    "spread": _duration,
}
