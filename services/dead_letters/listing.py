"""`tetik dead-letters list`: how many of a kind there are, since when, and whether a replay would help.

Letters of one cause differ in what they quote, so for people they are grouped by the reason without its
quoted parts and numbers, or by the traceback of a programming error.
"""

import asyncio
import logging
import re
from dataclasses import dataclass

import click
import msgspec
from aiokafka.errors import KafkaError

from schemas.instants import Instant, format_instant
from services.dead_letters.judging import Refused, judge
from services.dead_letters.letters import (
    NO_LETTERS,
    NONE_MEANT,
    Letter,
    Past,
    Place,
    Wanted,
    all_letters,
    read_past,
)
from services.platform.errors import PlatformError
from services.progress import Bar
from services.settings import ProcessSettings
from services.standstill import unanswered
from services.triggers.published import event_partitions
from trigger_engine.adapters.kafka_log import KafkaLog

OK, FAILED = 0, 1
GROUPS_MAX = 1_000
"""Kinds told apart; a topic of as many different reasons has them counted together."""
KINDS_SHOWN = 20
"""Unless told otherwise."""
REASON_SHOWN = 160
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*")


@dataclass(slots=True)
class Group:
    """Letters of one kind."""

    stage: str
    topic: str
    reason: str
    first_at: Instant
    last_at: Instant
    place: Place
    count: int = 0
    replayed: int = 0
    refused: Refused | None = None

    def admit(self, letter: Letter, *, replayed: bool) -> None:
        """One more."""
        self.count += 1
        self.replayed += replayed
        self.first_at = min(self.first_at, letter.failed_at)
        if letter.failed_at >= self.last_at:
            self.last_at, self.place = letter.failed_at, letter.place

    def lines(self) -> list[str]:
        """For people."""
        span = f"{format_instant(self.first_at)} to {format_instant(self.last_at)}"
        replayed = f", {self.replayed:,} replayed" if self.replayed else ""
        answer = "can be replayed" if self.refused is None else f"cannot be replayed: {self.refused.why}"
        lines = [
            f"{self.count:,} by {self.stage} on {self.topic}, {span}{replayed}",
            f"  {self.reason[:REASON_SHOWN]}",
            f"  the last: {self.place}; {answer}",
        ]
        if self.refused is not None:
            lines.append(f"  what to do: {self.refused.what_to_do}")
        return lines


def kind_of(letter: Letter) -> tuple[str, ...]:
    """What letters of one cause have in common."""
    content = letter.content
    cause = content.traceback_digest or _VARYING.sub("_", content.reason)
    return content.stage, content.topic, cause


def list_letters(settings: ProcessSettings, wanted: Wanted, *, limit: int | None, as_json: bool) -> int:
    """Returns the exit code."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_list(settings, wanted, limit=limit, as_json=as_json))
    except PlatformError as error:
        click.echo(f"dead letters: {error}", err=True)
        return FAILED
    except (KafkaError, OSError) as error:
        click.echo(f"dead letters: {unanswered(settings, error)}", err=True)
        return FAILED
    return OK


async def _list(settings: ProcessSettings, wanted: Wanted, *, limit: int | None, as_json: bool) -> None:
    log = KafkaLog(settings.kafka, check_crcs=settings.check_crcs)
    partitions = await event_partitions(settings.kafka)
    groups: dict[tuple[str, ...], Group] = {}
    shown = found = 0
    try:
        with Bar() as bar:
            past = await read_past(settings, log, bar.at("reading what was replayed"))
            async for letter in all_letters(settings, log, bar.at("reading dead letters")):
                if letter.content.replayed_at is not None or not wanted.includes(letter):
                    continue
                found += 1
                if not as_json:
                    _group(groups, letter, past, partitions)
                elif limit is None or shown < limit:
                    click.echo(_row(letter, past, partitions))
                    shown += 1
    finally:
        await log.close()
    if not as_json:
        _say(groups, found, past, limit or KINDS_SHOWN)
    elif found > shown:
        click.echo(f"{found - shown:,} more were left out by --limit", err=True)


def _group(groups: dict[tuple[str, ...], Group], letter: Letter, past: Past, partitions: int) -> None:
    kind = kind_of(letter)
    if kind not in groups and len(groups) >= GROUPS_MAX:
        kind = ("", "", "")
    group = groups.get(kind)
    if group is None:
        verdict = judge(letter, partitions)
        content, at = letter.content, letter.failed_at
        group = groups[kind] = Group(content.stage, content.topic, content.reason, at, at, letter.place)
        group.refused = verdict if isinstance(verdict, Refused) else None
    group.admit(letter, replayed=past.was_replayed(letter))


def _row(letter: Letter, past: Past, partitions: int) -> str:
    verdict = judge(letter, partitions)
    row = letter.content.model_dump(mode="json", exclude={"replayed_at"})
    row["id"] = str(letter.place)
    row["replayed"] = past.was_replayed(letter)
    row["cannot_be_replayed"] = verdict.why if isinstance(verdict, Refused) else None
    return msgspec.json.encode(row).decode()


def _say(groups: dict[tuple[str, ...], Group], found: int, past: Past, limit: int) -> None:
    if past.unreadable:
        click.echo(f"{past.unreadable:,} records of the topic are no dead letters: passed over", err=True)
    if not found:
        click.echo(NO_LETTERS if not past.letters else NONE_MEANT.format(letters=past.letters))
        return
    ordered = sorted(groups.values(), key=lambda group: group.count, reverse=True)
    click.echo(f"{found:,} dead letters, of {len(groups):,} kinds")
    for group in ordered[:limit]:
        click.echo("\n".join(group.lines()))
    if len(ordered) > limit:
        click.echo(f"and {len(ordered) - limit:,} kinds more: --limit {len(ordered)} shows them")
