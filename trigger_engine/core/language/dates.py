"""Instants and dates of the calendar, and time zones by name.

A date is the whole day in the policy's zone: `from` is its first instant, `to` the first one after it. In
normal form both are instants (`2026-11-26T21:00:00.000Z`), and `to` is not part of the interval.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from schemas.instants import DAY_MS, MINUTE_MS, Instant, format_instant, instant_of, parse_instant
from trigger_engine.core.cel import EvaluationError, Timestamp
from trigger_engine.core.cel.temporal import check_zone, local_ms
from trigger_engine.core.language.problems import Check, Path, nearest, shown

YEARS = (2000, 2100)
_LOCAL = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{1,2}):(\d{2}))?", re.ASCII)
_ZONE = re.compile(r"[A-Za-z]", re.ASCII)


def known_zone(value: object) -> bool:
    """Whether it is the name of a time zone; an offset such as +03:00 is none."""
    if not isinstance(value, str) or not _ZONE.match(value):
        return False
    try:
        check_zone(value)
    except EvaluationError:
        return False
    return True


def zone(check: Check, path: Path, value: Any) -> str:
    """`Europe/Istanbul`."""
    if known_zone(value):
        return str(value)
    suggestion = "write Europe/Istanbul, Asia/Baku or another name of the IANA list"
    if isinstance(value, str):
        ends = {name.rpartition("/")[2].lower(): name for name in _zone_names()}
        city = ends.get(value.strip().lower().replace(" ", "_"))
        found = f"did you mean {city!r}?" if city else nearest(value.strip(), _zone_names())
        suggestion = found or suggestion
    check.say(path, f"{shown(value)} is no time zone", suggestion)
    return "UTC"


@lru_cache(maxsize=1)
def _zone_names() -> tuple[str, ...]:
    """The names in use today, without those kept for old times' sake."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    return tuple(line.split("\t")[2] for line in table.splitlines() if line and line[0] != "#")


def first_instant(local: int, zone: str) -> Instant:
    """The instant when clocks of the zone show this time (given as if it were UTC), the first of two.

    A time that clocks leap over is the first instant after the leap.
    """
    offsets = {local_ms(Timestamp(local + shift), zone) - local - shift for shift in (-DAY_MS, DAY_MS)}
    for instant in sorted(local - offset for offset in offsets):
        if local_ms(Timestamp(instant), zone) == local:
            return instant
    low, high = local - max(offsets), local - min(offsets)
    while high - low > 1:
        middle = (low + high) // 2
        if local_ms(Timestamp(middle), zone) < local:
            low = middle
        else:
            high = middle
    return high


class Moments:
    """Reads the calendar's dates in the policy's zone."""

    def __init__(self, check: Check, zone: str) -> None:
        self._check = check
        self._zone = zone

    def begin(self, path: Path, value: Any) -> str:
        """The first instant of a day, or the instant itself."""
        return self._text(path, value, days_after=0)

    def end(self, path: Path, value: Any) -> str:
        """The first instant after a day, or the instant itself."""
        return self._text(path, value, days_after=1)

    def _text(self, path: Path, value: Any, days_after: int) -> str:
        try:
            instant = self._instant(value, days_after)
        except (ValueError, OverflowError):
            said = "write 2026-11-27, 2026-11-27 10:00 or 2026-11-27T10:00:00Z"
            self._check.say(path, f"{shown(value)} is no date", said)
            return ""
        first, last = (instant_of(datetime(year, 1, 1, tzinfo=UTC)) for year in YEARS)
        if not first <= instant < last:
            said = f"{shown(value)} is out of bounds; years {YEARS[0]} to {YEARS[1] - 1} are possible"
            self._check.say(path, said)
            return ""
        return format_instant(instant)

    def _instant(self, value: Any, days_after: int) -> Instant:
        """Raises ValueError or OverflowError if it is none."""
        if not isinstance(value, str):
            raise ValueError("no text")
        match = _LOCAL.fullmatch(value)
        if match is None:
            return parse_instant(value)
        day = instant_of(datetime.fromisoformat(match[1]).replace(tzinfo=UTC))
        if match[2] is None:
            return first_instant(day + days_after * DAY_MS, self._zone)
        hours, minutes = int(match[2]), int(match[3])
        if hours > 23 or minutes > 59:
            raise ValueError("no time of day")
        return first_instant(day + (hours * 60 + minutes) * MINUTE_MS, self._zone)
