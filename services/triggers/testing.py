"""`tetik triggers test`: tell the stories of a folder, and show what came instead of what was told."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click

from schemas.rule_set import RuleSet
from services.triggers.fates import counted
from services.triggers.folder import LIBRARY as LIBRARY
from services.triggers.folder import Checked, Place, check_folder
from services.triggers.judge import Told, tell, timeline_of
from services.triggers.story import Names
from services.triggers.story_files import StoryFile, read_stories
from trigger_engine.core.rules import Rules, load_rules

OK, FAILED = 0, 1
INDENT = "    "


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The folder whose triggers play, and the files that tell."""

    place: Place
    files: tuple[Path, ...]


def run_stories(
    paths: tuple[Path, ...], folder: Path | None, templates: Path | None, *, timeline: bool
) -> int:
    """`paths`: a folder (default: `folder`, or the library), or story files. Returns the exit code."""
    chosen = _choose(paths, folder)
    checked = check_folder(chosen.place.folder, templates, texts=False)
    if checked.rule_set is None:
        return _refuse(checked)
    if not chosen.files:
        click.echo(
            f"there are no stories in {chosen.place.home / 'stories'}; see docs/reference/stories.md",
            err=True,
        )
        return FAILED
    names = Names.of(checked.rule_set)
    files = [read_stories(path, chosen.place.name_of(path), names) for path in chosen.files]
    remarks = [remark for file in files for remark in file.remarks]
    for remark in remarks:
        click.echo(str(remark), err=True)
    told = list(tell_all(files, checked.rule_set))
    for file, one in told:
        for line in _lines(file, one, timeline=timeline):
            click.echo(line)
    failed = sum(bool(one.failures) for _, one in told)
    summary = f"{counted(len(told), 'story')}: {len(told) - failed} as told, {failed} not"
    click.echo(summary + (f"; {counted(len(remarks), 'mistake')} in the files" if remarks else ""))
    return FAILED if failed or remarks else OK


def tell_all(files: Iterable[StoryFile], rule_set: RuleSet) -> Iterable[tuple[StoryFile, Told]]:
    """Tell every story of these files by a rule set. Raises RulesError if the engine refuses the set."""

    @cache
    def rules_for(triggers: tuple[str, ...]) -> Rules:
        return load_rules(_cast(rule_set, triggers))

    for file in files:
        for story in file.stories:
            yield file, tell(story, rules_for(story.triggers))


def _cast(rule_set: RuleSet, triggers: tuple[str, ...]) -> RuleSet:
    """The set with only these triggers at work; a draft or paused one that is named plays as if live."""
    if not triggers:
        return rule_set
    forms = []
    for form in rule_set.triggers:
        shadow = form["status"] == "shadow"
        status = ("shadow" if shadow else "live") if form["id"] in triggers else "draft"
        forms.append({**form, "status": status})
    return RuleSet.of(forms, segments=rule_set.segments, policy=rule_set.policy, templates=rule_set.templates)


def _choose(paths: tuple[Path, ...], folder: Path | None) -> _Chosen:
    """The stories of a folder; or single files, whose triggers lie around `stories/` or in `folder`."""
    folders = [path for path in paths if path.is_dir()]
    if not paths or folders:
        if len(paths) > 1 or (folders and folder is not None):
            raise click.UsageError("name one folder, or story files")
        place = Place(folders[0] if folders else folder or LIBRARY)
        return _Chosen(place, tuple(place.stories))
    files = tuple(path.resolve() for path in paths)
    if folder is not None:
        return _Chosen(Place(folder.resolve()), files)
    homes = {path.parent.parent for path in files if path.parent.name == "stories"}
    if len(homes) != 1 or any(path.parent.name != "stories" for path in files):
        raise click.UsageError(
            "story files lie in a folder stories/ beside the triggers they are about; "
            "for others name the triggers' folder with --folder"
        )
    return _Chosen(Place(homes.pop()), files)


def _refuse(checked: Checked) -> int:
    for remark in checked.errors:
        click.echo(str(remark), err=True)
    click.echo("the stories are not told before the triggers are fine", err=True)
    return FAILED


def _lines(file: StoryFile, told: Told, *, timeline: bool) -> Iterable[str]:
    line = file.line_of(told.story.path)
    yield f"{'FAILED' if told.failures else 'ok':<6} {file.name}:{line}: {told.story.title}"
    for failure in told.failures:
        yield f"{INDENT}{file.name}:{file.line_of(failure.path)}: {failure.message}"
    if told.failures or timeline:
        yield f"{INDENT}What happened (times of the story, and UTC):"
        yield from (f"{INDENT}{each}" for each in timeline_of(told))
