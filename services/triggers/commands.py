"""`tetik triggers …` on the command line. What each does is imported when it runs."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

Body = Callable[..., None]
"""The function of a command, before click makes a command of it."""
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, path_type=Path)
TEMPLATES = click.option(
    "--templates",
    type=FOLDER,
    help="Folder of templates  [default: templates/ beside, else the shipped ones]",
)
FORMAT = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
FROM_FOLDER = click.option("--folder", type=FOLDER, help="Show these files instead of what is on the log.")


@click.group()
def triggers() -> None:
    """Trigger files: check, test, publish and show them."""


@triggers.command("lint", short_help="Check the files of a folder.")
@click.argument("folder", type=FOLDER, required=False)
@TEMPLATES
@FORMAT
@click.option("--strict", is_flag=True, help="Warnings fail too.")
def triggers_lint(folder: Path | None, templates: Path | None, form: str, strict: bool) -> None:
    """Check every file in FOLDER (default: the library): triggers, segments, policy, templates.

    Ends with 1 if there are errors. Each finding says where it is and what to do.
    """
    from services.triggers.linting import lint_triggers

    sys.exit(lint_triggers(folder, templates, form=form, strict=strict))


@triggers.command("test", short_help="Tell the stories of a folder, in virtual time.")
@click.argument("paths", type=EXISTING, nargs=-1)
@click.option("--folder", type=FOLDER, help="The triggers, if the story files lie elsewhere.")
@TEMPLATES
@click.option("--timeline", is_flag=True, help="Show what happened in stories that went well, too.")
def triggers_test(
    paths: tuple[Path, ...], folder: Path | None, templates: Path | None, timeline: bool
) -> None:
    """Tell the stories of a folder (default: the library), or of story files, in virtual time.

    Ends with 1 if something else was decided than told; the timeline says what, and why.
    """
    from services.triggers.testing import run_stories

    sys.exit(run_stories(paths, folder, templates, timeline=timeline))


@triggers.command("list", short_help="List the triggers that are active.")
@FROM_FOLDER
@TEMPLATES
@FORMAT
def triggers_list(folder: Path | None, templates: Path | None, form: str) -> None:
    """List the triggers of the active set: status, version, mails, and what starts them."""
    from services.triggers.showing import list_triggers

    sys.exit(list_triggers(folder, templates, form=form))


@triggers.command("show", short_help="Show a trigger in words, and who is mid-series.")
@click.argument("trigger_id", metavar="ID")
@FROM_FOLDER
@TEMPLATES
@FORMAT
def triggers_show(trigger_id: str, folder: Path | None, templates: Path | None, form: str) -> None:
    """Show a trigger in words, its conditions as they run, and how many people are mid-series."""
    from services.triggers.showing import show_trigger

    sys.exit(show_trigger(trigger_id, folder, templates, form=form))


@triggers.command("publish", short_help="Show what changes, and activate it.")
@click.argument("folder", type=FOLDER, required=False)
@TEMPLATES
@click.option("--if-empty", is_flag=True, help="Only if nothing was ever published.")
@click.option("--dry-run", is_flag=True, help="Show what would change, write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask. Without a terminal nothing is asked anyway.")
def triggers_publish(
    folder: Path | None, templates: Path | None, if_empty: bool, dry_run: bool, yes: bool
) -> None:
    """Check FOLDER (default: the library), show what changes and for whom, activate it everywhere."""
    from services.triggers.publishing import publish_triggers

    sys.exit(publish_triggers(folder, templates, if_empty=if_empty, yes=yes, dry_run=dry_run))
