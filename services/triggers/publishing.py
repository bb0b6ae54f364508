"""`tetik triggers publish`: check the files, show what changes and whom it meets, ask, write.

Asked is who sits at a terminal. A pipeline has nobody to ask, so there the command goes on: it has decided
to publish by calling it, and `--dry-run` is for looking first.
"""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from aiokafka.errors import KafkaError
from rich.console import Console

from schemas.rule_set import RuleSet
from services.asking import somebody_is_there
from services.clock import machine_now, time_by
from services.platform.errors import PlatformError
from services.publish import publish
from services.settings import ProcessSettings, load_settings
from services.triggers.changes import Change, changes_between
from services.triggers.fates import counted, existing_members, fates, starting_with_existing
from services.triggers.folder import read_or_say
from services.triggers.people import People, read_people
from services.triggers.published import PublishedSets, event_partitions, read_published

OK, FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is on the log and what publishing would do to it."""

    partitions: int
    published: PublishedSets
    changes: list[Change]
    people: People | None


def publish_triggers(
    folder: Path | None, templates: Path | None, *, if_empty: bool, yes: bool, dry_run: bool
) -> int:
    """Returns the exit code."""
    rule_set = read_or_say(folder, templates)
    if rule_set is None:
        return FAILED
    settings = load_settings(ProcessSettings)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        plan = asyncio.run(_look(settings, rule_set, if_empty=if_empty))
        if if_empty and plan.published.sets:
            click.echo("rules: published before, left as they are")
            return OK
        for line in _said(plan, rule_set):
            click.echo(line)
        if dry_run:
            click.echo("dry run: nothing was written")
            return OK
        if not yes and plan.changes and somebody_is_there() and not click.confirm("Publish this?"):
            click.echo("rules: left as they are")
            return FAILED
        done = asyncio.run(_write(settings, rule_set, plan.partitions))
    except PlatformError as error:
        click.echo(str(error), err=True)
        return FAILED
    except (KafkaError, OSError) as error:
        click.echo(
            f"nothing is known to be active: Kafka did not take it at {settings.kafka} ({error}). "
            "Publish again; a repeated publish is harmless.",
            err=True,
        )
        return FAILED
    click.echo(f"rules: {done} is active: {', '.join(str(form['id']) for form in rule_set.triggers)}")
    return OK


async def _look(settings: ProcessSettings, rule_set: RuleSet, *, if_empty: bool) -> _Plan:
    """States are read only where somebody may be waiting in a series that changes."""
    partitions = await event_partitions(settings.kafka)
    published = await read_published(settings.kafka, check_crcs=settings.check_crcs)
    active = published.active
    changes = changes_between(active, rule_set)
    people = None
    if active is not None and changes and not if_empty:
        wanted = {form["when"]["enters"] for form in starting_with_existing(active, rule_set)}
        segments = [form for form in rule_set.segments if form["id"] in wanted]
        people = await count_people(settings, published, partitions, segments)
    return _Plan(partitions, published, changes, people)


async def count_people(
    settings: ProcessSettings,
    published: PublishedSets,
    partitions: int,
    segments: list[dict[str, Any]] | None = None,
) -> People:
    """Read all states, saying how far it has come where somebody looks on; members of these segments too."""
    with Console(stderr=True).status("reading who is mid-series") as status:
        return await read_people(
            settings.kafka,
            partitions,
            published.form_of,
            check_crcs=settings.check_crcs,
            segments=segments or (),
            now=machine_now(),
            progress=lambda number: status.update(
                f"reading who is mid-series: partition {number + 1} of {partitions}"
            ),
        )


async def _write(settings: ProcessSettings, rule_set: RuleSet, partitions: int) -> str:
    """The marker bears the time of the clock that the services go by: a change of rules counts from it."""
    now = await time_by(settings.clock, settings.kafka)
    done = await publish(settings.kafka, rule_set, partitions, now, check_crcs=settings.check_crcs)
    return done.digest


def _said(plan: _Plan, rule_set: RuleSet) -> list[str]:
    """The plan, line by line."""
    active = plan.published.active
    if active is not None and not plan.changes:
        return ["nothing changes: this set is the active one"]
    lines = [
        "changes against nothing (the first publish):"
        if active is None
        else f"changes against {active.digest}:"
    ]
    lines += [f"  {line}" for change in plan.changes for line in change.lines]
    people = plan.people
    if people is None:
        return lines
    runs = sum(people.runs.values())
    lines.append(f"mid-series: {counted(runs, 'run')} among {counted(people.customers, 'customer')}")
    lines += [f"  {line}" for line in fates(people, rule_set)]
    starting = starting_with_existing(active, rule_set)
    if starting:
        lines.append("starting with who is there already:")
        lines += [f"  {line}" for line in existing_members(starting, people.members)]
    if people.unreadable:
        lines.append(f"not counted: {counted(people.unreadable, 'customer')} whose state cannot be read")
    return lines
