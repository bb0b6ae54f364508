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
READ_DEPTH_MAX = 60
"""Where reading itself stops: the field is not told then, as it is up to here. Without a bound PyYAML takes
seconds for a file of brackets, and ends in a RecursionError."""

_BOOLS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_KINDS = frozenset({"null", "bool", "int", "float", "str", "map", "seq", "timestamp", "merge", "value"})
_INT = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_FLOAT = re.compile(r"[+-]?\d{1,15}\.\d{1,15}", re.ASCII)
_TAG = "tag:yaml.org,2002:"
_ESCAPED = {"x": 2, "u": 4, "U": 8}

_QUOTES = "put the text in quotes"
_NO_SPACE = re.compile(r"\s*(?:- +)?(\w+)[:\N{FULLWIDTH COLON}]\S", re.ASCII)
_VALUE = re.compile(r"[:,\[{-] +(?P<value>(?P<quote>['\"]).*)")
_YAML_ERRORS = (
    ("<document start>", "a single document is wanted", "remove the line --- or ...; each file holds one"),
    ("<document end>", "it ends before it holds anything", "remove the line ..."),
    ("tab", "a tab stands where YAML wants spaces", "indent with spaces"),
    ("character '\\t'", "a tab stands where YAML wants spaces", "indent with spaces"),
    ("mapping values", "mapping values are not allowed here", "put the text in quotes if it holds ': '"),
    ("unknown escape", "a \\ stands before a character that needs none", "use single quotes, or write \\\\"),
    ("quoted scalar", "a quotation mark is left open", "close it in the line where it belongs"),
    ("single document", "a single document is wanted", "remove the line ---; each file holds one"),
    ("undefined alias", "a leading * names an alias that is not there", _QUOTES),
    ("scanning an alias", "a leading * is taken for an alias", _QUOTES),
    ("scanning an anchor", "a leading & is taken for an anchor", _QUOTES),
    ("character '%'", "a text cannot begin with %", _QUOTES),
    ("character '@'", "a text cannot begin with @", _QUOTES),
    ("character '`'", "a text cannot begin with `", _QUOTES),
    (
        "flow",
        "a bracket is left open, or closed by one of another kind",
        "look for [ ] { } in this line and above",
    ),
    (
        "block end",
        "the indentation does not fit",
        "indent what belongs together by the same number of spaces",
    ),
    (
        "block mapping",
        "the indentation does not fit",
        "indent what belongs together by the same number of spaces",
    ),
    ("simple key", "a line holds no field", "write name: value; a text that goes on is indented"),
)
"""What stands in PyYAML's words, what it means, what to do."""


class _TooDeep(Exception):
    """Lists and groups beyond READ_DEPTH_MAX."""

    def __init__(self, line: int) -> None:
        super().__init__(f"nested too deeply in line {line}")
        self.line = line


class _Loader(yaml.SafeLoader):
    """PyYAML's, with a bound on depth."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= READ_DEPTH_MAX:
            raise _TooDeep(int(self.get_mark().line) + 1)
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > READ_DEPTH_MAX:
            event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's, without types
            raise _TooDeep(int(event.start_mark.line) + 1)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _without_space(raw: str, row: str) -> tuple[str, str] | None:
    """`wait:45m`, which YAML takes for a text."""
    match = _NO_SPACE.match(row)
    if match is None or not ("mapping values" in raw or "simple key" in raw):
        return None
    return "a field's name ends with a colon and a space", f"write {match[1]}: and then the value"


def _begun_with_a_quote(raw: str, row: str, column: int) -> tuple[str, str] | None:
    """`audience: 'vip' in segments`, of which YAML takes 'vip' for the whole text."""
    if "<scalar>" not in raw or row[:column].rstrip()[-1:] not in ("'", '"'):
        return None
    said = "a text that begins with a quotation mark ends at the next one"
    match = _VALUE.search(row)
    quote = "'" if match is not None and match["quote"] == '"' else '"'
    if match is None or quote in match["value"] or match["value"].endswith((",", "]", "}")):
        return said, f"put all of it in quotes of another kind: {quote}…{quote}"
    return said, f"put all of it in quotes of another kind: {quote}{match['value'].strip()}{quote}"


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
            node = yaml.compose(self._text, Loader=_Loader)
        except _TooDeep as error:
            self._say(error.line, "file", "it is nested too deeply", "write it flatter, or make it two files")
            return None
        except yaml.MarkedYAMLError as error:
            self._say_yaml(error)
            return None
        except yaml.reader.ReaderError as error:
            line = self._text.count("\n", 0, error.position) + 1
            hint = "remove it; it may have come from copying out of another program"
            self._say(line, "file", "this is no YAML: it holds a control character", hint)
            return None
        except (ValueError, OverflowError):
            line = self._text.count("\n", 0, max(self._text.find("\\U"), 0)) + 1
            hint = "write the character itself, not \\U…"
            self._say(line, "file", "this is no YAML: an escape names no character", hint)
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
        raw = f"{error.context or ''} {error.problem or ''}"
        mark = error.problem_mark or error.context_mark
        if ("end of stream" in raw or "simple key" in raw) and error.context_mark is not None:
            mark = error.context_mark
        line = 1 if mark is None else int(mark.line) + 1
        rows = re.split("\r\n|[\n\r\x85\u2028\u2029]", self._text)
        row = rows[line - 1] if line <= len(rows) else ""
        if "\t" in row[: len(row) - len(row.lstrip())]:
            raw = "tab"
        if "mapping values" in raw and line > 1 and _NO_SPACE.match(rows[line - 2]):
            line, row = line - 1, rows[line - 2]
        said, suggestion = (
            _without_space(raw, row)
            or _begun_with_a_quote(raw, row, 0 if mark is None else int(mark.column))
            or next(
                ((said, hint) for needle, said, hint in _YAML_ERRORS if needle in raw),
                (
                    " ".join(raw.split()),
                    "look at the signs and the indentation of this line and the one above",
                ),
            )
        )
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
