"""JSON lines: one object a line, strict JSON. Empty lines are passed over."""

from collections.abc import Iterator

from ingest.core.decoding import Unreadable as NoJson
from ingest.core.decoding import decode_json
from services.importing.lines import Line, Lines, Unreadable
from services.importing.rows import BadRow, Row


def read_jsonl(lines: Lines) -> Iterator[Row | BadRow]:
    """The rows. Raises Unreadable for a file that is empty or one JSON array."""
    empty = True
    for line in lines:
        if line.text.strip() or line.problem is not None:
            if empty and line.text.lstrip().startswith("["):
                raise Unreadable("the file is a JSON array: write one object a line, as `jq -c '.[]'` does")
            empty = False
            yield _row(line)
    if empty:
        raise Unreadable("the file is empty: there is nothing to import")


def _row(line: Line) -> Row | BadRow:
    raw = line.text.rstrip("\r\n")
    if line.problem is not None:
        return BadRow(line.number, raw, line.problem)
    try:
        value = decode_json(raw.encode())
    except NoJson as error:
        return BadRow(line.number, raw, f"the line is no valid JSON: {error}")
    if not isinstance(value, dict):
        return BadRow(line.number, raw, "the line must be a JSON object")
    return Row(line.number, raw, value)
