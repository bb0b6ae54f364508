"""CSV as spreadsheets and shops write it: a header, then rows; comma, semicolon or tab, as the header has it.

Strict about quotes, because a forgiving reader swallows rows behind a quote that is never closed: a row that
cannot be read costs its first line, and reading goes on with the next one.
"""

import csv
from collections.abc import Callable, Iterator
from typing import TypeAlias

from services.importing.lines import LINE_BYTES_MAX, Line, Lines, Unreadable
from services.importing.rows import BadRow, Row

Header: TypeAlias = tuple[str, ...]
DELIMITERS = (",", ";", "\t")
_NEVER_CLOSED = "a quote is opened and not closed: write a quote inside of quotes twice"
_REASONS = (
    ("unexpected end of data", _NEVER_CLOSED),
    ("field larger than field limit", _NEVER_CLOSED),
    (
        "expected after",
        "behind a closing quote stands something else than a delimiter: write a quote inside of quotes twice",
    ),
    ("new-line character", "a line end (CR) stands in a cell without quotes: end lines with LF or CR LF"),
)
"""What Python's reader complains of, in words that say what to do."""


class _Broken(Exception):
    """No record can be made of the lines read so far."""


def read_csv(lines: Lines, check_header: Callable[[Header], None]) -> Iterator[Row | BadRow]:
    """The rows below the header, which `check_header` may refuse. Raises Unreadable and what it raises."""
    csv.field_size_limit(LINE_BYTES_MAX)
    first = _first_line(lines)
    delimiter = max(DELIMITERS, key=lambda each: _cells_between(first.text, each))
    lines.give_back([first])
    header = _header(lines, delimiter)
    check_header(tuple(name for name in header if name))
    while (record := _record(lines, delimiter)) is not None:
        if isinstance(record, BadRow):
            yield record
        elif any(cell.strip() for cell in record[1]):
            yield _row(*record, header)


def _first_line(lines: Lines) -> Line:
    for line in lines:
        if line.problem is not None:
            raise Unreadable(f"line {line.number}: {line.problem}")
        if line.text.strip():
            return line
    raise Unreadable("the file is empty: there is nothing to import")


def _cells_between(text: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([text], delimiter=delimiter), []))
    except csv.Error:
        return 0


def _header(lines: Lines, delimiter: str) -> Header:
    record = _record(lines, delimiter)
    if record is None or isinstance(record, BadRow):
        reason = "" if record is None else record.reason
        raise Unreadable(f"the header cannot be read: {reason}")
    names = tuple(name.strip() for name in record[1])
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise Unreadable(f"two columns are named {twice[0][:60]!r}: rename one of them")
    return names


def _record(lines: Lines, delimiter: str) -> tuple[list[Line], list[str]] | BadRow | None:
    """The next record with its lines, or None at the end."""
    taken: list[Line] = []
    try:
        cells = next(csv.reader(_texts(lines, taken), delimiter=delimiter, strict=True), None)
    except (csv.Error, _Broken) as error:
        lines.give_back(taken[1:])
        return BadRow(taken[0].number, taken[0].text.rstrip("\r\n"), _reason(str(error)))
    return None if cells is None else (taken, cells)


def _texts(lines: Lines, taken: list[Line]) -> Iterator[str]:
    """The lines' texts for as long as one record wants more, each noted in `taken`."""
    size = 0
    for line in lines:
        taken.append(line)
        size += len(line.text)
        if line.problem is not None:
            raise _Broken(line.problem if len(taken) == 1 else _NEVER_CLOSED)
        if size > LINE_BYTES_MAX:
            raise _Broken(_NEVER_CLOSED)
        yield line.text


def _reason(complaint: str) -> str:
    return next((reason for part, reason in _REASONS if part in complaint), complaint)


def _row(taken: list[Line], cells: list[str], header: Header) -> Row | BadRow:
    line, raw = taken[0].number, "".join(each.text for each in taken).rstrip("\r\n")
    if len(cells) < len(header) or any(cells[len(header) :]):
        span = f"; it spans the lines {line} to {taken[-1].number}: is a quote not closed?"
        return BadRow(
            line,
            raw,
            f"the row has {len(cells)} cells and the header {len(header)}{span if len(taken) > 1 else ''}",
        )
    return Row(line, raw, {name: cell for name, cell in zip(header, cells, strict=False) if name})
