"""Which partitions the topics have."""

from collections.abc import Iterable

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.demo.errors import DemoFailed


async def partitions_of(bootstrap: str, topics: Iterable[str]) -> list[TopicPartition]:
    """All partitions of the topics, in order. Raises DemoFailed if one of them is missing."""
    wanted = list(topics)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        described = await admin.describe_topics(wanted)
    finally:
        await admin.close()
    counts = {each["topic"]: len(each["partitions"]) for each in described}
    missing = [topic for topic in wanted if not counts.get(topic)]
    if missing:
        raise DemoFailed(
            f"Kafka at {bootstrap} has no {', '.join(missing)}: `tetik topics create` makes them."
        )
    return [TopicPartition(topic, number) for topic in wanted for number in range(counts[topic])]
