"""When decisions came: a reader of committed records beside the engine, and what is told from its notes.

Nothing is de-duplicated: each record that a reader of committed records meets is noted, with the time at
which it met it. Lateness counts from the due time in the decision; latency from the broker's time of the
event that the decision names as its cause. Both end when the reader has the decision in its hands, so they
contain the engine's transaction, the fetch and the reader's own turn.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from schemas.instants import Instant, parse_instant
from schemas.topics import EVENTS, TRIGGERS

TURN_S = 0.01
RECORDS_PER_TURN = 2_000


class _Cause(msgspec.Struct):
    kind: str
    partition: int
    offset: int


class _Decision(msgspec.Struct):
    decision_id: str
    trigger_id: str
    customer_key: str
    outcome: str
    cause: _Cause
    step: str | None = None
    due_at: str | None = None


class Seen(NamedTuple):
    """A decision as the reader met it. `due_at` is None where nothing was waited for; `cause` is the
    partition and the offset of the event that it followed from, None if time passed."""

    decision_id: str
    trigger_id: str
    customer_key: str
    outcome: str
    step: str | None
    due_at: Instant | None
    cause: tuple[int, int] | None
    partition: int
    appended_at: Instant
    seen_at: Instant


class DecisionWatch(threading.Thread):
    """Reads `tetik.triggers` from its present end on until stopped."""

    def __init__(self, kafka: str, partitions: int) -> None:
        super().__init__(daemon=True)
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "log_level": 0,
                "group.id": "benchmark-watch",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        self._consumer.assign([TopicPartition(TRIGGERS, number, OFFSET_END) for number in range(partitions)])
        for number in range(partitions):  # positions are taken before anything new is written
            self._consumer.get_watermark_offsets(TopicPartition(TRIGGERS, number), 10.0)
        self._consumer.poll(1.0)
        self._decode = msgspec.json.Decoder(_Decision).decode
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self.seen: list[Seen] = []

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._read()
        except BaseException as error:
            self._failure = error
        finally:
            self._consumer.close()

    def stop(self) -> list[Seen]:
        """What was seen. Raises what the reader met."""
        self._stopping.set()
        self.join()
        if self._failure is not None:
            raise self._failure
        return self.seen

    def take(self) -> list[Seen]:
        """What was seen since the last call, for who watches for long. Raises what the reader met."""
        if self._failure is not None:
            raise self._failure
        seen, self.seen = self.seen, []
        return seen

    def _read(self) -> None:
        messages = self._consumer.consume(RECORDS_PER_TURN, TURN_S)
        seen_at = time.time_ns() // 1_000_000
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
            value, partition = message.value(), message.partition()
            assert value is not None, "a decision says something"
            assert partition is not None, "it was read from one"
            decision = self._decode(value)
            cause = decision.cause
            self.seen.append(
                Seen(
                    decision.decision_id,
                    decision.trigger_id,
                    decision.customer_key,
                    decision.outcome,
                    decision.step,
                    None if decision.due_at is None else parse_instant(decision.due_at),
                    (cause.partition, cause.offset) if cause.kind == "event" else None,
                    partition,
                    message.timestamp()[1],
                    seen_at,
                )
            )


def event_times(kafka: str, partitions: int) -> dict[tuple[int, int], Instant]:
    """The broker's time of each event, by partition and offset."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "log_level": 0,
            "group.id": "benchmark-times",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(EVENTS, number, OFFSET_BEGINNING) for number in range(partitions)])
    times: dict[tuple[int, int], Instant] = {}
    ended = 0
    try:
        while ended < partitions:
            for message in consumer.consume(10_000, 1.0):
                error = message.error()
                if error is None:
                    times[_place(message)] = message.timestamp()[1]
                elif error.name() == "_PARTITION_EOF":
                    ended += 1
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
    return times


def _place(message: Message) -> tuple[int, int]:
    partition, offset = message.partition(), message.offset()
    assert partition is not None, "it was read from one"
    assert offset is not None, "it stands somewhere"
    return partition, offset


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of times in milliseconds."""

    count: int
    p50: int
    p95: int
    p99: int
    max: int


def spread_of(times: Iterable[int]) -> Spread:
    """All zeros if there are none."""
    ordered = sorted(times)
    if not ordered:
        return Spread(0, 0, 0, 0, 0)
    last = len(ordered) - 1
    p50, p95, p99 = (ordered[round(last * percent / 100)] for percent in (50, 95, 99))
    return Spread(len(ordered), p50, p95, p99, ordered[-1])


def latencies(
    seen: Iterable[Seen], times: dict[tuple[int, int], Instant], since: Instant, until: Instant
) -> list[int]:
    """From event to decision, for the events that the broker took from `since` up to `until`."""
    return [
        each.seen_at - at
        for each in seen
        if each.cause is not None and since <= (at := times[each.cause]) < until
    ]
