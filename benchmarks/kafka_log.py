"""The benchmark's own view of Kafka: loads the log, watches how far a contender is, reads what it wrote."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from confluent_kafka import (
    OFFSET_INVALID,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.shop_log import Logged

TIMEOUT_S = 30.0


class LoadFailed(RuntimeError):
    """The broker did not take the whole log."""


@dataclass(frozen=True, slots=True)
class Written:
    """A record that a contender wrote; `appended_at` is the broker's clock, epoch ms."""

    key: str
    value: bytes
    appended_at: int


def create_topics(kafka: str, names: Iterable[str], partitions: int) -> None:
    """Plain topics. Raises KafkaException."""
    admin = AdminClient({"bootstrap.servers": kafka})
    topics = [NewTopic(name, num_partitions=partitions, replication_factor=1) for name in names]
    for created in admin.create_topics(topics).values():
        created.result(TIMEOUT_S)


def load(kafka: str, topic: str, log: Iterable[Logged]) -> None:
    """Append the log in order, keyed by customer; returns when the broker has acknowledged all of it."""
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "enable.idempotence": True,
            "linger.ms": 20,
            "batch.size": 500_000,
            "partitioner": "murmur2_random",  # what every producer of ours uses: schemas/keys.py
        }
    )
    for logged in log:
        while True:
            try:
                producer.produce(topic, logged.value, logged.key)
                break
            except BufferError:
                producer.poll(0.1)
    left = producer.flush(TIMEOUT_S)
    if left:
        raise LoadFailed(f"{left} records of {topic} were not acknowledged within {TIMEOUT_S:g} s")


class Watch:
    """How far a consumer group is in a topic. Close it after use."""

    def __init__(self, kafka: str, group: str, topic: str, partitions: int) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": kafka, "group.id": group, "enable.auto.commit": False}
        )
        self._wanted = [TopicPartition(topic, number) for number in range(partitions)]

    def end(self) -> int:
        """Records in the topic."""
        return sum(self._consumer.get_watermark_offsets(each, TIMEOUT_S)[1] for each in self._wanted)

    def committed(self) -> int:
        """Records that the group has committed; a group that has not formed yet has none."""
        try:
            found = self._consumer.committed(self._wanted, TIMEOUT_S)
        except KafkaException:
            return 0
        return sum(each.offset for each in found if each.offset != OFFSET_INVALID)

    def close(self) -> None:
        self._consumer.close()


def written(kafka: str, topic: str, partitions: int) -> Iterator[Written]:
    """Every committed record of a topic, raw: nothing is de-duplicated."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": "benchmark-reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    ended: set[int] = set()
    try:
        while len(ended) < partitions:
            for message in consumer.consume(10_000, 1.0):
                error = message.error()
                if error is None:
                    yield _written(message)
                elif error.name() == "_PARTITION_EOF":
                    ended.add(message.partition())
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()


def _written(message: Message) -> Written:
    kind, appended_at = message.timestamp()
    key, value = message.key(), message.value()
    assert kind != TIMESTAMP_NOT_AVAILABLE, "our brokers stamp records as they are appended"
    return Written("" if key is None else bytes(key).decode(), bytes(value or b""), appended_at)
