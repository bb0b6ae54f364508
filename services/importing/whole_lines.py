"""Files in which each line is a row of its own: JSON lines, and plain lists. Empty lines are passed over."""

from collections.abc import Callable, Iterator

from ingest.core.decoding import Unreadable as NoJson
from ingest.core.decoding import decode_json
from services.importing.columns import Names
from services.importing.lines import Line, Lines, Unreadable
from services.importing.rows import BadRow, Row


def read_jsonl(lines: Lines) -> Iterator[Row | BadRow]:
    """The rows: one JSON object a line. Raises Unreadable for a file that is empty or one JSON array."""

    def check_first(text: str) -> None:
        if text.startswith("["):
            raise Unreadable("the file is a JSON array: write one object a line, as `jq -c '.[]'` does")

    return _rows(lines, check_first, _object)


def read_list(lines: Lines, names: Names) -> Iterator[Row | BadRow]:
    """The rows: each line is the one value that is needed. Raises Unreadable for a file that is empty or has
    a header."""
    (column,) = names.needed

    def check_first(text: str) -> None:
        if names.knows(text):
            raise Unreadable(f"the first line is the header {text[:60]!r}: say --format csv")

    return _rows(lines, check_first, lambda line, raw: Row(line, raw, {column: raw}))


def _rows(
    lines: Lines, check_first: Callable[[str], None], read: Callable[[int, str], Row | BadRow]
) -> Iterator[Row | BadRow]:
    empty = True
    for line in lines:
        if line.text.strip() or line.problem is not None:
            if empty:
                check_first(line.text.strip())
            empty = False
            yield _row(line, read)
    if empty:
        raise Unreadable("the file is empty: there is nothing to import")


def _row(line: Line, read: Callable[[int, str], Row | BadRow]) -> Row | BadRow:
    raw = line.text.rstrip("\r\n")
    return read(line.number, raw) if line.problem is None else BadRow(line.number, raw, line.problem)


def _object(line: int, raw: str) -> Row | BadRow:
    try:
        value = decode_json(raw.encode())
    except NoJson as error:
        return BadRow(line, raw, f"the line is no valid JSON: {error}")
    if not isinstance(value, dict):
        return BadRow(line, raw, "the line must be a JSON object")
    return Row(line, raw, value)
