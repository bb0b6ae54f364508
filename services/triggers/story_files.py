"""Story files: YAML to stories, every mistake with its line."""

from dataclasses import dataclass
from pathlib import Path

from services.triggers.folder import bytes_of
from services.triggers.story import Names, Story
from services.triggers.story_reader import stories_of
from trigger_engine.core.language.problems import Path as FieldPath
from trigger_engine.core.language.source import Source
from trigger_engine.core.lint import Finding

FILE_LENGTH_MAX = 256_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class StoryFile:
    """A file's stories, or what is wrong with it."""

    name: str
    stories: tuple[Story, ...]
    remarks: tuple[Finding, ...]
    source: Source

    def line_of(self, path: FieldPath) -> int:
        """The line, from 1, of a part of the file."""
        return self.source.line_of(path)


def read_stories(path: Path, name: str, names: Names) -> StoryFile:
    """Read one file; `name` is what messages call it. Never raises for what the file holds."""
    try:
        return parse_stories(bytes_of(path).decode("utf-8"), name, names)
    except UnicodeDecodeError:
        return _refused(name, "it is no text in UTF-8", "save it as UTF-8 in the editor")
    except OSError as error:
        return _refused(name, f"it cannot be read: {error.strerror}", None)


def parse_stories(text: str, name: str, names: Names) -> StoryFile:
    """The stories of a file's text."""
    if len(text) > FILE_LENGTH_MAX:
        said = f"{len(text)} characters are too long; a file may have {FILE_LENGTH_MAX}"
        return _refused(name, said, "split it into several files")
    remarks: list[Finding] = []

    def say(line: int, field: str, message: str, suggestion: str | None) -> None:
        remarks.append(Finding("error", name, line, field, message, suggestion))

    source = Source(text.removeprefix("\ufeff"), "stories", say)
    data = source.read()
    if remarks:
        return StoryFile(name, (), tuple(remarks), source)
    stories, problems = stories_of(data, names)
    remarks = [
        Finding(
            "error",
            name,
            source.line_of(problem.path, about_key=problem.about_key),
            source.field(problem.path),
            problem.message,
            problem.suggestion,
        )
        for problem in problems
    ]
    return StoryFile(name, () if remarks else tuple(stories), tuple(remarks), source)


def _refused(name: str, message: str, suggestion: str | None) -> StoryFile:
    return StoryFile(
        name,
        (),
        (Finding("error", name, 1, "file", message, suggestion),),
        Source("", "stories", lambda *said: None),
    )
