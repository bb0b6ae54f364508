"""The benchmark's own view of Kafka: topics made and removed, the log loaded, outputs read as they appear."""

import re
import time
from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.job_log import LogRecord
from trigger_engine.adapters.worker import GROUP

TIMEOUT_S = 60.0
RETRY_S = 0.1
QUIET = {"log_level": 3}
"""librdkafka tells of each client that is closed."""
PARTITIONER = "murmur2_random"
"""What every producer of ours uses: schemas/keys.py."""
KEPT_OF_TETIK = frozenset({"tetik.events", "tetik.rules"})
"""What one run of Tetik leaves to the next: the log, and the rules that its markers name."""
_SENTINEL = re.compile(rb"sentinel-(?:warm|end)-\d+")


class LoadFailed(RuntimeError):
    """The broker did not take the whole log."""


class Seen(NamedTuple):
    """An output as a reader of committed records saw it; `seen_at` is the machine's clock, in seconds."""

    value: bytes
    seen_at: float


def create_topics(kafka: str, names: Iterable[str], partitions: int, *, compacted: bool = False) -> None:
    """Make topics of names not used before. Raises KafkaException."""
    admin = AdminClient({"bootstrap.servers": kafka, **QUIET})
    config = {"cleanup.policy": "compact"} if compacted else {}
    topics = [NewTopic(name, partitions, 1, config=config) for name in names]
    for created in admin.create_topics(topics).values():
        created.result(TIMEOUT_S)


def remove_topics(kafka: str, app: str) -> None:
    """Remove the topics that a contender left; its group stays, since no other has that name."""
    admin = AdminClient({"bootstrap.servers": kafka, **QUIET})
    _remove(admin, [name for name in _topics(admin) if name.startswith(app)])


def remove_tetik(kafka: str) -> None:
    """As if Tetik had never run, but for the log and the rules; its topics are to be made anew."""
    admin = AdminClient({"bootstrap.servers": kafka, **QUIET})
    _remove_group(admin, GROUP)
    used = [name for name in _topics(admin) if name.startswith("tetik") and name not in KEPT_OF_TETIK]
    _remove(admin, used)
    deadline = time.monotonic() + TIMEOUT_S
    while set(used) & set(_topics(admin)) and time.monotonic() < deadline:
        time.sleep(RETRY_S)


def _topics(admin: AdminClient) -> list[str]:
    return list(admin.list_topics(timeout=TIMEOUT_S).topics)


def _remove(admin: AdminClient, topics: list[str]) -> None:
    if topics:
        for done in admin.delete_topics(topics, operation_timeout=TIMEOUT_S).values():
            done.result(TIMEOUT_S)


def _remove_group(admin: AdminClient, group: str) -> None:
    """A member that was killed is in the group until its session ends."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        (done,) = admin.delete_consumer_groups([group]).values()
        error = done.exception(TIMEOUT_S)
        if error is None or error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return
        if error.args[0].code() != KafkaError.NON_EMPTY_GROUP or time.monotonic() > deadline:
            raise error
        time.sleep(RETRY_S)


def load(kafka: str, topic: str, log: Iterable[LogRecord]) -> None:
    """Append the log in order, keyed by customer; returns when the broker has acknowledged all of it."""
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            **QUIET,
            "enable.idempotence": True,
            "linger.ms": 20,
            "batch.size": 500_000,
            "queue.buffering.max.messages": 500_000,
            "partitioner": PARTITIONER,
        }
    )
    for key, value in log:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    left = producer.flush(TIMEOUT_S)
    if left:
        raise LoadFailed(f"{left} records of {topic} were not acknowledged within {TIMEOUT_S:g} s")


class OutputReader:
    """Reads a topic of outputs from its beginning, committed records only, and keeps all of it, raw: nothing
    is de-duplicated. Close it after use."""

    def __init__(self, kafka: str, topic: str, partitions: int) -> None:
        self.outputs: list[Seen] = []
        self.sentinels: set[bytes] = set()
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                **QUIET,
                "group.id": "benchmark-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
            }
        )
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])

    def read(self, at_most: int, timeout_s: float) -> int:
        """Take in what is there; returns how much. Raises KafkaException."""
        messages = self._consumer.consume(at_most, timeout_s)
        seen_at = time.time()
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
            value = message.value() or b""
            self.outputs.append(Seen(value, seen_at))
            if b"sentinel-" in value and (found := _SENTINEL.search(value)):
                self.sentinels.add(found[0])
        return len(messages)

    def read_to_end(self, at_most: int, timeout_s: float) -> None:
        """Take in what is committed by now. A transaction comes to light as a whole, and who has seen the
        first of its outputs has not seen how far it reaches. Raises KafkaException."""
        ends = {
            each.partition: self._consumer.get_watermark_offsets(each, timeout=TIMEOUT_S)[1]
            for each in self._consumer.assignment()
        }
        while self._is_before(ends) and self.read(at_most, timeout_s):
            pass  # where nothing comes any more, markers of transactions are all that is left

    def _is_before(self, ends: dict[int, int]) -> bool:
        at = {each.partition: each.offset for each in self._consumer.position(self._consumer.assignment())}
        return any(at[number] < end for number, end in ends.items())

    def has_seen(self, prefix: str, partitions: int) -> bool:
        """Whether an output of each of these sentinels was seen."""
        return all(f"{prefix}{number}".encode() in self.sentinels for number in range(partitions))

    def close(self) -> None:
        self._consumer.close()
