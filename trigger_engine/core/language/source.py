"""A file's YAML as plain data, and where each part of it stands.

It walks the nodes instead of loading them, so that each value keeps its line, keys may not repeat, and
aliases (with which a small file can unfold into a huge one) and tags are refused. Text that is no whole
number, number, true, false or nothing stays the text it is: `09:00` and `2026-11-27` are no YAML types here.
"""

import re
from collections.abc import Callable
from typing import Any

import yaml

from trigger_engine.core.language.problems import Path, field_of

DEPTH_MAX = 40
"""Levels of lists and groups; a trigger with three nested choose has 14."""

_BOOLS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_KINDS = frozenset({"null", "bool", "int", "float", "str", "map", "seq", "timestamp", "merge", "value"})
_INT = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_FLOAT = re.compile(r"[+-]?\d{1,15}\.\d{1,15}", re.ASCII)
_TAG = "tag:yaml.org,2002:"
_ESCAPED = {"x": 2, "u": 4, "U": 8}

Say = Callable[[int, str, str, str | None], None]
"""What is wrong: line, field, message, suggestion."""


class Source:
    """One file's text: its data, and the line of each key and value."""

    def __init__(self, text: str, whole: str, say: Say) -> None:
        self._text = text
        self._whole = whole
        """What the file is called where no field of it is meant: `trigger`."""
        self._say = say
        self._values: dict[Path, yaml.Node] = {}
        self._key_lines: dict[Path, int] = {}
        self._seen: set[int] = set()

    def read(self) -> Any:
        """The file as plain data. What YAML itself gets wrong is said."""
        try:
            node = yaml.compose(self._text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            self._say_yaml(error)
            return None
        except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
            said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            line, hint = 1, None
            if isinstance(error, yaml.reader.ReaderError):
                line = self._text.count("\n", 0, error.position) + 1
                said = "it holds a control character"
                hint = "remove it; it may have come from copying out of another program"
            self._say(line, "file", f"this is no YAML: {' '.join(said.split())}", hint)
            return None
        if node is None:
            self._say(1, "file", "the file is empty", None)
            return None
        return self._data(node, ())

    def field(self, path: Path) -> str:
        """The path as people write it."""
        return field_of(path) or self._whole

    def line_of(self, path: Path, *, about_key: bool = False) -> int:
        """The line of a value (or of its name), or of the nearest part around it that the file holds."""
        path = self._held(path)
        node = self._values.get(path)
        if node is None or (about_key and path in self._key_lines):
            return self._key_lines.get(path, 1)
        in_block = getattr(node, "style", None) in ("|", ">")
        return int(node.start_mark.line) + (2 if in_block else 1)

    def position_of(self, path: Path, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character of a text, counted in the text without its margins."""
        node = self._values.get(self._held(path))
        if not isinstance(node, yaml.ScalarNode):
            return self.line_of(path), 1
        value = node.value
        start = offset + len(value) - len(value.lstrip())
        index = _index_in_source(self._text, node, start)
        before = self._text[:index]
        return before.count("\n") + 1, index - before.rfind("\n")

    def _held(self, path: Path) -> Path:
        """The path as the file has it: a branch may hold its step beside `if`, a list be a single value."""
        while path and path not in self._values and path not in self._key_lines:
            for cut in range(len(path) - 1, 0, -1):
                if path[cut : cut + 2] == ("then", 0):
                    shorter = path[:cut] + path[cut + 2 :]
                    if shorter in self._values:
                        return shorter
            path = path[:-1]
        return path

    def _say_yaml(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        said = error.problem or "it cannot be read"
        if said.startswith("but ") and error.context:
            said = f"{error.context} {said}"
        suggestion = "check the signs and the indentation of this line and the one above"
        line = 1 if mark is None else int(mark.line) + 1
        row = self._text.splitlines()[line - 1] if line <= len(self._text.splitlines()) else ""
        if "mapping values" in said:
            suggestion = "put the text in quotes if it holds ': '"
        elif "'\\t'" in said or "\t" in row[: len(row) - len(row.lstrip())]:
            said, suggestion = "a tab stands where YAML wants spaces", "indent with spaces"
        elif "single document" in said:
            suggestion = "remove the line ---; each trigger or segment is a file of its own"
        elif "undefined alias" in said or "alias" in (error.context or ""):
            suggestion = "YAML takes a leading * for an alias; put the text in quotes"
        elif "'%'" in said or "'@'" in said or "'`'" in said:
            suggestion = "put the text in quotes"
        elif "block end" in said:
            suggestion = "indent the fields of one group by the same number of spaces"
        self._say(line, "file", f"this is no YAML: {said}", suggestion)

    def _data(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        field = self.field(path)
        if id(node) in self._seen:
            at = self._key_lines.get(path, line)
            self._say(at, field, "aliases (*name) are not allowed", "write the value out")
            return None
        self._seen.add(id(node))
        if not node.tag.startswith(_TAG) or node.tag.removeprefix(_TAG) not in _KINDS:
            said = "YAML takes a leading ! for a tag"
            self._say(line, field, said, "put it all in quotes, or write the condition without a leading !")
            return None
        if len(path) > DEPTH_MAX:
            self._say(line, field[:60], "it is nested too deeply", "write it flatter, or make it two files")
            return None
        self._values[path] = node
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._data(item, (*path, position)) for position, item in enumerate(node.value)]
        if any("\ud800" <= character <= "\udfff" for character in node.value):
            self._say(line, field, "it holds half a character", "write the character itself, not \\u…")
            return None
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or any(
                "\ud800" <= each <= "\udfff" for each in key.value
            ):
                self._say(line, self.field(path), "a field's name must be a plain word", None)
                continue
            at = (*path, key.value)
            if key.value in data:
                self._say(line, self.field(at), "the field is given twice", "keep one of them")
                continue
            self._key_lines[at] = line
            data[key.value] = self._data(value, at)
        return data


def _scalar(node: yaml.Node) -> Any:
    """A scalar by the tag that YAML resolved."""
    kind = node.tag.removeprefix(_TAG)
    value: str = node.value
    if kind == "null":
        return None
    if kind == "bool":
        return _BOOLS.get(value.lower(), value)
    if kind == "int" and _INT.fullmatch(value):
        return int(value)
    if kind == "float" and _FLOAT.fullmatch(value):
        return float(value)
    return value


def _index_in_source(text: str, node: yaml.ScalarNode, offset: int) -> int:
    """The place in the file of a character of a scalar's value.

    Walks both side by side. Spaces and line ends differ between them (folding, indentation), so only the
    other characters are matched.
    """
    index, end = int(node.start_mark.index), int(node.end_mark.index)
    if node.style in ("|", ">"):
        index = text.find("\n", index) + 1
    elif node.style in ('"', "'"):
        index += 1
    for character in node.value[: max(offset, 0)]:
        if not character.isspace():
            index = _behind(text, _next(text, index, end, node.style), node.style)
    return _next(text, index, end, node.style)


def _next(text: str, index: int, end: int, style: str | None) -> int:
    """The next character that is no space, nor a line end that is written as an escape."""
    while index < end - 1:
        if style == '"' and text[index] == "\\" and text[index + 1] in "nrt \n\r":
            index += 2
        elif text[index].isspace():
            index += 1
        else:
            break
    return index


def _behind(text: str, index: int, style: str | None) -> int:
    """The place behind one character of the value, which may be written as several."""
    if style == '"' and text[index] == "\\":
        return index + 2 + _ESCAPED.get(text[index + 1], 0)
    if style == "'" and text[index] == "'":
        return index + 2
    return index + 1
