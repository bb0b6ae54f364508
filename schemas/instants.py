"""Instants: epoch milliseconds in memory, RFC 3339 in UTC with milliseconds on the wire.

One representation in memory keeps comparisons and arithmetic free of time zones; one spelling on the
wire (`2026-11-22T16:52:03.120Z`) sorts as text and is read by ClickHouse, DuckDB and Flink as it is.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

Instant: TypeAlias = int
"""Epoch milliseconds, UTC."""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

RFC_3339 = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$"
"""The spellings that are read: with seconds, with a zone, at most nanoseconds."""
RFC_3339_LENGTH = (20, 35)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def parse_instant(text: str) -> Instant:
    """Read an RFC 3339 timestamp with a zone; finer parts than milliseconds are cut.

    Raises ValueError if the text is no timestamp or names no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone; write it in UTC, as 2026-11-22T16:52:03.120Z")
    return instant_of(moment)


def instant_of(moment: datetime) -> Instant:
    """The instant of an aware datetime, in integers throughout (floats would lose milliseconds)."""
    return (moment - _EPOCH) // _MS


def datetime_of(instant: Instant, zone: timezone = UTC) -> datetime:
    """The aware datetime of an instant. Raises OverflowError outside the years 1 to 9999."""
    return (_EPOCH + timedelta(milliseconds=instant)).astimezone(zone)


@lru_cache(maxsize=4096)
def format_instant(instant: Instant) -> str:
    """`2026-11-22T16:52:03.120Z`. Cached: the decisions of a batch share their instants.

    Raises OverflowError outside the years 1 to 9999.
    """
    day, rest_ms = divmod(instant, DAY_MS)
    hour, rest_ms = divmod(rest_ms, HOUR_MS)
    minute, rest_ms = divmod(rest_ms, MINUTE_MS)
    return f"{_date(day)}T{hour:02}:{minute:02}:{rest_ms // 1000:02}.{rest_ms % 1000:03}Z"


@lru_cache(maxsize=1024)
def _date(day: int) -> str:
    """The date of a day, counted from 1970."""
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def _wire_form(moment: datetime) -> str:
    return format_instant(instant_of(moment))


_is_rfc_3339 = re.compile(RFC_3339.rstrip("$") + r"\Z").match


def _spelt_as_timestamp(value: Any) -> Any:
    """Numbers are refused: seconds taken for milliseconds would pass as a date of 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _is_rfc_3339(value)):
        return value
    raise ValueError("an instant is an RFC 3339 timestamp with a zone, as 2026-11-22T16:52:03.120Z")


WireInstant = Annotated[
    AwareDatetime,
    BeforeValidator(_spelt_as_timestamp),
    PlainSerializer(_wire_form, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": RFC_3339}),
]
"""An instant in a contract model: any RFC 3339 zone is read, UTC with milliseconds is written."""
