"""Moments of stories: dates with a time as people write them, and moments as the timeline shows them."""

from datetime import UTC, datetime

from schemas.instants import Instant, datetime_of, instant_of
from trigger_engine.core.durations import format_duration


def since(start: Instant, at: Instant) -> str:
    """A moment as stories write it: `+2d45m`."""
    sign = "-" if at < start else "+"
    return sign + format_duration(abs(at - start))


def read_date(value: object) -> Instant | None:
    """`2026-03-02 09:00`, in UTC unless it names a zone."""
    if not isinstance(value, str) or len(value) < len("2026-03-02 09:00"):
        return None
    try:
        moment = datetime.fromisoformat(value)
        instant = instant_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        datetime_of(instant)  # by another zone's clock it may lie before year 1 or beyond 9999
        return instant
    except (ValueError, OverflowError):
        return None
