"""When an event happened.

Segment's rule for wrong client clocks: `sentAt` was written by the same clock as `timestamp`, so the
difference to the machine's own time at arrival is that clock's error (plus the way here), and
`occurred_at = timestamp + (machine_now - sentAt)`. Below a tolerance it is the way alone and the
client's time is kept: events of one shopper must not move by milliseconds from request to request.

Nothing happens after it was received: later instants are clamped. Nothing happened before 2000 either:
such a timestamp is a unit error (seconds for milliseconds) or an unset clock, and is rejected, because
guessing an instant could start or silence a mail.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingest.core.outcomes import Unacceptable
from schemas.instants import Instant, format_instant, instant_of, parse_instant

EARLIEST_AT: Instant = parse_instant("2000-01-01T00:00:00Z")
_SECONDS_BELOW = 100_000_000_000
"""A smaller number is taken for seconds (as ms it would lie before 1973-03), a larger one for ms."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The instant that a client states, corrected for its clock; `text` as it was written."""

    at: Instant
    text: str


def claim_native(value: Any) -> Claim | None:
    """A native event's `occurred_at`: RFC 3339 with a zone, or absent.

    Raises Unacceptable `bad_timestamp`.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return Claim(parse_instant(value), value)
        except ValueError as error:
            raise _bad_timestamp("occurred_at", value) from error
    raise _bad_timestamp("occurred_at", value)


def claim_segment(value: Any, sent_at: Any, machine_now: Instant, skew_tolerance_ms: int) -> Claim | None:
    """A Segment message's time, corrected. An unreadable `sentAt` corrects nothing.

    Raises Unacceptable `bad_timestamp` if the timestamp itself can't be read.
    """
    if value is None or value == "":
        return None
    stated_at = _lenient_instant(value)
    if stated_at is None:
        raise _bad_timestamp("timestamp", value)
    text = value if isinstance(value, str) else repr(value)
    sent = _lenient_instant(sent_at)
    skew_ms = 0 if sent is None else machine_now - sent
    return Claim(stated_at if abs(skew_ms) < skew_tolerance_ms else stated_at + skew_ms, text)


def settle(claim: Claim | None, received_at: Instant) -> tuple[Instant, str | None]:
    """(occurred_at, the claimed text where it had to be clamped).

    Raises Unacceptable `implausible_timestamp`.
    """
    if claim is None:
        return received_at, None
    if claim.at < EARLIEST_AT:
        raise Unacceptable(
            "implausible_timestamp",
            f"the event is dated {claim.text[:40]!r}, before {format_instant(EARLIEST_AT)[:10]}: "
            "is it in seconds, or the clock unset? Send history with its true time",
        )
    if claim.at > received_at:
        return received_at, claim.text[:64]
    return claim.at, None


def _lenient_instant(value: Any) -> Instant | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not math.isfinite(value):
            return None
        return int(value * 1000) if abs(value) < _SECONDS_BELOW else int(value)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return instant_of(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _bad_timestamp(field: str, value: Any) -> Unacceptable:
    shown = value[:40] if isinstance(value, str) else type(value).__name__
    return Unacceptable(
        "bad_timestamp",
        f"{field} {shown!r} is no RFC 3339 timestamp with a time zone: write it as 2026-11-22T16:52:03.120Z",
    )
