"""Files of rules: YAML as marketers write it, and errors that say where and what to do.

    form = parse_trigger(text, "cart-abandoned.yaml")
    file = read_trigger(text, "cart-abandoned.yaml")    # the form with the place of each part, for lint

Likewise for segments and the policy. All errors of a file are collected. The language itself is in
`language`; `language.source` knows YAML.

TriggerFileErrors    an Exception; `errors` lists what is wrong:
└── TriggerFileError  file, line, field, message, suggestion, column
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trigger_engine.core.language import (
    Path,
    Problem,
    check_policy,
    check_segment,
    check_trigger,
    trigger_version,
)
from trigger_engine.core.language.source import Source

__all__ = [
    "Kind",
    "RuleFile",
    "TriggerFileError",
    "TriggerFileErrors",
    "parse_policy",
    "parse_segment",
    "parse_trigger",
    "read_policy",
    "read_segment",
    "read_trigger",
    "trigger_version",
]

FILE_LENGTH_MAX = 64_000
"""Characters; the longest shipped trigger has under 4,000."""

Kind = Literal["trigger", "segment", "policy"]


@dataclass(frozen=True, slots=True)
class TriggerFileError:
    """One mistake. `line` counts from 1; `suggestion` is a clause such as "did you mean 'unless'?".

    `column`, from 1, is known for mistakes inside of a condition.
    """

    file: str
    line: int
    field: str
    message: str
    suggestion: str | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = f"{self.line}" if self.column is None else f"{self.line}:{self.column}"
        text = f"{self.file}:{place}: {self.field}: {self.message}"
        return f"{text}; {self.suggestion}" if self.suggestion else text


class TriggerFileErrors(Exception):
    """A file cannot be accepted; one line for each mistake."""

    def __init__(self, errors: list[TriggerFileError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file that has been accepted: its normal form, and where each part of it stands."""

    name: str
    kind: Kind
    form: dict[str, Any]
    source: Source

    def line_of(self, path: Path, *, about_key: bool = False) -> int:
        """The line, from 1, of what stands at a path of the normal form."""
        return self.source.line_of(path, about_key=about_key)


def parse_trigger(text: str | bytes, file_name: str) -> dict[str, Any]:
    """The normal form of a trigger file, ready for a rule set. Raises TriggerFileErrors: every mistake."""
    return _read(text, file_name, "trigger").form


def parse_segment(text: str | bytes, file_name: str) -> dict[str, Any]:
    """The normal form of a segment file. Raises TriggerFileErrors: every mistake."""
    return _read(text, file_name, "segment").form


def parse_policy(text: str | bytes, file_name: str) -> dict[str, Any]:
    """The normal form of the policy file. Raises TriggerFileErrors: every mistake."""
    return _read(text, file_name, "policy").form


def read_trigger(text: str | bytes, file_name: str) -> RuleFile:
    """A trigger file with its places. Raises TriggerFileErrors."""
    return _read(text, file_name, "trigger")


def read_segment(text: str | bytes, file_name: str) -> RuleFile:
    """A segment file with its places. Raises TriggerFileErrors."""
    return _read(text, file_name, "segment")


def read_policy(text: str | bytes, file_name: str) -> RuleFile:
    """The policy file with its places. Raises TriggerFileErrors."""
    return _read(text, file_name, "policy")


_Checker = Callable[..., tuple[dict[str, Any], list[Problem]]]
_CHECKERS: Mapping[Kind, _Checker] = {
    "trigger": check_trigger,
    "segment": check_segment,
    "policy": check_policy,
}


def _read(given: str | bytes, file_name: str, kind: Kind) -> RuleFile:
    errors: list[TriggerFileError] = []

    def say(line: int, field: str, message: str, suggestion: str | None = None) -> None:
        errors.append(TriggerFileError(file_name, line, field, message, suggestion))

    text = _text_of(given, say)
    form: dict[str, Any] = {}
    source = Source(text, kind, say)
    if not errors:
        data = source.read()
        if not errors:
            form, problems = _CHECKERS[kind](data, written=True)
            errors.extend(_located(source, file_name, problem) for problem in problems)
    if errors:
        raise TriggerFileErrors(sorted(errors, key=lambda error: error.line))
    return RuleFile(file_name, kind, form, source)


def _text_of(given: str | bytes, say: Callable[[int, str, str, str | None], None]) -> str:
    if isinstance(given, bytes):
        try:
            text = given.decode("utf-8")
        except UnicodeDecodeError as error:
            line = given.count(b"\n", 0, error.start) + 1
            say(line, "file", "it is no text in UTF-8", "save it as UTF-8 in the editor")
            return ""
    else:
        text = given
    if len(text) > FILE_LENGTH_MAX:
        said = f"{len(text)} characters are too long; a file may have {FILE_LENGTH_MAX}"
        say(1, "file", said, "split it into several triggers or segments")
    return text.removeprefix("\ufeff")


def _located(source: Source, file_name: str, problem: Problem) -> TriggerFileError:
    line, column = source.line_of(problem.path, about_key=problem.about_key), None
    if problem.offset is not None:
        line, column = source.position_of(problem.path, problem.offset)
    field = source.field(problem.path)
    return TriggerFileError(file_name, line, field, problem.message, problem.suggestion, column)
