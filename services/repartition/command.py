"""`tetik repartition`: look, say what will be done, ask, do it, look again.

Everything must be stopped: engines and senders are asked for, and what ingest or anything else writes
meanwhile is noticed. Cut off at any point, the command is run again; until it has ended, no engine works.
"""

import asyncio
import logging
from dataclasses import dataclass

import click
from aiokafka.errors import KafkaError

from schemas.topics import EVENTS, PRODUCTS, STATE_CHANGELOG
from services.asking import agreed
from services.platform.errors import PlatformError
from services.progress import Bar
from services.repartition.layout import home_of
from services.repartition.looking import (
    GROWN_LAST,
    Layout,
    look,
    refuse_unfinished,
)
from services.repartition.moving import at_home, grow, lock, move, only_mover, open_again
from services.settings import ProcessSettings
from services.standstill import NotAtRest, refuse_members, unanswered
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.log_port import Fenced
from trigger_engine.adapters.partitioning import partition_of

OK, FAILED = 0, 1
QUIET_S = 2.0
"""How long nothing may be written to the events before it is begun."""


class Damaged(PlatformError):
    """The states do not come to what they came to before: a fault of ours, and nothing is opened."""


@dataclass(slots=True)
class Done:
    """What a repartition came to."""

    before: Layout
    after: Layout | None = None
    forgotten: dict[str, int] | None = None
    strays: int = 0


def repartition(settings: ProcessSettings, target: int, *, yes: bool, dry_run: bool) -> int:
    """Returns the exit code."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        before = asyncio.run(_look(settings, target))
        if not before.begun and before.present == target and not before.away and not before.strays:
            click.echo(f"repartition: there are {target} partitions, and everything is where it belongs")
            return OK
        for line in _planned(before):
            click.echo(line)
        if dry_run:
            click.echo("dry run: nothing was written")
            return OK
        if not yes and not agreed("Kafka takes no partition away again. Do this?"):
            click.echo("repartition: everything is left as it is")
            return FAILED
        done = asyncio.run(_do(settings, before))
    except Fenced:
        click.echo("repartition: another one was begun since; this one has ended, that one goes on", err=True)
        return FAILED
    except PlatformError as error:
        click.echo(f"repartition: {error}", err=True)
        return FAILED
    except (KafkaError, OSError) as error:
        click.echo(f"repartition: {unanswered(settings, error)}", err=True)
        return FAILED
    return _told(done)


def _planned(layout: Layout) -> list[str]:
    states = f"{layout.sum.states:,} states, of which {layout.away:,} move"
    lines = [f"from {layout.present} partitions to {layout.target}: {states}"]
    if layout.begun:
        lines.insert(0, "a repartition was begun, or a topic has been given partitions: this goes on with it")
    if layout.waiting_count:
        lines.append(f"{layout.waiting_count:,} records that no engine has applied are written again behind")
    return lines


def _told(done: Done) -> int:
    before, after = done.before, done.after
    assert after is not None, "it has ended"
    click.echo(f"before: {before.sum}")
    click.echo(f"behind: {after.sum}")
    for pool, count in (done.forgotten or {}).items():
        click.echo(f"pool {pool}: {count:,} codes given long ago are forgotten; don't import them again")
    if after.controls:
        click.echo("a change of rules, or codes, came meanwhile: publish the rules once more")
    if done.strays:
        click.echo(
            f"repartition: {done.strays:,} records were written meanwhile by a process that knew of fewer "
            "partitions: stop it, start no engine, and run this again",
            err=True,
        )
        return FAILED
    click.echo(
        f"repartition: everything is laid out over {before.target} partitions. Set "
        f"TETIK_PARTITIONS={before.target} in all processes, then start them"
    )
    return OK


async def _look(settings: ProcessSettings, target: int) -> Layout:
    log = KafkaLog(settings.kafka, check_crcs=settings.check_crcs)
    await refuse_members(settings)
    try:
        with Bar("partition ") as bar:
            layout = await look(settings, log, target, bar.show)
            refuse_unfinished(layout)
            await asyncio.sleep(QUIET_S)
            await _refuse_writers(log, layout)
    finally:
        await log.close()
    return layout


async def _refuse_writers(log: KafkaLog, layout: Layout) -> None:
    numbers = list(range(layout.topics[EVENTS].partitions))
    ends = await log.end_offsets(EVENTS, numbers, committed=False)
    written = sum(end - layout.written[number] for number, end in ends.items())
    if written > 0:
        raise NotAtRest(
            f"something writes to {EVENTS} ({written:,} records meanwhile): stop ingest, the sender and "
            "whatever else does, and begin again"
        )


async def _do(settings: ProcessSettings, before: Layout) -> Done:
    target, done = before.target, Done(before)
    log = KafkaLog(settings.kafka, check_crcs=settings.check_crcs)
    try:
        with Bar("partition ") as bar:
            await refuse_members(settings)
            async with only_mover(log) as writer:
                present = before.topics[STATE_CHANGELOG].partitions
                await lock(log, before, range(present), bar.show)
                await grow(settings, log, (STATE_CHANGELOG,), target)
                await lock(log, before, range(present, target), bar.show)
                await grow(settings, log, GROWN_LAST, target)
                await move(log, writer, STATE_CHANGELOG, home_of, target, bar.show)
                newer = await at_home(log, PRODUCTS, partition_of, target, bar.show)
                await move(log, writer, PRODUCTS, partition_of, target, bar.show, newer=newer)
                after = done.after = await look(settings, log, target, bar.show)
                if after.sum != before.sum or after.away:
                    raise Damaged(
                        f"the states came to {before.sum} and come to {after.sum}, {after.away:,} of them "
                        "not where they belong: a fault of this program. No engine can start on them; what "
                        "was moved is in the changelog still. Keep the topics as they are and report it"
                    )
                await _refuse_writers(log, after)
                done.forgotten = (await open_again(log, writer, after)).forgotten
            # what was written between the last look and the opening, by who knew of fewer partitions
            done.strays = (await look(settings, log, target, bar.show)).strays
    finally:
        await log.close()
    return done
