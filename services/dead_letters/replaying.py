"""`tetik dead-letters replay`: write what failed again, once the cause is mended.

A slice of letters is one transaction: the records, and a note for each. So whatever dies, a record is either
written with its note or not at all, and the command is run again. Its writer has one name: a second replay
fences the first before it reads what was done.

What is written keeps its `event_id` and `occurred_at` and is received now. So the engine passes over an event
that it knows after all, and one that is late by now starts nothing.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import click
from aiokafka.errors import KafkaError

from schemas.dead_letter import DeadLetter
from schemas.event import CUSTOMER_ERASED
from schemas.headers import cloud_event_headers
from schemas.ids import stable_hash
from schemas.instants import Instant, datetime_of
from schemas.topics import DEAD_LETTERS, EVENTS
from services.asking import agreed
from services.clock import time_by
from services.dead_letters.erasures import erased_since
from services.dead_letters.judging import SOURCE, Refused, Replayable, judge, record_of
from services.dead_letters.letters import (
    NO_LETTERS,
    NONE_MEANT,
    Letter,
    Wanted,
    all_letters,
    read_past,
)
from services.platform.errors import PlatformError
from services.progress import Bar
from services.settings import ProcessSettings
from services.standstill import unanswered
from services.triggers.published import event_partitions, read_published
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.left_open import end_left_open
from trigger_engine.adapters.log_port import Fenced, LogWriter, Row
from trigger_engine.core.durations import parse_duration
from trigger_engine.core.limits import LATENESS_DEFAULT_MS

OK, FAILED = 0, 1
WRITER = "tetik-dead-letters"
QUESTION = (
    "Where the cause is not mended, they fail again, and engines stop at TETIK_REJECTED_MAX in 1,000. Replay?"
)
SLICE = 500
"""Letters per transaction."""
LETTERS_MAX = 100_000
BYTES_MAX = 256 * 2**20
"""Held in memory at once; what lies beyond is replayed by the next call."""


@dataclass(slots=True)
class Plan:
    """What is to be written, and what is not."""

    limit: int = LETTERS_MAX
    letters: int = 0
    """On the topic."""
    chosen: list[Replayable] = field(default_factory=list)
    refused: Counter[Refused] = field(default_factory=Counter)
    replayed_before: int = 0
    erased: int = 0
    late: int = 0
    beyond: int = 0
    """Asked for as well, and left to the next call."""
    bytes: int = 0

    @property
    def meant(self) -> int:
        """How many are asked for."""
        return len(self.chosen) + self.refused.total() + self.replayed_before + self.erased + self.beyond

    def admit(self, letter: Letter, partitions: int) -> None:
        """Take a letter that is asked for into the plan."""
        verdict = judge(letter, partitions)
        if isinstance(verdict, Refused):
            self.refused[verdict] += 1
        elif len(self.chosen) >= min(self.limit, LETTERS_MAX) or self.bytes >= BYTES_MAX:
            self.beyond += 1
        else:
            self.chosen.append(verdict)
            self.bytes += len(letter.content.value)

    def drop_erased(self, erased: dict[str, Instant]) -> None:
        """What happened before somebody was erased is not written again; that she was erased is."""
        kept = [one for one in self.chosen if not _was_erased(one, erased)]
        self.erased = len(self.chosen) - len(kept)
        self.chosen = kept


def _was_erased(one: Replayable, erased: dict[str, Instant]) -> bool:
    if one.customer is None or one.occurred_at is None or one.event.type == CUSTOMER_ERASED:
        return False
    return one.occurred_at <= erased.get(one.customer, -1)


def replay_letters(settings: ProcessSettings, wanted: Wanted, *, limit: int, yes: bool, dry_run: bool) -> int:
    """At most `limit` letters. Returns the exit code."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        if dry_run or not yes:
            plan = asyncio.run(_replay(settings, wanted, limit, dry_run=True))
            for line in said(plan, dry_run=True):
                click.echo(line)
            if dry_run:
                click.echo("dry run: nothing was written")
            if dry_run or not plan.chosen:
                return OK
            if not agreed(QUESTION):
                click.echo("dead letters: left as they are")
                return FAILED
        plan = asyncio.run(_replay(settings, wanted, limit, dry_run=False))
    except Fenced:
        click.echo(
            "dead letters: another replay has begun since; what was not written here is left to it", err=True
        )
        return FAILED
    except PlatformError as error:
        click.echo(f"dead letters: {error}", err=True)
        return FAILED
    except (KafkaError, OSError) as error:
        click.echo(f"dead letters: {unanswered(settings, error)} What was replayed is not again.", err=True)
        return FAILED
    for line in said(plan, dry_run=False):
        click.echo(line)
    return OK


