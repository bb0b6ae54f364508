"""`ensure_topics` against a real Kafka, and against the broker inside confluent-kafka's wheel."""

import asyncio
import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from confluent_kafka import Producer

from schemas.topics import Topic, all_topics
from services.topics import TopicMismatch, TopicsUnavailable, ensure_topics, kafka_settings
from tests.fixtures.platform import free_ports

PARTITIONS = 3
_numbers = itertools.count()


@pytest.fixture
def declared() -> list[Topic]:
    """The declared topics under names of this test's own: the broker is shared by the session."""
    prefix = f"topics-test-{next(_numbers)}-"
    return [dataclasses.replace(topic, name=prefix + topic.name) for topic in all_topics().values()]


def named(declared: list[Topic], name: str) -> Topic:
    (found,) = [topic for topic in declared if topic.name.endswith(f"-{name}")]
    return found


async def with_admin(bootstrap: str, work: Any) -> Any:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return await work(admin)
    finally:
        await admin.close()


async def make(bootstrap: str, topic: Topic, partitions: int, settings: dict[str, str]) -> None:
    new = NewTopic(topic.name, partitions, 1, topic_configs=settings)
    answer = await with_admin(bootstrap, lambda admin: admin.create_topics([new]))
    assert [code for _, code, _ in answer.topic_errors] == [0]


async def present(bootstrap: str, declared: list[Topic]) -> dict[str, tuple[int, dict[str, str]]]:
    """Partition count and settings of what exists."""

    async def look(admin: Any) -> dict[str, tuple[int, dict[str, str]]]:
        names = [topic.name for topic in declared]
        topics = await admin.describe_topics(names)
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, n) for n in names])
        settings = {name: {e[0]: e[1] for e in entries} for _, _, _, name, entries in answer.resources}
        return {
            t["topic"]: (len(t["partitions"]), settings[t["topic"]]) for t in topics if not t["error_code"]
        }

    found: dict[str, tuple[int, dict[str, str]]] = await with_admin(bootstrap, look)
    return found


async def test_creates_every_topic_as_declared(kafka_bootstrap: str, declared: list[Topic]) -> None:
    created = await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared)
    assert sorted(created) == sorted(topic.name for topic in declared)
    found = await present(kafka_bootstrap, declared)
    for topic in declared:
        partitions, settings = found[topic.name]
        assert partitions == topic.partition_count(PARTITIONS)
        assert settings["message.timestamp.type"] == "LogAppendTime"
        assert settings.items() >= topic.config().items()


async def test_a_second_call_changes_nothing(kafka_bootstrap: str, declared: list[Topic]) -> None:
    await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared)
    before = await present(kafka_bootstrap, declared)
    assert await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared) == []
    assert await present(kafka_bootstrap, declared) == before


async def test_a_missing_topic_is_added_to_those_that_exist(
    kafka_bootstrap: str, declared: list[Topic]
) -> None:
    await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared[:-1])
    assert await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared) == [declared[-1].name]


async def test_services_that_start_together_create_each_topic_once(
    kafka_bootstrap: str, declared: list[Topic]
) -> None:
    calls = [ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared) for _ in range(3)]
    created = [name for names in await asyncio.gather(*calls) for name in names]
    assert sorted(created) == sorted(topic.name for topic in declared)


async def test_another_partition_count_stops_the_start_with_the_fix(
    kafka_bootstrap: str, declared: list[Topic]
) -> None:
    await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared)
    with pytest.raises(TopicMismatch) as mismatch:
        await ensure_topics(kafka_bootstrap, PARTITIONS + 1, declared=declared)
    lines = str(mismatch.value).splitlines()
    customers = [topic.name for topic in declared if topic.partitions is None]
    assert [line.split(" has ")[0] for line in lines] == customers
    assert all(f"has {PARTITIONS} partitions instead of {PARTITIONS + 1}" in line for line in lines)
    assert all(f"set TETIK_PARTITIONS={PARTITIONS}" in line for line in lines)


