"""Single values: ids, choices, durations, percentages, clock times, numbers, lists of event types.

Each reader takes the collector, the path and the value as it stands in the file or in a normal form, and
gives the normal form back: `90m` becomes `1h30m`, `12.5%` becomes 1250 basis points, `9:00` becomes `09:00`.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from unicodedata import combining, normalize

from schemas.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from trigger_engine.core.durations import format_duration, parse_duration
from trigger_engine.core.language.problems import Check, Path, nearest, out_of_place, shown
from trigger_engine.core.limits import DURATION_MAX_MS

T = TypeVar("T")

WHOLE = 10_000
"""Basis points of 100%."""

LISTED_MAX = 50
"""Event types, clauses or triggers in one list; the shipped files name three."""

_ID = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)
_FILE_ENDING = re.compile(r"\.(mjml|html|txt|ya?ml)$")
_LETTERS = str.maketrans("ıİəƏ", "iiee")
_EVENT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_PERCENTAGE = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))? ?%", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_DAYS = re.compile(r"([+-]?)(\d{1,4})d", re.ASCII)
_SPANS = re.compile(
    r"(?:\d{1,6}(?:[.,]\d{1,3})? ?(?:w|d|h|m|s|weeks?|days?|hours?|hrs?|minutes?|mins?|seconds?|secs?) ?)+",
    re.ASCII,
)
_SPAN = re.compile(r"(\d{1,6}(?:[.,]\d{1,3})?) ?([a-z])[a-z]*", re.ASCII)
_UNITS = {"w": 7 * DAY_MS, "d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS, "s": SECOND_MS}


def whole(value: object) -> bool:
    """Whether it is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def listed(
    check: Check, path: Path, value: Any, of: Callable[[Path, Any], T], most: int = LISTED_MAX
) -> list[T]:
    """One value or a list of them, as a list."""
    if not isinstance(value, list):
        return [of(path, value)]
    if not value:
        check.say(path, "the list is empty", "name at least one, or remove the field")
    if len(value) > most:
        check.say(path, f"{len(value)} entries are too many; at most {most}")
        return []
    return [of((*path, position), item) for position, item in enumerate(value)]


def identifier(
    check: Check, path: Path, value: Any, example: str = "cart-abandoned", what: str = "id"
) -> str:
    """An id of a trigger, segment, step, template, pool or campaign."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    suggestion = None
    if isinstance(value, str):
        plain = re.sub(r"[^a-z0-9]+", "-", _ascii(_FILE_ENDING.sub("", value.strip()))).strip("-")
        suggestion = f"did you mean {plain!r}?" if _ID.fullmatch(plain) and "\n" not in value else None
        suggestion = out_of_place(value) or suggestion
    said = "64 characters at most" if isinstance(value, str) and len(value) > 64 else f"as {example}"
    rule = "use small letters, digits and hyphens, a letter first"
    check.say(path, f"{shown(value)} is no {what}; {rule}, {said}", suggestion)
    return ""


def template(check: Check, path: Path, value: Any) -> str:
    """The name of a template."""
    return identifier(check, path, value, "cart-reminder", "name of a template")


def _ascii(text: str) -> str:
    """Small letters without their marks: `Hatırlatma` becomes `hatirlatma`."""
    plain = normalize("NFKD", text.translate(_LETTERS)).lower()
    return "".join(each for each in plain if not combining(each))


def choice(check: Check, path: Path, value: Any, known: tuple[str, ...]) -> str:
    """One of a few words."""
    if isinstance(value, str) and value in known:
        return value
    allowed = f"{', '.join(known[:-1])} or {known[-1]}" if len(known) > 1 else known[0]
    check.say(path, f"{shown(value)} is not allowed here; use {allowed}", nearest(str(value), known))
    return known[0]


def duration(check: Check, path: Path, value: Any) -> str:
    """`45m`, `1d12h`: longer than nothing, at most 400 days."""
    if not isinstance(value, str):
        if whole(value) or isinstance(value, float):
            example = (
                f"{value}m, {value}h or {value}d" if whole(value) and 0 < value <= 400 else "45m, 24h or 7d"
            )
            check.say(path, f"{shown(value)} is no duration: the unit is missing", f"write {example}")
        else:
            check.say(path, f"{shown(value)} is no duration", "write 45m, 24h, 7d or 2d12h")
        return ""
    try:
        ms = parse_duration(value)
    except ValueError:
        check.say(path, f"{shown(value)} is no duration", _meant_duration(value))
        return ""
    if not 0 < ms <= DURATION_MAX_MS:
        longest = format_duration(DURATION_MAX_MS)
        check.say(path, f"{shown(value)} must be longer than nothing and at most {longest}")
        return ""
    return format_duration(ms)


def _meant_duration(value: str) -> str:
    """What to write instead of `1.5h`, `2 weeks`, `1D`."""
    text = value.strip().lower()
    if len(text) <= 64 and _SPANS.fullmatch(text):
        spans = [(float(count.replace(",", ".")), _UNITS[unit]) for count, unit in _SPAN.findall(text)]
        ms = round(sum(count * length for count, length in spans))
        if 0 < ms <= DURATION_MAX_MS and ms % SECOND_MS == 0:
            return f"did you mean {format_duration(ms)!r}?"
    hint = "write days, hours, minutes, seconds as 45m, 24h, 7d or 2d12h"
    return f"{hint}; 30d for a month" if "mo" in text else hint


def days(check: Check, path: Path, value: Any, lowest: int, highest: int) -> int:
    """Whole days: `-7d` in files, -7 in normal form."""
    count = None
    if whole(value) and not check.written:
        count = int(value)
    elif isinstance(value, str) and (match := _DAYS.fullmatch(value)):
        count = int(match[2]) * (-1 if match[1] == "-" else 1)
    if count is None:
        said = f"write {value}d" if whole(value) else f"write {'-7d' if lowest < 0 else '30d'}"
        check.say(path, f"{shown(value)} is no number of whole days", said)
        return 0
    if not lowest <= count <= highest:
        check.say(path, f"{count} days are out of bounds; {lowest}d to {highest}d are possible")
    return count


def percentage(check: Check, path: Path, value: Any) -> int:
    """`10%` in files, 1000 basis points in normal form; from nothing to less than the whole, or all of it."""
    if whole(value) and not check.written:
        points = int(value)
    elif isinstance(value, str) and (match := _PERCENTAGE.fullmatch(value)):
        points = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    else:
        example = f"{value}%" if whole(value) and 0 <= value <= 100 else "10%"
        check.say(path, f"{shown(value)} is no percentage", f"write {example}, with at most two decimals")
        return 0
    if not 0 <= points <= WHOLE:
        check.say(path, f"{shown(value)} is out of bounds; 0% to 100% are possible")
        return 0
    return points


def clock(check: Check, path: Path, value: Any) -> str:
    """`09:00`, local time of the recipient."""
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        check.say(path, f"{shown(value)} is no time of day", 'write "09:00" or "21:30"')
        return "00:00"
    return f"{int(match[1]):02d}:{match[2]}"


def integer(check: Check, path: Path, value: Any, lowest: int, highest: int) -> int:
    """A whole number within bounds."""
    if whole(value) and lowest <= value <= highest:
        return int(value)
    check.say(path, f"{shown(value)} is not allowed here; write a whole number from {lowest} to {highest}")
    return lowest


def number(check: Check, path: Path, value: Any, *, above_zero: bool = False) -> int | float:
    """Any number that JSON can write; whole ones without a point."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        check.say(path, f"{shown(value)} is no number", "write 100 or 99.5")
        return 1
    if above_zero and value <= 0:
        check.say(path, f"{value} must be more than 0")
        return 1
    if abs(value) > 1e12:
        check.say(path, f"{shown(value)} is too large; at most 1000000000000")
        return 1
    return int(value) if value == int(value) else value


