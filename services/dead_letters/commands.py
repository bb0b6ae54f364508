"""`tetik dead-letters …` on the command line. What each does is imported when it runs."""

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from services.dead_letters.letters import Wanted

Body = Callable[..., None]
"""The function of a command, before click makes a command of it."""
_ID = re.compile(r"(?P<topic>[A-Za-z0-9._-]+)/(?P<partition>-1|\d+)/(?P<offset>-1|\d+)")


def choosing_options(command: Body) -> Body:
    """The options that say which letters are meant."""
    options = (
        click.option("--kafka", metavar="HOST:PORT", help="The log.  [default: TETIK_KAFKA]"),
        click.option(
            "--stage", type=click.Choice(["ingest", "engine", "sender"]), help="Who put them aside."
        ),
        click.option("--topic", help="Where the records stood."),
        click.option("--reason", metavar="TEXT", help="What their reason contains."),
        click.option("--since", metavar="WHEN", help="Put aside since an instant, or for so long: 2h, 7d."),
        click.option(
            "--id", "ids", multiple=True, metavar="TOPIC/PARTITION/OFFSET", help="These; may be repeated."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _wanted(
    stage: str | None, topic: str | None, reason: str | None, since: str | None, ids: tuple[str, ...]
) -> "Wanted":
    from services.dead_letters.letters import Place, Wanted

    places = set()
    for text in ids:
        match = _ID.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"{text!r} is no TOPIC/PARTITION/OFFSET", param_hint="--id")
        places.add(Place(match["topic"], int(match["partition"]), int(match["offset"])))
    return Wanted(stage, topic, reason, None if since is None else _instant(since), frozenset(places))


def _instant(since: str) -> int:
    from schemas.instants import parse_instant
    from services.clock import machine_now
    from trigger_engine.core.durations import parse_duration

    try:
        return parse_instant(since)
    except ValueError:
        pass
    try:
        return machine_now() - parse_duration(since)
    except ValueError as error:
        raise click.BadParameter(
            f"{since!r} is neither an instant, as 2026-11-29T08:00:00Z, nor a duration, as 2h",
            param_hint="--since",
        ) from error


@click.group("dead-letters")
def dead_letters() -> None:
    """What could not be used: see it, and use it after all."""


@dead_letters.command("list", short_help="What could not be used, by reason.")
@choosing_options
@click.option(
    "--limit", type=click.IntRange(1), help="Show so many.  [default: 20 kinds; with --json all letters]"
)
@click.option("--json", "as_json", is_flag=True, help="The letters, one a line, for programs.")
def letters_list(kafka: str | None, limit: int | None, as_json: bool, **choice: Any) -> None:
    """Show what could not be used, by reason, and whether a replay would help."""
    from services.dead_letters.listing import list_letters
    from services.settings import ProcessSettings, load_settings

    wanted = _wanted(**choice)
    sys.exit(list_letters(load_settings(ProcessSettings, kafka=kafka), wanted, limit=limit, as_json=as_json))


@dead_letters.command("replay", short_help="Use them after all.")
@choosing_options
@click.option(
    "--limit", type=click.IntRange(1), default=100_000, show_default=True, help="Replay so many, the oldest."
)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing.")
def letters_replay(kafka: str | None, limit: int, yes: bool, dry_run: bool, **choice: Any) -> None:
    """Write the events among them again: with the id and the instant they had, received now.

    Each is replayed once, however often this is called. What cannot be replayed is counted and said.

    Mend the cause first: what fails again is put aside again, and an engine stops where more than
    TETIK_REJECTED_MAX of 1,000 inputs fail. If in doubt, try a few: --limit 10.
    """
    from services.dead_letters.replaying import replay_letters
    from services.settings import ProcessSettings, load_settings

    wanted = _wanted(**choice)
    settings = load_settings(ProcessSettings, kafka=kafka)
    sys.exit(replay_letters(settings, wanted, limit=limit, yes=yes, dry_run=dry_run))
