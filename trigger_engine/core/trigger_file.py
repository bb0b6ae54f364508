"""Trigger files: YAML as marketers write it, and errors that say where and what to do.

    definition = parse_trigger(text, "cart-abandoned.yaml")

All errors of a file are collected. The language itself is in `definition.py`; this module knows YAML: it
walks the nodes, so that each value keeps its line, keys may not repeat, and aliases (with which a small file
can unfold into a huge one) are refused.

TriggerFileErrors    an Exception; `errors` lists what is wrong:
└── TriggerFileError  file, line, field, message, suggestion
"""

from dataclasses import dataclass
from typing import Any

import yaml

from trigger_engine.core.definition import Path, Problem, check_definition, trigger_version

__all__ = ["TriggerFileError", "TriggerFileErrors", "parse_trigger", "trigger_version"]

FILE_LENGTH_MAX = 64_000
"""Characters; the longest shipped trigger has under 2,000."""

_BOOLS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class TriggerFileError:
    """One mistake. `line` counts from 1; `suggestion` is a clause such as "did you mean 'unless'?"."""

    file: str
    line: int
    field: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.field}: {self.message}"
        return f"{text}; {self.suggestion}" if self.suggestion else text


class TriggerFileErrors(Exception):
    """A trigger file cannot be accepted; one line for each mistake."""

    def __init__(self, errors: list[TriggerFileError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


def parse_trigger(text: str, file_name: str) -> dict[str, Any]:
    """The normal form of a trigger file, ready for a rule set. Raises TriggerFileErrors: every mistake."""
    reading = _Reading(file_name)
    data = reading.read(text)
    if not reading.errors:
        form, problems = check_definition(data)
        reading.errors.extend(reading.located(problem) for problem in problems)
    if reading.errors:
        raise TriggerFileErrors(sorted(reading.errors, key=lambda error: error.line))
    return form


class _Reading:
    """One file: its data, and the line of each key and value."""

    def __init__(self, file_name: str) -> None:
        self.file_name = file_name
        self.errors: list[TriggerFileError] = []
        self._value_lines: dict[Path, int] = {}
        self._key_lines: dict[Path, int] = {}
        self._seen: set[int] = set()

    def read(self, text: str) -> Any:
        """The file as plain data; what YAML itself gets wrong lands in `errors`."""
        if len(text) > FILE_LENGTH_MAX:
            self._say(1, "file", f"{len(text)} characters are too long for a trigger file")
            return None
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            said = error.problem or "it cannot be read"
            if said.startswith("but ") and error.context:
                said = f"{error.context} {said}"
            suggestion = "put the text in quotes if it holds ': '" if "mapping values" in said else None
            self._say(1 if mark is None else mark.line + 1, "file", f"this is no YAML: {said}", suggestion)
            return None
        except (yaml.YAMLError, RecursionError) as error:
            said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            self._say(1, "file", f"this is no YAML: {' '.join(said.split())}")
            return None
        if node is None:
            self._say(1, "file", "the file is empty")
            return None
        return self._data(node, ())

    def located(self, problem: Problem) -> TriggerFileError:
        """A problem of the definition with its line: its own, or that of what it is part of."""
        lines = self._key_lines if problem.about_key else self._value_lines
        path = problem.path
        while path and path not in lines:
            path = path[:-1]
        line = lines.get(path, 1) + problem.line_offset
        return TriggerFileError(self.file_name, line, problem.field, problem.message, problem.suggestion)

    def _say(self, line: int, field: str, message: str, suggestion: str | None = None) -> None:
        self.errors.append(TriggerFileError(self.file_name, line, field, message, suggestion))

    def _data(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        if id(node) in self._seen:
            at = self._key_lines.get(path, line)
            self._say(at, Problem(path, "").field, "aliases (*name) are not allowed", "write the value out")
            return None
        self._seen.add(id(node))
        if node.tag.startswith("!"):
            self._say(
                line, Problem(path, "").field, "YAML takes a leading ! for a tag", "put it all in quotes"
            )
            return None
        self._value_lines[path] = line + (1 if getattr(node, "style", None) in ("|", ">") else 0)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._data(item, (*path, position)) for position, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._say(line, Problem(path, "").field, "a field's name must be a plain word")
                continue
            at = (*path, key.value)
            if key.value in data:
                self._say(line, Problem(at, "").field, "the field is given twice", "keep one of them")
                continue
            self._key_lines[at] = line
            data[key.value] = self._data(value, at)
        return data


def _scalar(node: yaml.Node) -> Any:
    """A scalar by the tag that YAML resolved; what is no whole number, bool or null stays the text it is."""
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return _BOOLS[node.value.lower()]
    if kind == "int" and node.value.isdecimal():
        return int(node.value)
    return node.value
