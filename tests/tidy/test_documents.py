"""Documents name only what exists: paths, make targets, `tetik` commands with their options, settings."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import PurePosixPath

import click
import pytest

from services.cli import main
from services.settings import EngineProcess, IngestProcess, SenderProcess
from tests.tidy.documents import blocks, code, documents, links, spans
from tests.tidy.repository import ROOT, own_texts, text, tracked

EXPECTED = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
SUFFIXES = (".py", ".md", ".toml", ".yaml", ".yml", ".mjml", ".lock", ".env", ".lark", ".sh", ".xml")
_TETIK = re.compile(r"(?:^|[\s/(])tetik +([a-z][^#`]*)")
_MAKE = re.compile(r"(?:^|[\s;&(])make +([a-z][a-z0-9-]*)")
_SETTING = re.compile(r"\bTETIK_[A-Z_]+\b")
EVERY_DOCUMENT = pytest.mark.parametrize("name", documents())


@cache
def known_paths() -> frozenset[str]:
    """Tracked files and the folders that hold them."""
    return frozenset(
        {*tracked(), *(str(folder) for name in tracked() for folder in PurePosixPath(name).parents)}
    )


def path_patterns(span: str) -> Iterator[str]:
    """The paths a code span names, `{a,b}` unfolded, `<placeholder>` as `*`; none if it is no path."""
    bare = re.sub(r"(::.*|:\d+)$", "", span).removeprefix("./")
    if not re.fullmatch(r"[\w.{},*<>/-]+", bare):
        return
    tops = {name.split("/")[0] for name in tracked()}
    if ("/" in bare and bare.split("/")[0] in tops) or bare.endswith(SUFFIXES):
        yield from _unfold(re.sub(r"<[^>]*>", "*", bare).rstrip("/"))


def _unfold(pattern: str) -> Iterator[str]:
    group = re.search(r"\{([^{}]*)\}", pattern)
    if group is None:
        yield pattern
        return
    for choice in group[1].split(","):
        yield from _unfold(pattern[: group.start()] + choice + pattern[group.end() :])


def exists(pattern: str) -> bool:
    """As a path from the root, or as the end of one."""
    return any(fnmatch(path, pattern) or fnmatch(path, f"*/{pattern}") for path in known_paths())


def make_targets() -> set[str]:
    return {match[1] for match in re.finditer(r"^([a-z0-9-]+):", text("Makefile"), re.MULTILINE)}


def command_problem(words: list[str]) -> str | None:
    """What is wrong with the words after `tetik`. Alternatives are written `a|b` or `a | b`."""
    context = click.Context(main, info_name="tetik")
    commands: list[click.Command] = [main]
    for position, word in enumerate(words):
        if word == "|":
            continue
        option = word.split("=")[0].strip("[],.;")
        if option.startswith("-"):
            for command in commands:
                names = {name for parameter in command.get_params(context) for name in parameter.opts}
                if option not in names:
                    return f"{command.name} has no option {option}"
        elif isinstance(commands[0], click.Group) and not (position and words[position - 1].startswith("-")):
            found = [commands[0].get_command(context, part) for part in word.strip("[],.;").split("|")]
            if None in found:
                return f"{commands[0].name} has no command {word}"
            after_bar = position + 1 < len(words) and words[position + 1] == "|"
            commands = commands if after_bar else [command for command in found if command is not None]
    return None


@pytest.mark.parametrize("name", EXPECTED)
def test_the_documents_are_there(name: str) -> None:
    assert name in tracked()


@EVERY_DOCUMENT
def test_paths_exist(name: str) -> None:
    named = {pattern for span in spans(text(name)) for pattern in path_patterns(span)}
    assert sorted(pattern for pattern in named if not exists(pattern)) == []


@EVERY_DOCUMENT
def test_links_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    assert [target for target in links(text(name)) if not (folder / target).exists()] == []


@EVERY_DOCUMENT
def test_make_targets_exist(name: str) -> None:
    named = {match[1] for line in code(name) for match in _MAKE.finditer(line)}
    assert sorted(named - make_targets()) == []


@EVERY_DOCUMENT
def test_commands_exist(name: str) -> None:
    named = (match[1].split() for line in code(name) for match in _TETIK.finditer(line))
    assert [f"tetik {' '.join(words)}: {said}" for words in named if (said := command_problem(words))] == []


@EVERY_DOCUMENT
def test_settings_exist(name: str) -> None:
    fields = {
        f"TETIK_{field.upper()}"
        for kind in (IngestProcess, EngineProcess, SenderProcess)
        for field in kind.model_fields
    }
    ours = (body for path, body in own_texts() if path.startswith("services/") and path.endswith(".py"))
    read = {setting for body in ours for setting in _SETTING.findall(body)}
    assert sorted(set(_SETTING.findall(text(name))) - fields - read) == []


def test_the_readme_begins_with_two_commands() -> None:
    """One starts everything, one passes all tests; each does its own set-up."""
    lines = blocks(text("README.md"))[0].lines
    assert len(lines) == 2
    for line in lines:
        match = re.fullmatch(r"make ([a-z-]+)(?: +#.*)?", line)
        assert match is not None, line
        assert match[1] in make_targets(), line


@pytest.mark.parametrize(
    ("span", "found"),
    [
        ("services/cli.py", True),
        ("services/cli.py:12", True),
        ("schemas/examples/event/v1/{good,bad}/", True),
        ("sender/templates/<name>/<locale>.mjml", True),
        ("core/step.py", True),
        ("topics.toml", True),
        ("services/gone.py", False),
        ("tests/{unit,gone}", False),
        ("gone.yaml", False),
    ],
)
def test_paths_are_told_apart(span: str, found: bool) -> None:
    patterns = list(path_patterns(span))
    assert patterns
    assert all(map(exists, patterns)) is found


@pytest.mark.parametrize("span", ["application/json", "/v1/events", "tetik.events", "a / b", "once_per"])
def test_what_is_no_path_is_left_alone(span: str) -> None:
    assert list(path_patterns(span)) == []


@pytest.mark.parametrize(
    ("words", "fine"),
    [
        ("up --broker auto --kafka-port 9092", True),
        ("ingest|engine|sender", True),
        ("ingest | engine | sender", True),
        ("triggers publish FOLDER --if-empty", True),
        ("--help", True),
        ("gone", False),
        ("triggers gone", False),
        ("up --gone", False),
        ("ingest | gone", False),
    ],
)
def test_commands_are_told_apart(words: str, fine: bool) -> None:
    assert (command_problem(words.split()) is None) is fine