async def _replay(settings: ProcessSettings, wanted: Wanted, limit: int, *, dry_run: bool) -> Plan:
    log = KafkaLog(settings.kafka, check_crcs=settings.check_crcs)
    partitions = await event_partitions(settings.kafka)
    async with AsyncExitStack() as stack:
        bar = stack.enter_context(Bar())
        stack.push_async_callback(log.close)
        writer = None
        if not dry_run:
            writer = await log.open_writer(WRITER)
            stack.push_async_callback(writer.close)
            await end_left_open(writer, log, {EVENTS: None, DEAD_LETTERS: None})
        plan = await _planned(settings, log, wanted, limit, partitions, bar)
        if writer is not None:
            await _write(settings, writer, plan.chosen, bar)
    return plan


async def _planned(
    settings: ProcessSettings, log: KafkaLog, wanted: Wanted, limit: int, partitions: int, bar: Bar
) -> Plan:
    past = await read_past(settings, log, bar.at("reading what was replayed"))
    plan = Plan(limit, past.letters)
    async for letter in all_letters(settings, log, bar.at("reading dead letters")):
        if letter.content.replayed_at is not None or not wanted.includes(letter):
            continue
        if past.was_replayed(letter):
            plan.replayed_before += 1
        else:
            plan.admit(letter, partitions)
    customers = {one.customer for one in plan.chosen if one.customer is not None}
    told = bar.at("reading who was erased")
    plan.drop_erased(await erased_since(log, customers, partitions, past.erased, told))
    now = await time_by(settings.clock, settings.kafka)
    lateness_ms = await _lateness_ms(settings)
    plan.late = sum(
        one.occurred_at is not None and now - one.occurred_at > lateness_ms for one in plan.chosen
    )
    return plan


async def _lateness_ms(settings: ProcessSettings) -> int:
    """From when on the active rules call an event late."""
    active = (await read_published(settings.kafka, check_crcs=settings.check_crcs)).active
    said = active and active.policy.get("lateness")
    return parse_duration(said) if said else LATENESS_DEFAULT_MS


async def _write(settings: ProcessSettings, writer: LogWriter, chosen: list[Replayable], bar: Bar) -> None:
    told = bar.at("replaying")
    for start in range(0, len(chosen), SLICE):
        slice_ = chosen[start : start + SLICE]
        now = await time_by(settings.clock, settings.kafka)
        async with writer.transaction() as transaction:
            for partition, rows in _events(slice_, now).items():
                await transaction.append(EVENTS, partition, rows)
            await transaction.append(DEAD_LETTERS, 0, [_note(one.letter, now) for one in slice_])
        told(start + len(slice_), len(chosen))


def _events(chosen: Iterable[Replayable], now: Instant) -> dict[int, list[Row]]:
    """The records by their partition, in the order of the letters."""
    rows: dict[int, list[Row]] = defaultdict(list)
    for one in chosen:
        rows[one.partition].append(record_of(one, now))
    return rows


def _note(letter: Letter, now: Instant) -> Row:
    """That a letter was replayed, without what it held."""
    note = letter.content.model_copy(
        update={"value": "", "value_encoding": "utf-8", "replayed_at": datetime_of(now)}
    )
    record_id = stable_hash("replayed", str(letter.place), str(letter.number))
    headers = cloud_event_headers(DeadLetter, record_id=record_id, source=SOURCE, time=now)
    return letter.key, note.model_dump_json().encode(), headers


def said(plan: Plan, *, dry_run: bool) -> list[str]:
    """What was done, or would be, line by line."""
    count = len(plan.chosen)
    if not plan.meant:
        return [NO_LETTERS if not plan.letters else NONE_MEANT.format(letters=plan.letters)]
    lines = [f"{count:,} would be replayed" if dry_run else f"{count:,} replayed"]
    if plan.late:
        lines.append(f"  {plan.late:,} of them late by now: they update what is known and start nothing")
    if plan.beyond:
        lines.append(f"{plan.beyond:,} more are left to the next call")
    if plan.replayed_before:
        lines.append(f"{plan.replayed_before:,} replayed before: left alone")
    if plan.erased:
        lines.append(f"{plan.erased:,} of customers who were erased since: not written again")
    for refused, number in plan.refused.most_common():
        lines += [f"{number:,} cannot be: {refused.why}", f"  what to do: {refused.what_to_do}"]
    return lines
