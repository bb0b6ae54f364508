"""`tetik triggers list` and `show`: the triggers on the log or of a folder, for people and programs."""

import asyncio
import json
import logging
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from aiokafka.errors import KafkaError

from schemas.rule_set import RuleSet
from services.platform.errors import PlatformError
from services.settings import ProcessSettings, load_settings
from services.triggers.fates import counted
from services.triggers.folder import read_or_say
from services.triggers.people import People
from services.triggers.published import PublishedSets, event_partitions, read_published
from services.triggers.publishing import count_people
from services.triggers.words import conditions_of, mail_steps, one_line, pattern_in_words, trigger_in_words
from trigger_engine.core.cel import compile_value
from trigger_engine.core.language import trigger_version
from trigger_engine.core.variables import DECLARATIONS, MAIL_DECLARATIONS, access_to

OK, FAILED = 0, 1
_NAMES = {**DECLARATIONS, **MAIL_DECLARATIONS}
"""Everything that any expression may name; what each may, is checked when the file is read."""
_ACCESS = access_to(_NAMES)
COLUMNS = ("id", "status", "kind", "version", "mails", "starts")
IN_ONE_LINE = 4
"""So many of them stand in one line where a terminal is narrow."""


def list_triggers(folder: Path | None, templates: Path | None, *, form: str) -> int:
    """Returns the exit code."""

    def show(rule_set: RuleSet) -> int:
        rows = [row_of(trigger) for trigger in rule_set.triggers]
        if form == "json":
            click.echo(_json({"digest": rule_set.digest, "triggers": rows}))
            return OK
        click.echo(f"rules {rule_set.digest}")
        for line in listing(rows, shutil.get_terminal_size().columns if sys.stdout.isatty() else None):
            click.echo(line)
        return OK

    if folder is not None:
        rule_set = read_or_say(folder, templates)
        return FAILED if rule_set is None else show(rule_set)
    return _on_the_log(lambda published, people: show(_active(published)), with_people=False)


def show_trigger(name: str, folder: Path | None, templates: Path | None, *, form: str) -> int:
    """Returns the exit code."""
    if folder is not None:
        rule_set = read_or_say(folder, templates)
        return FAILED if rule_set is None else _show(name, rule_set, None, form)
    return _on_the_log(
        lambda published, people: _show(name, _active(published), people, form), with_people=True
    )


class NothingPublished(PlatformError):
    """There is no active set."""


def _active(published: PublishedSets) -> RuleSet:
    if published.active is None:
        raise NothingPublished("no rules were published yet: tetik triggers publish FOLDER")
    return published.active


def _on_the_log(show: Callable[[PublishedSets, People | None], int], *, with_people: bool) -> int:
    """Read the log and show; what goes wrong is said in one line."""
    settings = load_settings(ProcessSettings)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    async def read() -> tuple[PublishedSets, People | None]:
        published = await read_published(settings.kafka, check_crcs=settings.check_crcs)
        if not with_people or published.active is None:
            return published, None
        partitions = await event_partitions(settings.kafka)
        return published, await count_people(settings, published, partitions)

    try:
        return show(*asyncio.run(read()))
    except (KafkaError, OSError) as error:
        said = f"Kafka at {settings.kafka} cannot be read ({error}). A folder is shown with --folder FOLDER."
    except PlatformError as error:
        said = str(error)
    click.echo(said, err=True)
    return FAILED


def row_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """A trigger as one row."""
    return {
        "id": form["id"],
        "status": form["status"],
        "kind": form["kind"],
        "version": trigger_version(form),
        "mails": mail_steps(form),
        "starts": pattern_in_words(form),
    }


def listing(rows: Iterable[Mapping[str, Any]], width: int | None) -> list[str]:
    """A line for each trigger; where the terminal has not the width (in characters), a few short ones."""
    texts = [COLUMNS, *(tuple(_cell(row[name]) for name in COLUMNS) for row in rows)]
    lines = _table(texts)
    if width is None or max(map(len, lines)) <= width:
        return lines
    lines = []
    for text, head in zip(texts[1:], _table([text[:IN_ONE_LINE] for text in texts[1:]]), strict=True):
        lines.append(head)
        for name, cell in zip(COLUMNS[IN_ONE_LINE:], text[IN_ONE_LINE:], strict=True):
            indent = f"    {name:<8}"
            lines += textwrap.wrap(
                cell, max(width, 40), initial_indent=indent, subsequent_indent=" " * len(indent)
            )
    return lines


def _table(texts: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return [
        "  ".join(part.ljust(width) for part, width in zip(text, widths, strict=True)).rstrip()
        for text in texts
    ]


def _show(name: str, rule_set: RuleSet, people: People | None, form: str) -> int:
    forms = {str(trigger["id"]): trigger for trigger in rule_set.triggers}
    if name not in forms:
        near = get_close_matches(name, forms, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(forms)}"
        click.echo(f"there is no trigger {name!r} in this set; {hint}", err=True)
        return FAILED
    trigger = forms[name]
    conditions = shown_conditions(trigger)
    places = {} if people is None else people.of_trigger(name)
    if form == "json":
        shown = {
            "version": trigger_version(trigger),
            "rules_digest": rule_set.digest,
            "trigger": trigger,
            "conditions": conditions,
            "runs": None
            if people is None
            else [
                {"version": place.version, "after_mail": place.after_mail or None, "runs": count}
                for place, count in places.items()
            ],
        }
        click.echo(_json(shown))
        return OK
    for line in trigger_in_words(trigger, trigger_version(trigger)):
        click.echo(line)
    if conditions:
        click.echo("  conditions, and the Python they run as")
    for condition in conditions:
        click.echo(f"    {condition['field']}: {one_line(condition['source'])}")
        for line in condition["python"].splitlines():
            click.echo(f"        {line}")
    if people is not None:
        click.echo(f"  mid-series: {counted(sum(places.values()), 'run')}")
        for place, count in places.items():
            click.echo(f"    {count} of version {place.version} {place}")
    return OK


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def shown_conditions(form: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each expression of a trigger: its field, its source, and the Python that it runs as."""
    return [
        {"field": field, "source": source, "python": compile_value(source, _NAMES, _ACCESS).python.strip()}
        for field, source in conditions_of(form)
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
