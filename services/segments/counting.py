"""`tetik segments count`: the members of each segment, live, and what a folder would make of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from schemas.rule_set import RuleSet
from services.clock import machine_now
from services.segments.census import Census, Row
from services.segments.reading import Read, answer_of, read_latest
from services.segments.tables import share, table
from services.settings import ProcessSettings
from services.triggers.fates import counted
from services.triggers.folder import check_folder
from services.triggers.published import read_published
from services.triggers.showing import NothingPublished

OK, FAILED = 0, 1


def count_segments(settings: ProcessSettings, folder: Path | None, *, as_json: bool) -> int:
    """Returns the exit code."""
    planned: RuleSet | None = None
    if folder is not None:
        checked = check_folder(folder, texts=False)
        for remark in checked.errors:
            click.echo(str(remark), err=True)
        if checked.rule_set is None:
            return FAILED
        planned = checked.rule_set
    counts = answer_of(_count(settings, planned), settings)
    if counts is None:
        return FAILED
    active, census, read = counts
    if as_json:
        shown = as_data(active, census, read, with_folder=planned is not None)
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return OK
    for line in lines(active, census, read, with_folder=planned is not None):
        click.echo(line)
    return OK


async def _count(settings: ProcessSettings, planned: RuleSet | None) -> tuple[RuleSet | None, Census, Read]:
    active = (await read_published(settings.kafka, check_crcs=settings.check_crcs)).active
    if active is None and planned is None:
        raise NothingPublished("no rules were published yet: tetik triggers publish FOLDER")
    census = Census(active, planned, machine_now())
    read = await read_latest(settings, census.standing, census.fold)
    return active, census, read


def lines(active: RuleSet | None, census: Census, read: Read, *, with_folder: bool) -> Iterator[str]:
    """For people."""
    people = census.customers
    heads: tuple[str, ...]
    yield "no rules are active yet" if active is None else f"rules {active.digest}"
    yield (
        f"{counted(people.customers, 'customer')}, {people.reachable:,} of them reachable by mail"
        f" ({share(people.reachable, people.customers) or '0%'}), {census.visitors:,} known as a device only"
    )
    if not census.rows:
        yield "there are no segments"
    elif with_folder:
        heads = ("segment", "live", "share", "planned", "share", "entering", "leaving", "reachable", "")
        yield from table([heads, *(_planned_row(row, people.customers) for row in census.rows)], left=(0, 8))
    else:
        heads = ("segment", "customers", "share", "reachable", "share of them")
        yield from table([heads, *(_live_row(row, people.customers) for row in census.rows)])
    if active is not None and census.behind:
        yield (
            f"not yet in line with these rules: {counted(census.behind, 'customer')}; engines bring them in "
            "line in slices, or at their next event"
        )
    if read.unreadable:
        yield f"not counted: {counted(read.unreadable, 'customer')} whose state cannot be read"


def _live_row(row: Row, of: int) -> tuple[str, ...]:
    live = row.live
    part = share(live.reachable, live.customers)
    return (row.id, f"{live.customers:,}", share(live.customers, of), f"{live.reachable:,}", part)


def _planned_row(row: Row, of: int) -> tuple[str, ...]:
    live, planned = row.live.customers, row.planned.customers
    return (
        row.id,
        f"{live:,}",
        share(live, of),
        f"{planned:,}",
        share(planned, of),
        f"{row.entering:+,}" if row.entering else "0",
        f"{-row.leaving:+,}" if row.leaving else "0",
        f"{row.planned.reachable:,}",
        "" if row.fate == "unchanged" else str(row.fate),
    )


def as_data(active: RuleSet | None, census: Census, read: Read, *, with_folder: bool) -> dict[str, Any]:
    """For programs."""
    return {
        "rules_digest": None if active is None else active.digest,
        "customers": census.customers.customers,
        "reachable": census.customers.reachable,
        "devices_only": census.visitors,
        "behind": census.behind if active is not None else 0,
        "unreadable": read.unreadable,
        "segments": [
            {"id": row.id, "customers": row.live.customers, "reachable": row.live.reachable}
            | (_planned_data(row) if with_folder else {})
            for row in census.rows
        ],
    }


def _planned_data(row: Row) -> dict[str, Any]:
    return {
        "fate": row.fate,
        "planned_customers": row.planned.customers,
        "planned_reachable": row.planned.reachable,
        "entering": row.entering,
        "leaving": row.leaving,
    }
