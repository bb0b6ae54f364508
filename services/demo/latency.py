"""Latencies in the machine's time, from the broker's stamps and the arrivals at the catcher.

Only what an event caused counts as event → decision; a mail that a wake-up sent is measured from the tick of
the clock that woke it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from schemas.clock import ClockTick
from schemas.instants import Instant, instant_of
from services.demo.reading import Observed


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds between two things, over `count` of them."""

    name: str
    count: int
    p50: int
    p95: int
    p99: int
    longest: int


def latencies(observed: Observed) -> list[Latency]:
    """event → decision, event → SMTP, tick → decision, tick → SMTP, those of them that there are."""
    appended = {(each.partition, each.offset): each.appended_at for each, _ in observed.events}
    ticked = _first_ticks(observed)
    arrived = {mail.send_id: mail.arrived_at for mail in observed.mails}
    found: dict[str, list[int]] = {}
    for record, decision in observed.decisions:
        cause = decision.cause
        if cause.kind == "event":
            start, begun_at = "event", appended.get((cause.partition, cause.offset))
        else:
            start, begun_at = "due", ticked.get(instant_of(decision.decided_at))
        if begun_at is None:
            continue
        found.setdefault(f"{start} → decision", []).append(record.appended_at - begun_at)
        if decision.outcome == "fired" and decision.send_id in arrived:
            found.setdefault(f"{start} → SMTP", []).append(arrived[decision.send_id] - begun_at)
    return [_latency(name, values) for name, values in sorted(found.items(), reverse=True)]


def percentile(ordered: Sequence[int], percent: int) -> int:
    """The nearest-rank percentile of values in order, of which there is at least one."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def _latency(name: str, values: list[int]) -> Latency:
    ordered = sorted(values)
    p50, p95, p99 = (percentile(ordered, percent) for percent in (50, 95, 99))
    return Latency(name, len(ordered), p50, p95, p99, ordered[-1])


def _first_ticks(observed: Observed) -> dict[Instant, Instant]:
    """When the clock came to each of its instants, in the machine's time."""
    ticked: dict[Instant, Instant] = {}
    for record in observed.ticks:
        ticked.setdefault(instant_of(ClockTick.model_validate_json(record.value).now), record.appended_at)
    return ticked
