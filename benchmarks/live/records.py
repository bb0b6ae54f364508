"""All committed records of a topic as they stand, raw: nothing is de-duplicated."""

from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

FETCHED_MAX = 10_000


class Written(NamedTuple):
    """A record's key and value."""

    key: str
    value: bytes


def written(kafka: str, topic: str, partitions: int) -> Iterator[Written]:
    """From the beginning to the end as it is met. Raises KafkaException."""
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
            for message in consumer.consume(FETCHED_MAX, 1.0):
                error = message.error()
                if error is None:
                    yield Written((message.key() or b"").decode(), message.value() or b"")
                elif error.name() == "_PARTITION_EOF":
                    ended.add(message.partition())
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
