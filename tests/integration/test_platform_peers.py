"""The session's peers are the real ones."""

from confluent_kafka.admin import AdminClient
from redis.asyncio import Redis

from services.platform.probes import kafka_answers, redis_answers


async def test_kafka_answers_and_creates_no_topic_on_its_own(kafka_bootstrap: str) -> None:
    assert await kafka_answers(kafka_bootstrap)
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    metadata = admin.list_topics("never-created", timeout=10)
    assert metadata.topics["never-created"].error is not None
    assert "never-created" not in admin.list_topics(timeout=10).topics


async def test_redis_syncs_every_command_to_disk(redis_url: str) -> None:
    assert await redis_answers(redis_url)
    client = Redis.from_url(redis_url, decode_responses=True)
    try:
        settings = await client.config_get("*")
    finally:
        await client.aclose()
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["save"] == ""
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["bind"] == "127.0.0.1"
