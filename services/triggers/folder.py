"""Reading a folder of trigger files into a rule set, or into everything that is wrong with it.

A file's place says what it is:

    shop/*.yaml, shop/triggers/*.yaml    triggers
    shop/segments/*.yaml                 segments
    shop/policy.yaml                     the policy
    shop/templates/<name>/mail.mjml      templates (without the folder: the shipped ones)
    shop/stories/*.yaml                  stories, for `tetik triggers test`

`shop/triggers` may be named instead of `shop`. `.yml` is as good as `.yaml`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from schemas.rule_set import RuleSet, Template, TemplateText
from sender.adapters.template_files import SHIPPED, read_templates
from trigger_engine.core.language import walk
from trigger_engine.core.lint import Finding, lint
from trigger_engine.core.rules import RulesError, load_rules
from trigger_engine.core.template_names import ON_DEMAND, RECOMMENDED, data_read_by
from trigger_engine.core.trigger_file import (
    RuleFile,
    TriggerFileErrors,
    read_policy,
    read_segment,
    read_trigger,
)

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARY = ROOT / "trigger_engine" / "library"
TEMPLATES = ROOT / "sender" / "templates"

_POLICY = ("policy.yaml", "policy.yml")
_TEMPLATE_FINDING = re.compile(
    r"(?P<file>\S+\.(?:mjml|txt|toml))(?:, line (?P<line>\d+)|(?=: )|(?= ))(?:: )?(?P<said>.*)"
)

Kind = Literal["marketing", "transactional"]


class PublishRefused(ValueError):
    """The files are not fit to publish; the message lists every error, one a line."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A folder as it was found: the set if nothing is wrong, and what there is to say, by file and line."""

    rule_set: RuleSet | None
    remarks: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps it from being published."""
        return tuple(remark for remark in self.remarks if remark.level == "error")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parts of a shop's rules lie. `folder` is what was named."""

    folder: Path

    @property
    def home(self) -> Path:
        """The folder that holds all parts."""
        return self.folder.parent if self.folder.name == "triggers" else self.folder

    @property
    def triggers(self) -> list[Path]:
        """The trigger files."""
        found = _yaml_files(self.folder) + _yaml_files(self.folder / "triggers")
        return [file for file in found if file.name not in _POLICY]

    @property
    def segments(self) -> list[Path]:
        """The segment files."""
        return self._beside("segments")

    @property
    def stories(self) -> list[Path]:
        """The story files."""
        return self._beside("stories")

    @property
    def policies(self) -> list[Path]:
        """The policy file; where there are several, only one can be meant."""
        folders = dict.fromkeys((self.home, self.home / "triggers", self.folder))
        candidates = (folder / name for folder in folders for name in _POLICY)
        return [path for path in candidates if path.is_file()]

    @property
    def templates(self) -> Path:
        """The folder of templates."""
        own = self.home / "templates"
        return own if own.is_dir() else TEMPLATES

    def name_of(self, file: Path) -> str:
        """A file as messages name it: from the home on."""
        return file.relative_to(self.home if file.is_relative_to(self.home) else file.parent).as_posix()

    def _beside(self, name: str) -> list[Path]:
        return _yaml_files(self.home / name) + _yaml_files(self.home / "triggers" / name)


def check_folder(folder: Path | None, templates: Path | None = None, *, texts: bool = True) -> Checked:
    """Read and check everything (default: the library and its templates).

    What is wrong in a single file comes first; what concerns several, and the templates, is looked at only
    when each file is fine, so that nothing is said that merely follows from something else. Without `texts`,
    templates are not compiled: quick, for who wants decisions and what mails are given, not how they look.
    """
    place = Place(folder or LIBRARY)
    template_folder = templates or place.templates
    if not place.triggers:
        said = f"there are no trigger files (*.yaml) in {place.folder}"
        return Checked(None, (Finding("error", place.folder.name, 1, "folder", said),))
    remarks: list[Finding] = []
    triggers = _read_all(place, place.triggers, read_trigger, remarks)
    segments = _read_all(place, place.segments, read_segment, remarks)
    policies = _read_all(place, place.policies, read_policy, remarks)
    remarks += [
        Finding("error", place.name_of(path), 1, "file", "there are two policies", "keep one of them")
        for path in place.policies[1:]
    ]
    if remarks:
        return Checked(None, _in_order(remarks))
    policy = policies[0] if policies else None
    compiled = (
        _read_templates(template_folder, triggers, remarks)
        if texts
        else _as_written(template_folder, remarks)
    )
    names = None if compiled is None else {template.name for template in compiled}
    remarks += lint(triggers, segments, policy, names, _recommending(compiled or []) if texts else None)
    if compiled is None or any(remark.level == "error" for remark in remarks):
        return Checked(None, _in_order(remarks))
    used = {name for file in triggers for name in templates_of(file.form)}
    if texts:
        remarks += _missing_languages(template_folder, [each for each in compiled if each.name in used])
    rule_set = RuleSet.of(
        [file.form for file in triggers],
        segments=[file.form for file in segments],
        policy=policy.form if policy else {},
        templates=[template for template in compiled if template.name in used],
    )
    try:
        load_rules(rule_set)
    except RulesError as error:  # what a check should have said; the engine would refuse it
        remarks.append(Finding("error", place.folder.name, 1, "rules", str(error)))
        return Checked(None, _in_order(remarks))
    return Checked(rule_set, _in_order(remarks))


