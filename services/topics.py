"""Creates the topics that `schemas/topics.toml` declares, and holds existing ones against it.

Rules: what is missing is created; what exists is never changed, because a partition count cannot go back and
a policy may have been set on purpose. A difference that would lose records or split customers stops the
start, with everything that differs and the fix on screen. Retention is the operator's to change.

The broker inside confluent-kafka's wheel cannot create or describe topics: they appear on first use, with a
partition count of its own. There the customers' topics are brought into being and their count is checked;
nothing else can be.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, TopicAlreadyExistsError, for_code

from schemas.topics import Topic, all_topics
from services.platform.errors import PlatformError

RECORD_LIMIT = "max.message.bytes"
SETTINGS_HELD = ("cleanup.policy", "message.timestamp.type", RECORD_LIMIT)
REQUEST_TIMEOUT_MS = 15_000
VISIBLE_TIMEOUT_S = 30.0
POLL_S = 0.05
REPLICAS_FOR_QUORUM = 3

Partitions = dict[str, int]


class TopicsUnavailable(PlatformError):
    """The broker did not answer, or refused to create a topic."""


class TopicMismatch(PlatformError):
    """A topic exists with other properties than `topics.toml` declares."""


async def ensure_topics(
    bootstrap: str,
    customer_partitions: int,
    replication_factor: int = 1,
    *,
    declared: Iterable[Topic] | None = None,
) -> list[str]:
    """Create what is missing, check what exists, return the names created.

    Raises TopicsUnavailable or TopicMismatch; safe to call by several processes at once.
    """
    topics = list(all_topics().values() if declared is None else declared)
    async with _admin(bootstrap) as admin:
        if not await _manages_topics(admin, topics):
            await _touch(admin, topics, customer_partitions)
            return []
        existing = await _partitions(admin, topics)
        missing = [topic for topic in topics if topic.name not in existing]
        created = await _create(admin, missing, customer_partitions, replication_factor)
        counts = await _until_visible(admin, topics)
        checked = [topic for topic in topics if topic.name not in created]
        problems = _count_problems(checked, counts, customer_partitions)
        problems += await _setting_problems(admin, checked, bootstrap)
    if problems:
        raise TopicMismatch("\n".join(problems))
    return created


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicsUnavailable(
            f"Kafka at {bootstrap} does not answer ({type(error).__name__}): "
            "check that it runs and that TETIK_KAFKA names it."
        ) from error
    finally:
        await admin.close()


async def _manages_topics(admin: Any, topics: list[Topic]) -> bool:
    """Can the broker create and describe topics? A client refuses before it sends what a broker lacks."""
    try:
        await _describe(admin, topics[:1])
    except IncompatibleBrokerVersion:
        return False
    return True


async def _partitions(admin: Any, topics: list[Topic]) -> Partitions:
    """Partition counts of those that exist and whose partitions all have a leader."""
    wanted = {topic.name for topic in topics}
    present = [name for name in await admin.list_topics() if name in wanted]
    if not present:
        return {}
    return {
        each["topic"]: len(each["partitions"])
        for each in await admin.describe_topics(present)
        if each["error_code"] == 0 and all(part["leader"] >= 0 for part in each["partitions"])
    }


async def _create(
    admin: Any, missing: list[Topic], customer_partitions: int, replication_factor: int
) -> list[str]:
    """Create them; one that another process created meanwhile is not ours."""
    if not missing:
        return []
    answer = await admin.create_topics(
        [
            NewTopic(
                topic.name,
                topic.partition_count(customer_partitions),
                replication_factor,
                topic_configs=kafka_settings(topic, replication_factor),
            )
            for topic in missing
        ]
    )
    created = []
    for name, code, message in answer.topic_errors:
        if code == 0:
            created.append(name)
        elif for_code(code) is not TopicAlreadyExistsError:
            raise TopicsUnavailable(f"Kafka refused to create {name}: {message or for_code(code).__name__}")
    return created


def kafka_settings(topic: Topic, replication_factor: int) -> dict[str, str]:
    """A new topic's settings. With three copies, acks=all means two of them: else it could mean one."""
    quorum = {"min.insync.replicas": "2"} if replication_factor >= REPLICAS_FOR_QUORUM else {}
    return topic.config() | quorum


async def _until_visible(admin: Any, topics: list[Topic]) -> Partitions:
    """A created topic reaches the brokers' metadata a moment later; who starts next must find it."""
    deadline = asyncio.get_running_loop().time() + VISIBLE_TIMEOUT_S
    while True:
        counts = await _partitions(admin, topics)
        missing = sorted({topic.name for topic in topics} - counts.keys())
        if not missing:
            return counts
        if asyncio.get_running_loop().time() > deadline:
            raise TopicsUnavailable(
                f"No leader for {', '.join(missing)} after {VISIBLE_TIMEOUT_S:.0f} s: "
                "look at the brokers' logs and disks."
            )
        await asyncio.sleep(POLL_S)


async def _setting_problems(admin: Any, topics: list[Topic], bootstrap: str) -> list[str]:
    if not topics:
        return []
    described = await _describe(admin, topics)
    problems = []
    for topic in topics:
        if topic.name not in described:
            raise TopicsUnavailable(
                f"Kafka hides the settings of {topic.name}: allow us DescribeConfigs on it."
            )
        present, declared = described[topic.name], topic.config()
        problems += [
            f"{topic.name} has {name}={present[name]} instead of {declared[name]}: "
            f"run kafka-configs.sh --bootstrap-server {bootstrap} --alter --topic {topic.name} "
            f"--add-config {name}={declared[name]}"
            for name in SETTINGS_HELD
            if name in declared and not _holds(name, present[name], declared[name])
        ]
    return problems


def _holds(name: str, present: str, declared: str) -> bool:
    """Is a setting as declared? A larger limit than the one we need is the operator's to choose."""
    return int(present) >= int(declared) if name == RECORD_LIMIT else present == declared


def _count_problems(topics: list[Topic], counts: Partitions, customer_partitions: int) -> list[str]:
    problems = []
    for topic in topics:
        present, wanted = counts[topic.name], topic.partition_count(customer_partitions)
        if present != wanted:
            problems.append(f"{topic.name} has {_count(present)} instead of {wanted}: {_fix(topic, present)}")
    return problems


def _count(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"


def _fix(topic: Topic, partitions: int) -> str:
    if topic.partitions is None:
        return (
            f"if the setting is wrong, set TETIK_PARTITIONS={partitions}; for more partitions, or where a "
            "repartition was cut off, stop everything and run tetik repartition"
        )
    return (
        "delete the topic while nothing runs, and start again; what it holds is lost (replay dead letters "
        "first, and publish the rules again before engines start)"
    )


async def _describe(admin: Any, topics: list[Topic]) -> dict[str, dict[str, str]]:
    """The settings held, of those topics that exist and may be described."""
    answers = await admin.describe_configs(
        [
            ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=dict.fromkeys(SETTINGS_HELD))
            for topic in topics
        ]
    )
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for code, _, _, name, entries in answer.resources
        if code == 0
    }


async def _touch(admin: Any, topics: list[Topic], customer_partitions: int) -> None:
    """Ask for each topic by name, which makes it appear, and check those that customers live in."""
    described = await admin.describe_topics([topic.name for topic in topics])
    counts = {each["topic"]: len(each["partitions"]) for each in described}
    problems = _count_problems(
        [topic for topic in topics if topic.partitions is None], counts, customer_partitions
    )
    if problems:
        raise TopicMismatch("\n".join(problems))