async def test_a_wrong_count_of_a_fixed_topic_names_another_fix(
    kafka_bootstrap: str, declared: list[Topic]
) -> None:
    clock = named(declared, "tetik.clock")
    await make(kafka_bootstrap, clock, 2, clock.config())
    with pytest.raises(TopicMismatch, match=r"tetik\.clock has 2 partitions instead of 1: delete the topic"):
        await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared)


async def test_settings_that_would_lose_records_are_all_named(
    kafka_bootstrap: str, declared: list[Topic]
) -> None:
    rules = named(declared, "tetik.rules")
    wrong = {"cleanup.policy": "delete", "message.timestamp.type": "CreateTime"}
    await make(kafka_bootstrap, rules, 1, wrong)
    with pytest.raises(TopicMismatch) as mismatch:
        await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared)
    policy, timestamps, limit = str(mismatch.value).splitlines()
    assert f"{rules.name} has cleanup.policy=delete instead of compact: run kafka-configs.sh" in policy
    assert f"--bootstrap-server {kafka_bootstrap}" in policy
    assert "--add-config cleanup.policy=compact" in policy
    assert "--add-config message.timestamp.type=LogAppendTime" in timestamps
    assert "--add-config max.message.bytes=16777216" in limit


async def test_a_larger_record_limit_than_needed_is_left_alone(
    kafka_bootstrap: str, declared: list[Topic]
) -> None:
    events = named(declared, "tetik.events")
    await make(kafka_bootstrap, events, PARTITIONS, events.config() | {"max.message.bytes": "20000000"})
    assert events.name not in await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared)


async def test_an_operators_retention_is_left_alone(kafka_bootstrap: str, declared: list[Topic]) -> None:
    events = named(declared, "tetik.events")
    await make(kafka_bootstrap, events, PARTITIONS, events.config() | {"retention.ms": "86400000"})
    assert events.name not in await ensure_topics(kafka_bootstrap, PARTITIONS, declared=declared)
    found = await present(kafka_bootstrap, declared)
    assert found[events.name][1]["retention.ms"] == "86400000"


async def test_too_few_brokers_for_the_copies_is_said(kafka_bootstrap: str, declared: list[Topic]) -> None:
    with pytest.raises(TopicsUnavailable, match=r"refused to create .*replication factor of 3"):
        await ensure_topics(kafka_bootstrap, PARTITIONS, 3, declared=declared)


@pytest.mark.parametrize(("copies", "quorum"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_three_copies_are_acknowledged_by_two(copies: int, quorum: str | None) -> None:
    events = all_topics()["tetik.events"]
    assert kafka_settings(events, copies).get("min.insync.replicas") == quorum


async def test_no_broker_gives_one_line_that_says_what_to_do() -> None:
    (port,) = free_ports(1)
    with pytest.raises(TopicsUnavailable) as unavailable:
        await ensure_topics(f"127.0.0.1:{port}", PARTITIONS)
    message = str(unavailable.value)
    assert message.startswith(f"Kafka at 127.0.0.1:{port} does not answer")
    assert "TETIK_KAFKA" in message
    assert "\n" not in message


@pytest.fixture
def memory_broker() -> Iterator[str]:
    """librdkafka's mock cluster; it lives as long as the producer that made it."""
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    producer.flush(5)


async def test_the_broker_in_the_wheel_gets_its_topics_on_first_use(memory_broker: str) -> None:
    for _ in range(2):
        assert await ensure_topics(memory_broker, 4) == []
    names = await with_admin(memory_broker, lambda admin: admin.list_topics())
    assert set(names) == set(all_topics())


async def test_the_broker_in_the_wheel_has_its_own_partition_count(memory_broker: str) -> None:
    with pytest.raises(TopicMismatch, match="set TETIK_PARTITIONS=4"):
        await ensure_topics(memory_broker, 6)
