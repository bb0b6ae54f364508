"""The short commands: they do one thing, say what they did, and return an exit code."""

import asyncio
import logging
from pathlib import Path

import click
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.rule_set import RuleSet
from schemas.topics import RULES
from services.clock import machine_now
from services.platform.errors import PlatformError
from services.publish import LIBRARY, TEMPLATES, PublishRefused, publish, read_rule_set
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


def lint_triggers(folder: Path | None, templates: Path | None) -> int:
    """`tetik triggers lint`."""
    rule_set = _read(folder, templates)
    if rule_set is None:
        return FAILED
    click.echo(f"{len(rule_set.triggers)} triggers and {len(rule_set.templates)} templates are fine")
    return OK


def list_triggers(folder: Path | None, templates: Path | None) -> int:
    """`tetik triggers list`."""
    rule_set = _read(folder, templates)
    if rule_set is None:
        return FAILED
    for trigger in rule_set.triggers:
        steps = ", ".join(_step_text(step) for step in trigger["steps"])
        click.echo(f"{trigger['id']:<24} {trigger.get('status', 'live'):<6} {trigger['kind']:<14} {steps}")
    return OK


def publish_triggers(folder: Path | None, templates: Path | None, if_empty: bool) -> int:
    """`tetik triggers publish`."""
    rule_set = _read(folder, templates)
    if rule_set is None:
        return FAILED
    settings = load_settings(ProcessSettings)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(_publish(settings, rule_set, if_empty))
    except (KafkaError, OSError) as error:
        return _fail(
            f"nothing is known to be active: Kafka did not take it at {settings.kafka} ({error}). "
            "Publish again; a repeated publish is harmless."
        )


async def _publish(settings: ProcessSettings, rule_set: RuleSet, if_empty: bool) -> int:
    if if_empty and await _published_before(settings.kafka):
        click.echo("rules: published before, left as they are")
        return OK
    published = await publish(settings.kafka, rule_set, settings.partitions, machine_now())
    click.echo(f"rules: {published.digest} is active: {', '.join(published.trigger_ids)}")
    return OK


async def _published_before(kafka: str) -> bool:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    try:
        rules = TopicPartition(RULES, 0)
        return bool((await consumer.end_offsets([rules]))[rules])
    finally:
        await consumer.stop()


def _read(folder: Path | None, templates: Path | None) -> RuleSet | None:
    try:
        return read_rule_set(folder or LIBRARY, templates or TEMPLATES)
    except PublishRefused as error:
        _fail(str(error))
        return None


def _step_text(step: dict[str, object]) -> str:
    return " ".join(f"{name} {value}" for name, value in step.items() if name in ("mail", "wait"))


def _fail(message: str) -> int:
    click.echo(message, err=True)
    return FAILED
