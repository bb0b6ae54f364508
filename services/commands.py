"""The short commands: they do one thing, say what they did, and return an exit code."""

import asyncio
import logging

import click
from aiokafka.errors import KafkaError

from services.platform.errors import PlatformError
from services.settings import ProcessSettings, load_settings
from services.topics import TopicsUnavailable, ensure_topics

OK, FAILED = 0, 1
KAFKA_TRIES = 15
KAFKA_RETRY_S = 2.0


def create_topics() -> int:
    """`tetik topics create`."""
    settings = load_settings(ProcessSettings)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        created = asyncio.run(_ensure_topics(settings))
    except (PlatformError, KafkaError, OSError) as error:
        return _fail(f"topics: {error}")
    click.echo(f"topics: created {', '.join(created)}" if created else "topics: all there")
    return OK


async def _ensure_topics(settings: ProcessSettings) -> list[str]:
    """A broker that has only just started may not answer yet: ask for half a minute."""
    for _ in range(KAFKA_TRIES - 1):
        try:
            return await ensure_topics(settings.kafka, settings.partitions, settings.replication)
        except TopicsUnavailable as error:
            click.echo(f"topics: {error} Trying again.", err=True)
            await asyncio.sleep(KAFKA_RETRY_S)
    return await ensure_topics(settings.kafka, settings.partitions, settings.replication)


def _fail(message: str) -> int:
    click.echo(message, err=True)
    return FAILED
