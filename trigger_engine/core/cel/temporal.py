"""Timestamps and durations: their text forms (RFC 3339, `1h30m`) and their accessors.

The forms accepted are those of the official engine; digits finer than a millisecond are cut. Zones come from
the `tzdata` package alone, never from the machine, so that every process answers alike.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from trigger_engine.core.cel.errors import EvaluationError
from trigger_engine.core.cel.limits import CONVERTED_CHARS_MAX
from trigger_engine.core.cel.values import Duration, Timestamp, duration_of, timestamp_of

_DAY_MS: Final = 86_400_000
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_TIMESTAMP: Final = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?"
    r"(?:[Zz]|([+-])(\d{2})(?::?(\d{2}))?)\s*",
    re.ASCII,
)
_DURATION: Final = re.compile(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|ms|s|m|h))+)", re.ASCII)
_DURATION_PART: Final = re.compile(r"(\d*)\.?(\d*)(ns|us|ms|s|m|h)", re.ASCII)
_UNIT_NS: Final = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_OFFSET: Final = re.compile(r"([+-]?)(\d{1,2}):([0-5]\d)", re.ASCII)
_ZONE: Final = re.compile(r"[A-Z][A-Za-z0-9_+\-]*(?:/[A-Za-z][A-Za-z0-9_+\-]*)*", re.ASCII)


def parse_timestamp(text: str) -> Timestamp:
    """RFC 3339, as in 2024-05-31T09:00:00Z or with +03:00. Raises EvaluationError."""
    match = _TIMESTAMP.fullmatch(text) if len(text) <= CONVERTED_CHARS_MAX else None
    if match is None:
        raise EvaluationError(f"{_cut(text)} is not a timestamp like 2024-05-31T09:00:00Z")
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    offset_hours, offset_minutes = int(match[9] or 0), int(match[10] or 0)
    # 60 is a leap second, which becomes the first of the next minute.
    if hour > 23 or minute > 59 or second > 60 or offset_hours > 23 or offset_minutes > 59:
        raise EvaluationError(f"{_cut(text)} is not a time of day")
    try:
        days = date(year, month, day).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        raise EvaluationError(f"{_cut(text)} is not a date") from None
    milliseconds = int((match[7] or "")[:3].ljust(3, "0"))
    offset_s = (offset_hours * 3600 + offset_minutes * 60) * (-1 if match[8] == "-" else 1)
    seconds = hour * 3600 + minute * 60 + second - offset_s
    return timestamp_of(days * _DAY_MS + seconds * 1000 + milliseconds)


def parse_duration(text: str) -> Duration:
    """A signed sequence of decimal numbers with units ns, us, ms, s, m, h. Raises EvaluationError."""
    if len(text) > CONVERTED_CHARS_MAX or _DURATION.fullmatch(text) is None:
        raise EvaluationError(f"{_cut(text)} is not a duration like 45m, 24h or 1h30m")
    nanoseconds = 0
    for whole, fraction, unit in _DURATION_PART.findall(text):
        scale = 10 ** len(fraction)
        nanoseconds += int(whole + fraction) * _UNIT_NS[unit] // scale
    milliseconds = nanoseconds // 1_000_000
    return duration_of(-milliseconds if text[0] == "-" else milliseconds)


def _cut(text: str) -> str:
    return repr(text if len(text) <= CONVERTED_CHARS_MAX else text[:CONVERTED_CHARS_MAX] + "…")


def format_timestamp(value: Timestamp) -> str:
    days, in_day = divmod(value.ms, _DAY_MS)
    seconds, ms = divmod(in_day, 1000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{date.fromordinal(days + _EPOCH_ORDINAL).isoformat()}T{clock}{f'.{ms:03d}' if ms else ''}Z"


def format_duration(value: Duration) -> str:
    seconds, ms = divmod(abs(value.ms), 1000)
    return f"{'-' if value.ms < 0 else ''}{seconds}{f'.{ms:03d}' if ms else ''}s"


def _date(local_ms: int) -> date:
    try:
        return date.fromordinal(local_ms // _DAY_MS + _EPOCH_ORDINAL)
    except (ValueError, OverflowError):
        raise EvaluationError("a local date lies outside the years 1 to 9999") from None


TIMESTAMP_ACCESSORS: Final[dict[str, Callable[[int], int]]] = {
    "getFullYear": lambda ms: _date(ms).year,
    "getMonth": lambda ms: _date(ms).month - 1,
    "getDate": lambda ms: _date(ms).day,
    "getDayOfMonth": lambda ms: _date(ms).day - 1,
    "getDayOfWeek": lambda ms: (ms // _DAY_MS + 4) % 7,
    "getDayOfYear": lambda ms: _date(ms).timetuple().tm_yday - 1,
    "getHours": lambda ms: ms // 3_600_000 % 24,
    "getMinutes": lambda ms: ms // 60_000 % 60,
    "getSeconds": lambda ms: ms // 1000 % 60,
    "getMilliseconds": lambda ms: ms % 1000,
}
"""Local epoch ms to number. Months, days of month and of year count from 0, `getDate` from 1, Sunday is 0."""

DURATION_ACCESSORS: Final[dict[str, Callable[[int], int]]] = {
    "getHours": lambda ms: _towards_zero(ms, 3_600_000),
    "getMinutes": lambda ms: _towards_zero(ms, 60_000),
    "getSeconds": lambda ms: _towards_zero(ms, 1000),
    "getMilliseconds": lambda ms: ms - _towards_zero(ms, 1000) * 1000,
}
"""The whole span in that unit; milliseconds alone are the rest of the last second."""


def _towards_zero(ms: int, unit_ms: int) -> int:
    return ms // unit_ms if ms >= 0 else -(-ms // unit_ms)


def local_ms(value: Timestamp, zone: str) -> int:
    """The wall clock of a zone (`Europe/Istanbul`, `+03:00`) as if it were UTC. Raises EvaluationError."""
    offset = _offset_ms(zone)
    if offset is None:
        try:
            moment = (_EPOCH + timedelta(milliseconds=value.ms)).astimezone(_zone(zone))
        except OverflowError:
            raise EvaluationError("a local date lies outside the years 1 to 9999") from None
        delta = moment.utcoffset()
        offset = 0 if delta is None else delta // timedelta(milliseconds=1)
    return value.ms + offset


def check_zone(zone: str) -> None:
    """Raises EvaluationError when there is no such zone."""
    if _offset_ms(zone) is None:
        _zone(zone)


def _offset_ms(zone: str) -> int | None:
    if not zone:
        return 0
    match = _OFFSET.fullmatch(zone)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return minutes * (-60_000 if match[1] == "-" else 60_000)


@lru_cache(maxsize=1024)
def _found_zone(name: str) -> ZoneInfo | None:
    """None is remembered as well: an unknown name in a profile must not mean a look at the disk each time."""
    if len(name) > CONVERTED_CHARS_MAX or _ZONE.fullmatch(name) is None:
        return None
    resource = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not resource.is_file():
        return None
    with resource.open("rb") as data:
        # Files beside the zones, such as leapseconds, do not begin with the magic word.
        return ZoneInfo.from_file(data, key=name) if data.read(4) == b"TZif" and not data.seek(0) else None


def _zone(name: str) -> ZoneInfo:
    zone = _found_zone(name)
    if zone is None:
        raise EvaluationError(f"{_cut(name)} is not a time zone like Europe/Istanbul or +03:00")
    return zone
