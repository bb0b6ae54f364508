"""A steady stream of new events, and how long their outputs take."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import Producer

from benchmarks.job_log import LogPlan, LogRecord, live_records
from benchmarks.kafka_log import PARTITIONER, QUIET, TIMEOUT_S
from schemas.topics import EVENTS

LEAD_S = 0.5
NOT_COUNTED_S = 2.0
"""At the beginning, while what fell due since the log's end is worked off."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Events a second, for so long."""

    events_per_s: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles, in milliseconds, over so many orders. `missing`: those without an output, who count as
    taking longest; None: it is one of them."""

    orders: int
    missing: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Stream(threading.Thread):
    """Produces the events at their times; `produced_at` is the instant before each order's."""

    def __init__(self, kafka: str, plan: LogPlan, pace: Pace, number: int) -> None:
        super().__init__(daemon=True)
        count = round(pace.events_per_s * pace.seconds)
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                **QUIET,
                "enable.idempotence": True,
                "linger.ms": 0,
                "partitioner": PARTITIONER,
            }
        )
        making_s = count * 30e-6
        self._begins_at = time.time() + LEAD_S + making_s
        self._times = [self._begins_at + number / pace.events_per_s for number in range(count)]
        received = (round(at * 1000) for at in self._times)
        self._events: list[LogRecord] = list(live_records(plan, received, number))
        self.produced_at: dict[str, float] = {}

    def run(self) -> None:
        """Produce them all."""
        for at, (key, value) in zip(self._times, self._events, strict=True):
            if (wait_s := at - time.time()) > 0:
                time.sleep(wait_s)
            order_id = order_in(value)
            if order_id is not None and at >= self._begins_at + NOT_COUNTED_S:
                self.produced_at.setdefault(order_id, time.time())
            self._producer.produce(EVENTS, value, key)
            self._producer.poll(0)
        self._producer.flush(TIMEOUT_S)


def order_in(value: bytes) -> str | None:
    """The order that an event completes, read without decoding it."""
    if b'"order_completed"' not in value:
        return None
    return value.partition(b'"order_id":"')[2].partition(b'"')[0].decode()


def latency_of(produced_at: Mapping[str, float], orders: Iterable[tuple[str, float]]) -> Latency | None:
    """From production to the first output of each order; None if there was no order."""
    first_seen: dict[str, float] = {}
    for order_id, seen_at in orders:
        if order_id in produced_at:
            first_seen.setdefault(order_id, seen_at)
    if not produced_at:
        return None
    count, missing = len(produced_at), len(produced_at) - len(first_seen)
    took_ms: list[float | None] = [
        *sorted((seen_at - produced_at[order_id]) * 1000 for order_id, seen_at in first_seen.items()),
        *[None] * missing,
    ]
    p50, p95, p99 = (took_ms[count * share // 100] for share in (50, 95, 99))
    return Latency(count, missing, p50, p95, p99)
