"""Which partition a key belongs to: Kafka's default partitioner, as every producer of ours uses it."""

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key in a topic with so many partitions."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions
