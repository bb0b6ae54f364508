"""Eyes on a running engine and on its group: memory, readiness, how far it is, how often the group met."""

import struct
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.instants import Instant
from schemas.topics import EVENTS, STATE_CHANGELOG
from tests.fixtures.engine import Engine
from trigger_engine.core.partition import PARTITION_RECORD_KEY, PartitionRecord

OFFSETS_TOPIC = "__consumer_offsets"
READ_WITHIN_S = 120.0
"""A changelog that grows meanwhile is read to where it ended before."""
GROUP_METADATA = 2
"""The kind of a record there that tells of a group's members; one is written whenever a group has met."""


class EngineEnded(RuntimeError):
    """The engine ended; the message holds its last words."""


class EngineTooSlow(EngineEnded):
    """It did not do its work in time."""


def wait_until(
    what: str, done: Callable[[], bool], engine: Engine, within_s: float, every_s: float = 0.05
) -> float:
    """Look until it is done; returns the seconds that it took. Raises EngineTooSlow, EngineEnded."""
    begun = time.monotonic()
    while not done():
        hold_alive(engine)
        if time.monotonic() - begun > within_s:
            raise EngineTooSlow(f"not within {within_s:g} s: {what}:\n{_tail(engine)}")
        time.sleep(every_s)
    return time.monotonic() - begun


def hold_alive(engine: Engine) -> None:
    """Raises EngineEnded if it has ended."""
    if engine.process.poll() is not None:
        raise EngineEnded(f"the engine ended by itself:\n{_tail(engine)}")


def _tail(engine: Engine) -> str:
    return engine.log.read_text(errors="replace")[-2_000:]


def ready(engine: Engine) -> bool:
    """Whether it owns its partitions and works."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{engine.http_port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def metrics(engine: Engine) -> dict[str, float]:
    """Its metrics by name and labels. Raises URLError when it does not answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{engine.http_port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def memory_mib(pid: int) -> tuple[float, float]:
    """What the process holds now, and the most it ever held."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    now, peak = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


def _reader(kafka: str, isolation_level: str = "read_committed") -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": kafka,
            "log_level": 0,
            "group.id": "benchmark-eyes",
            "enable.auto.commit": False,
            "isolation.level": isolation_level,
            "enable.partition.eof": True,
        }
    )


def ends(kafka: str, topic: str, partitions: int) -> dict[int, int]:
    """Where each partition ends."""
    consumer = _reader(kafka)
    try:
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), 30.0)[1]
            for number in range(partitions)
        }
    finally:
        consumer.close()


class ProgressWatch:
    """Follows the partition records on the changelog from its present end on. Close it after use."""

    def __init__(self, kafka: str, partitions: int) -> None:
        self._kafka = kafka
        self._partitions = partitions
        self._consumer = _reader(kafka)
        starts = ends(kafka, STATE_CHANGELOG, partitions)
        self._consumer.assign([TopicPartition(STATE_CHANGELOG, *each) for each in starts.items()])
        self._read_to = dict(starts)
        self._decode = msgspec.msgpack.Decoder(PartitionRecord).decode
        self.applied: dict[int, int] = {}
        self.flushed_at: Instant = 0
        """The broker's time of the last partition record that told of more events."""

    def look(self) -> dict[int, int]:
        """The next offset of the events, by partition, as far as flushes have told. It reads to the end:
        where nothing comes for a moment, the next fetch may only be on its way. Raises TimeoutError."""
        end = ends(self._kafka, STATE_CHANGELOG, self._partitions)
        deadline = time.monotonic() + READ_WITHIN_S
        while any(self._read_to[number] < at for number, at in end.items()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{STATE_CHANGELOG} was not read to its end within {READ_WITHIN_S:g} s")
            for message in self._consumer.consume(5_000, 0.1):
                self._take(message)
        return self.applied

    def _take(self, message: Message) -> None:
        """A record of the changelog, or that a partition is read to its end, which may be a marker."""
        error, partition, offset = message.error(), message.partition() or 0, message.offset() or 0
        if error is not None and error.name() != "_PARTITION_EOF":
            raise KafkaException(error)
        self._read_to[partition] = offset if error is not None else offset + 1
        if error is None and message.key() == PARTITION_RECORD_KEY.encode():
            applied = self._decode(message.value() or b"").next_offsets.get(EVENTS, 0)
            if applied > self.applied.get(partition, -1):
                self.applied[partition] = applied
                self.flushed_at = message.timestamp()[1]

    def lag(self) -> int:
        """Records of the events that no flush has told of yet."""
        applied = self.look()
        return sum(
            max(0, end - applied.get(number, 0))
            for number, end in ends(self._kafka, EVENTS, self._partitions).items()
        )

    def close(self) -> None:
        self._consumer.close()


def records_of(
    kafka: str, topic: str, partitions: int, isolation_level: str = "read_committed"
) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of all that stands in a topic now; nothing is empty bytes."""
    consumer = _reader(kafka, isolation_level)
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    ended = 0
    try:
        while ended < partitions:
            for message in consumer.consume(5_000, 1.0):
                error = message.error()
                if error is None:
                    yield message.key() or b"", message.value() or b""
                elif error.name() == "_PARTITION_EOF":
                    ended += 1
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()


def generations(kafka: str, group: str, partitions: int) -> list[int]:
    """The generations that the group had: what the broker's coordinator wrote each time it met."""
    read = records_of(kafka, OFFSETS_TOPIC, partitions, "read_uncommitted")
    return [met for key, value in read if (met := _generation(key, value, group)) is not None]


def _generation(key: bytes, value: bytes, group: str) -> int | None:
    """What a record of the coordinator tells of this group's generation: key and value begin with a version,
    then a text; in the value the generation follows."""
    if (
        not key
        or not value
        or struct.unpack_from(">h", key)[0] != GROUP_METADATA
        or key[4:] != group.encode()
    ):
        return None
    (length,) = struct.unpack_from(">h", value, 2)
    generation: int = struct.unpack_from(">i", value, 4 + length)[0]
    return generation
