"""`tetik topics adopt`: go on with topics that are not the ones that were worked with.

An engine refuses a topic with another id than its partition record names, and an offset that lies outside
of the log, because going on could lose or repeat events and it cannot tell which. A person who knows what was
restored can: this shows what stands recorded beside what there is, asks, and writes the records anew.

Each partition is one write, by its own writer. One that was adopted is as if nothing had been amiss, so after
an interruption the command is run again.
"""

import asyncio
import logging
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import click
from aiokafka.errors import KafkaError

from schemas.topics import STATE_CHANGELOG
from services.asking import agreed
from services.platform.errors import PlatformError
from services.progress import Bar
from services.settings import ProcessSettings, load_settings
from services.standstill import (
    NotAtRest,
    TopicsAmiss,
    customer_topics,
    held,
    refuse_members,
    standing_of,
    unanswered,
)
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.log_port import Bounds, TopicFacts
from trigger_engine.adapters.takeover import HELD_BY_ID, SOURCES, replaced_topics
from trigger_engine.adapters.worker import GROUP
from trigger_engine.core.flush import PartitionRecord

OK, FAILED = 0, 1
GoOnAt = Literal["recorded", "start", "end"]


@dataclass(frozen=True, slots=True)
class Adoption:
    """What becomes of one partition: its new record, and the lines that say so."""

    number: int
    before: PartitionRecord
    record: PartitionRecord
    lines: tuple[str, ...]


def adopt_topics(*, go_on_at: GoOnAt, yes: bool, dry_run: bool) -> int:
    """Returns the exit code."""
    settings = load_settings(ProcessSettings)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        adoptions = asyncio.run(_look(settings, go_on_at))
        if not adoptions:
            click.echo("topics: the partition records belong to the topics that are there: nothing to adopt")
            return OK
        for line in (line for adoption in adoptions for line in adoption.lines):
            click.echo(line)
        if dry_run:
            click.echo("dry run: nothing was written")
            return OK
        if not yes and not agreed("Go on with these topics?"):
            click.echo("topics: left as they are")
            return FAILED
        asyncio.run(_write(settings, adoptions))
    except PlatformError as error:
        click.echo(f"topics: {error}", err=True)
        return FAILED
    except (KafkaError, OSError) as error:
        click.echo(f"topics: {unanswered(settings, error)}", err=True)
        return FAILED
    click.echo(f"topics: adopted in {len(adoptions)} partitions; start the engines")
    return OK


async def _look(settings: ProcessSettings, go_on_at: GoOnAt) -> list[Adoption]:
    log = KafkaLog(settings.kafka, check_crcs=settings.check_crcs)
    await refuse_members(settings, (GROUP,))
    topics = await customer_topics(settings, log)
    found = []
    count = topics[STATE_CHANGELOG].partitions
    with Bar("partition ") as bar:
        for number in range(count):
            bar.show("reading states", number, count)
            standing = await standing_of(log, number)
            bounds = {
                name: await log.bounds(name, number) for name in SOURCES if number < topics[name].partitions
            }
            adoption = adoption_of(number, standing.record, topics, bounds, go_on_at)
            if adoption is not None:
                found.append(adoption)
    return found


def adoption_of(
    number: int,
    before: PartitionRecord,
    topics: dict[str, TopicFacts],
    bounds: dict[str, Bounds],
    go_on_at: GoOnAt,
) -> Adoption | None:
    """What becomes of a partition; None if its record belongs to these topics. Raises TopicsAmiss if the
    recorded offset is to be kept and lies outside of the log."""
    record = deepcopy(before)
    lines = []
    replaced = {name: (known, found) for name, known, found in replaced_topics(topics, before)}
    for name in HELD_BY_ID:
        if name in replaced:
            known, found = replaced[name]
            lines.append(f"partition {number}: {name} was {known}, is {found}")
            record.topic_ids[name] = found
        if name in bounds and name in record.next_offsets:
            lines += _moved(number, record, name, bounds[name], go_on_at, replaced=name in replaced)
    return Adoption(number, before, record, tuple(lines)) if lines else None


def _moved(
    number: int, record: PartitionRecord, name: str, bounds: Bounds, go_on_at: GoOnAt, *, replaced: bool
) -> list[str]:
    """Where one source goes on, if that has to be said."""
    offset = record.next_offsets[name]
    outside = not bounds.start <= offset <= bounds.end
    if not outside and not replaced:
        return []
    if outside and go_on_at == "recorded":
        raise TopicsAmiss(
            f"partition {number} of {name} holds the offsets {bounds.start} to {bounds.end}, and {offset} is "
            "the next to apply: say --go-on-at start (what the log holds is applied, also what was applied "
            "before) or --go-on-at end (none of it is)"
        )
    chosen = {"recorded": offset, "start": bounds.start, "end": bounds.end}[go_on_at]
    record.next_offsets[name] = chosen
    held = f"the log holds {bounds.start} to {bounds.end}"
    return [f"partition {number}: {name} goes on at {chosen} (recorded {offset}, {held})"]


async def _write(settings: ProcessSettings, adoptions: list[Adoption]) -> None:
    log = KafkaLog(settings.kafka, check_crcs=settings.check_crcs)
    await refuse_members(settings, (GROUP,))
    with Bar("partition ") as bar:
        for done, adoption in enumerate(adoptions):
            bar.show("adopting", done, len(adoptions))
            async with held(log, adoption.number) as partition:
                if partition.standing.record != adoption.before:
                    raise NotAtRest(f"partition {adoption.number} has moved on since: look again")
                await partition.write(adoption.record)