def text(check: Check, path: Path, value: Any, longest: int, what: str) -> str:
    """Text of a bounded length, not empty."""
    if isinstance(value, str) and value.strip() and len(value) <= longest:
        return value.strip()
    check.say(path, f"{shown(value)} is no {what}; write a text of 1 to {longest} characters")
    return ""


def code(check: Check, path: Path, value: Any) -> str:
    """An offer's code, as shoppers type it."""
    if whole(value) and value >= 0:
        return str(value)
    if isinstance(value, str) and _CODE.fullmatch(value):
        return value
    check.say(path, f"{shown(value)} is no code; use letters, digits, - and _, at most 64, as SPRING10")
    return ""


def name(check: Check, path: Path, value: Any, what: str) -> str:
    """A name in snake case: an event type, a preference."""
    if isinstance(value, str) and _EVENT_TYPE.fullmatch(value):
        return value
    suggestion = None
    if isinstance(value, str):
        snake = re.sub(r"[^a-z0-9]+", "_", _ascii(value.strip())).strip("_")
        suggestion = (
            f"did you mean {snake!r}?" if _EVENT_TYPE.fullmatch(snake) and "\n" not in value else None
        )
        suggestion = out_of_place(value) or suggestion
    check.say(
        path, f"{shown(value)} is no {what}", suggestion or "small letters, digits and _, a letter first"
    )
    return ""


def event_type(check: Check, path: Path, value: Any) -> str:
    """`order_completed`."""
    return name(check, path, value, "event type, as order_completed")


def event_types(check: Check, path: Path, value: Any) -> list[str]:
    """One event type or several, each named once."""
    types = listed(check, path, value, lambda at, item: event_type(check, at, item))
    once(check, path, types, value)
    return types


def once(check: Check, path: Path, names: Iterable[str], value: Any) -> None:
    """No name stands twice in a list."""
    seen: set[str] = set()
    for position, each in enumerate(names):
        if each and each in seen:
            at = (*path, position) if isinstance(value, list) else path
            check.say(at, f"{each!r} is named twice", "remove one of them")
        seen.add(each)


def by_variant(
    check: Check, path: Path, value: Any, variants: frozenset[str], read: Callable[[Check, Path, Any], str]
) -> Any:
    """One value, or one for each variant that the experiment names."""
    if not isinstance(value, Mapping):
        return read(check, path, value)
    if not variants:
        said = "values by variant need an experiment with variants"
        check.say(path, said, "add experiment: {variants: {a: 50%, b: 50%}}")
    else:
        check.names(path, value, sorted(variants))
        for missing in sorted(variants - set(value)):
            check.say(path, f"the variant {missing!r} is missing", f"add {missing}:")
    return {str(name): read(check, (*path, str(name)), each) for name, each in value.items()}