def read_rule_set(triggers: Path, templates: Path | None = None) -> RuleSet:
    """The rule set of a folder; warnings do not count. Raises PublishRefused with every error."""
    checked = check_folder(triggers, templates)
    if checked.rule_set is None:
        raise PublishRefused("\n".join(map(str, checked.errors)))
    return checked.rule_set


def read_or_say(folder: Path | None, templates: Path | None) -> RuleSet | None:
    """The rule set; what is wrong or odd goes to stderr. None if there are errors."""
    checked = check_folder(folder, templates)
    for remark in checked.remarks:
        click.echo(str(remark), err=True)
    return checked.rule_set


def bytes_of(path: Path) -> bytes:
    """What a file holds. Raises OSError; also for a pipe or a device, which might never end."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(None, "it is a pipe or a device")
    return path.read_bytes()


def _yaml_files(folder: Path) -> list[Path]:
    """The files of a folder; those that editors hide (`.#cart.yaml`) are not meant."""
    found = [path for path in sorted(folder.glob("*")) if not path.name.startswith(".")]
    return [path for ending in (".yaml", ".yml") for path in found if path.suffix.lower() == ending]


def _in_order(remarks: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(remarks, key=lambda remark: (remark.file, remark.line, remark.field)))


def _read_all(
    place: Place, paths: list[Path], read: Callable[[bytes, str], RuleFile], remarks: list[Finding]
) -> list[RuleFile]:
    files = []
    for path in paths:
        name = place.name_of(path)
        try:
            files.append(read(bytes_of(path), name))
        except TriggerFileErrors as errors:
            remarks += [
                Finding("error", name, each.line, each.field, each.message, each.suggestion, each.column)
                for each in errors.errors
            ]
        except OSError as error:
            remarks.append(Finding("error", name, 1, "file", f"it cannot be read: {error.strerror}"))
    return files


def _read_templates(folder: Path, triggers: list[RuleFile], remarks: list[Finding]) -> list[Template] | None:
    try:
        return read_templates(folder, _kinds([file.form for file in triggers]))
    except UnicodeDecodeError:
        remarks.append(Finding("error", folder.name, 1, "file", "a file is no text in UTF-8"))
    except OSError as error:
        remarks.append(Finding("error", folder.name, 1, "file", f"it cannot be read: {error.strerror}"))
    except ValueError as error:  # TemplateRefused: a finding a line
        remarks += [_of_template(folder, line) for line in str(error).splitlines()]
    return None


def _missing_languages(folder: Path, templates: list[Template]) -> Iterable[Finding]:
    """Languages that other mails of the set have and this one lacks."""
    known = {locale for template in templates for locale in template.locales}
    for template in templates:
        for locale in sorted(known - set(template.locales)):
            said = f"there is no {locale}, which other mails have; it goes out in another language then"
            file = f"{folder.name}/{template.name}"
            hint = f"write {template.name}/words.{locale}.toml, or {locale}.mjml and {locale}.txt"
            yield Finding("warning", file, 1, "template", said, hint)


def _recommending(templates: Iterable[Template]) -> set[str]:
    """Those that show recommended products."""
    return {each.name for each in templates if RECOMMENDED in data_read_by(each)}


def _as_written(folder: Path, remarks: list[Finding]) -> list[Template] | None:
    """Templates that are not compiled. As it is not looked at which partials they use, they ask for all data
    that any of these names."""
    folders = [each for each in sorted(folder.iterdir()) if each.is_dir() and each.name[0] not in "_."]
    try:
        shared = "".join(
            _sources_of(each) for place in {SHIPPED, folder} for each in sorted(place.glob("_*"))
        )
        return [
            Template.of(each.name, {"en": TemplateText(subject=each.name, html=html, text=each.name)})
            for each in folders
            if (html := _sources_of(each) + shared)
        ]
    except OSError as error:
        remarks.append(Finding("error", folder.name, 1, "file", f"it cannot be read: {error.strerror}"))
    return None


def _sources_of(folder: Path) -> str:
    files = [file for file in sorted(folder.iterdir()) if file.suffix in (".mjml", ".txt", ".toml")]
    return " ".join([*ON_DEMAND, *(bytes_of(file).decode("utf-8", "replace") for file in files)])


def _of_template(folder: Path, finding: str) -> Finding:
    match = _TEMPLATE_FINDING.match(finding)
    if match is None:
        return Finding("error", folder.name, 1, "template", finding)
    file = f"{folder.name}/{match['file']}"
    return Finding("error", file, int(match["line"] or 1), "template", match["said"].strip())


def _kinds(forms: Iterable[dict[str, Any]]) -> dict[str, Kind]:
    """The kind of each template used: marketing if any marketing trigger mails it (that asks for more)."""
    kinds: dict[str, Kind] = {}
    for form in forms:
        for name in templates_of(form):
            if kinds.get(name) != "marketing":
                kinds[name] = form["kind"]
    return kinds


def templates_of(form: dict[str, Any]) -> set[str]:
    """The templates that a trigger's normal form names, those of variants and of `else` too."""
    names: set[str] = set()
    for _, step in walk(form["steps"]):
        mail = step.get("mail", {})
        names.update(mail.values() if isinstance(mail, dict) else [mail])
        names.update([step["else"]] if "else" in step else [])
    return names
