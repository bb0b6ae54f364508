"""`tetik segments …` on the command line. What each does is imported when it runs."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from services.triggers.commands import FOLDER

KAFKA = click.option("--kafka", metavar="HOST:PORT", help="The log.  [default: TETIK_KAFKA]")
JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
Body = Callable[..., None]
"""The function of a command, before click makes a command of it."""


@click.group()
def segments() -> None:
    """Segments: how many are in them, and which thresholds fit."""


@segments.command("count", short_help="Count who is in which segment, live.")
@click.argument("folder", type=FOLDER, required=False)
@KAFKA
@JSON
def segments_count(folder: Path | None, kafka: str | None, as_json: bool) -> None:
    """Count the customers in each segment of the active rules, from the committed states of all.

    With FOLDER, also what publishing it would make of them: who would come in, who would drop out.
    """
    from services.segments.counting import count_segments
    from services.settings import ProcessSettings, load_settings

    sys.exit(count_segments(load_settings(ProcessSettings, kafka=kafka), folder, as_json=as_json))


@segments.command("suggest", short_help="Propose thresholds from your own customers.")
@KAFKA
@click.option("--yaml", "as_yaml", is_flag=True, help="The segment files, ready to paste.")
@JSON
def segments_suggest(kafka: str | None, as_yaml: bool, as_json: bool) -> None:
    """Propose the numbers of vip, rfm-loyal, engaged, high-value-cart, active-customer, lapsing and lost.

    From the committed states of all customers, by quantiles; with how many customers each would hold. Where
    there are too few customers to tell, the shipped numbers stay, and it says so.
    """
    from services.segments.suggesting import Form, suggest_segments
    from services.settings import ProcessSettings, load_settings

    if as_yaml and as_json:
        raise click.UsageError("choose one of --yaml and --json")
    form: Form = "yaml" if as_yaml else "json" if as_json else "table"
    sys.exit(suggest_segments(load_settings(ProcessSettings, kafka=kafka), form))
