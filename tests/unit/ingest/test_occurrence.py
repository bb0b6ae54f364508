"""When an event happened: skew, clamping, plausibility. The clocks of the tests lie years apart."""

from typing import Any

import pytest

from ingest.core.outcomes import Limits
from schemas.instants import format_instant, parse_instant
from tests.unit.ingest.calls import MACHINE_NOW, NOW, accepted, rejected

TRACK = {"userId": "42", "event": "Product Added"}


def track(**times: Any) -> dict[str, Any]:
    return TRACK | times


def sent(ago_ms: int) -> str:
    """A `sentAt` as a clock writes it that is `ago_ms` behind the machine's."""
    return format_instant(MACHINE_NOW - ago_ms)


@pytest.mark.parametrize(
    ("times", "occurred_at"),
    [
        ({}, "2026-11-22T17:00:00.000Z"),
        ({"timestamp": "2026-11-22T16:00:00Z"}, "2026-11-22T16:00:00.000Z"),
        ({"timestamp": "2026-11-22T16:00:00.123456+00:00"}, "2026-11-22T16:00:00.123Z"),
        ({"timestamp": "2026-11-22T16:00:00"}, "2026-11-22T16:00:00.000Z"),
        ({"timestamp": 1795363200}, "2026-11-22T16:00:00.000Z"),
        ({"timestamp": 1795363200123}, "2026-11-22T16:00:00.123Z"),
        ({"originalTimestamp": "2026-11-22T16:00:00Z"}, "2026-11-22T16:00:00.000Z"),
        (
            {"timestamp": "2026-11-22T16:00:00Z", "originalTimestamp": "2026-11-22T15:00:00Z"},
            "2026-11-22T16:00:00.000Z",
        ),
        # Only the way here: the client's time stands.
        ({"timestamp": "2026-11-22T16:00:00Z", "sentAt": sent(999)}, "2026-11-22T16:00:00.000Z"),
        ({"timestamp": "2026-11-22T16:00:00Z", "sentAt": sent(-999)}, "2026-11-22T16:00:00.000Z"),
        # A client's clock an hour behind, and one an hour ahead.
        ({"timestamp": "2026-11-22T15:00:00Z", "sentAt": sent(3_600_000)}, "2026-11-22T16:00:00.000Z"),
        ({"timestamp": "2026-11-22T17:00:00Z", "sentAt": sent(-3_600_000)}, "2026-11-22T16:00:00.000Z"),
        # Without a readable sentAt, no correction.
        ({"timestamp": "2026-11-22T16:00:00Z", "sentAt": "now"}, "2026-11-22T16:00:00.000Z"),
        ({"timestamp": "2026-11-22T16:00:00Z", "sentAt": None}, "2026-11-22T16:00:00.000Z"),
        # An unset clock that says 1970 in both is corrected, not rejected.
        (
            {"timestamp": "1970-01-01T00:00:10Z", "sentAt": "1970-01-01T00:01:10Z"},
            format_instant(min(NOW, MACHINE_NOW - 60_000)),
        ),
        # sentAt without a timestamp says nothing.
        ({"sentAt": sent(3_600_000)}, "2026-11-22T17:00:00.000Z"),
    ],
)
def test_segment_times(times: dict[str, Any], occurred_at: str) -> None:
    assert accepted(track(**times), "track").record.occurred_at == occurred_at


def test_the_tolerance_is_a_limit() -> None:
    message = track(timestamp="2026-11-22T16:00:00Z", sentAt=sent(5))
    exact = accepted(message, "track", Limits(skew_tolerance_ms=0))
    assert exact.record.occurred_at == "2026-11-22T16:00:00.005Z"


def test_the_batch_says_sent_at_once_and_a_message_may_say_its_own() -> None:
    message = track(timestamp="2026-11-22T15:00:00Z", type="track")
    shared = accepted({"sentAt": sent(3_600_000), "batch": [message]}, "batch")
    assert shared.record.occurred_at == "2026-11-22T16:00:00.000Z"
    own = accepted({"sentAt": sent(3_600_000), "batch": [message | {"sentAt": sent(1_800_000)}]}, "batch")
    assert own.record.occurred_at == "2026-11-22T15:30:00.000Z"


@pytest.mark.parametrize("timestamp", ["2100-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", 10**300])
def test_the_future_is_clamped(timestamp: object) -> None:
    record = accepted(track(timestamp=timestamp), "track").record
    assert record.occurred_at == record.received_at == "2026-11-22T17:00:00.000Z"
    assert record.context["clamped_from"] == str(timestamp)[:64]


def test_a_correction_into_the_future_is_clamped() -> None:
    record = accepted(track(timestamp="2026-11-22T16:59:00Z", sentAt=sent(3_600_000)), "track").record
    assert record.occurred_at == "2026-11-22T17:00:00.000Z"
    assert record.context["clamped_from"] == "2026-11-22T16:59:00Z"


@pytest.mark.parametrize(
    "timestamp",
    ["1970-01-01T00:00:00Z", "1999-12-31T23:59:59.999Z", "0001-01-01T00:00:00+14:00", 0, -1, 12.5],
)
def test_before_2000_is_rejected(timestamp: object) -> None:
    assert rejected(track(timestamp=timestamp), "track").code == "implausible_timestamp"


def test_2000_is_taken() -> None:
    first = accepted(track(timestamp="2000-01-01T00:00:00Z"), "track").record
    assert parse_instant(first.occurred_at) == parse_instant("2000-01-01T00:00:00Z")
