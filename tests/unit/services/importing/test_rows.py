"""Files as rows: what is read, what each broken line costs, and how little is held."""

import io
import json
from typing import BinaryIO, cast

import pytest

from services.importing.csv_rows import read_csv
from services.importing.lines import LINE_BYTES_MAX, Lines, Unreadable
from services.importing.rows import BadRow, Row
from services.importing.whole_lines import read_jsonl


def rows_of(text: str | bytes) -> list[Row | BadRow]:
    raw = text.encode() if isinstance(text, str) else text
    return list(read_csv(Lines(io.BytesIO(raw)), lambda names: None))


def objects_of(text: str | bytes) -> list[Row | BadRow]:
    return list(read_jsonl(Lines(io.BytesIO(text.encode() if isinstance(text, str) else text))))


def cells(rows: list[Row | BadRow]) -> list[list[str]]:
    return [list(row.cells.values()) for row in rows if isinstance(row, Row)]


def bad(rows: list[Row | BadRow]) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in rows if isinstance(row, BadRow)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_header_tells_the_delimiter(delimiter: str, end: str, mark: str) -> None:
    lines = [["id", "the name", "price"], ["1", "Çay", "2"], ["", "", ""], ["2", '"a, b; c\t""d"""', ""]]
    text = mark + end.join(delimiter.join(line) for line in lines)
    assert rows_of(text) == [
        Row(2, delimiter.join(lines[1]), {"id": "1", "the name": "Çay", "price": "2"}),
        Row(4, delimiter.join(lines[3]), {"id": "2", "the name": 'a, b; c\t"d"', "price": ""}),
    ]


def test_a_cell_may_hold_line_ends_and_the_row_begins_where_it_begins() -> None:
    rows = rows_of('id,name\n\n1,"a\nb\r\nc"\n2,d\n')
    assert [(row.line, row.raw) for row in rows] == [(3, '1,"a\nb\r\nc"'), (6, "2,d")]
    assert cells(rows) == [["1", "a\nb\r\nc"], ["2", "d"]]


def test_a_quote_that_is_not_closed_costs_its_own_line_only() -> None:
    rows = rows_of('id,name\n1,"open\n2,b\n3,c\n')
    assert cells(rows) == [["2", "b"], ["3", "c"]]
    assert [line for line, _ in bad(rows)] == [2]
    assert "a quote is opened and not closed" in bad(rows)[0][1]


def test_what_stands_behind_a_closing_quote_is_an_error() -> None:
    rows = rows_of('id,name\n1,"5" pipe"\n2,"6"" pipe"\n3,7" pipe\n')
    assert cells(rows) == [["2", '6" pipe'], ["3", '7" pipe']]
    ((line, reason),) = bad(rows)
    assert line == 2
    assert "write a quote inside of quotes twice" in reason


def test_two_open_quotes_cost_their_lines_only() -> None:
    rows = rows_of('id,name\n1,"open\n2,b\n3,"open\n4,d\n')
    assert cells(rows) == [["2", "b"], ["4", "d"]]
    assert [line for line, _ in bad(rows)] == [2, 4]


def test_an_open_quote_in_a_long_file_is_found_within_bounds() -> None:
    count = LINE_BYTES_MAX // 4
    rows = rows_of('id,name\n1,"open\n' + "2,b\n" * count)
    assert len(cells(rows)) == count
    assert [line for line, _ in bad(rows)] == [2]


def test_a_row_is_bounded_whatever_it_is_made_of() -> None:
    text = ("x" * 99 + "\n") * (LINE_BYTES_MAX // 200 + 1)
    rows = rows_of(f'id,a,b\n1,"{text}","{text}"\n2,c,d\n')
    assert cells(rows) == [["2", "c", "d"]]
    assert bad(rows)[0][0] == 2


def test_rows_with_too_few_or_too_many_cells() -> None:
    rows = rows_of("id,name,price\n1,a\n2,b,3,4\n3,c,4,,\n4,Tea, green,5\n")
    assert cells(rows) == [["3", "c", "4"]]
    assert bad(rows) == [
        (2, "the row has 2 cells and the header 3"),
        (3, "the row has 4 cells and the header 3"),
        (5, "the row has 4 cells and the header 3"),
    ]
    ((_, reason),) = bad(rows_of('id,name,price\n1,"a\n2,b",3,4,5\n'))
    assert reason.endswith("it spans the lines 2 to 3: is a quote not closed?")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "empty"),
        (b"\n \r\n\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        ("id,name\n".encode("utf-16"), "UTF-16"),
        (b"id,n\xe7me\n", "line 1: the line is not UTF-8 (byte 5 of it)"),
        (b'id,"name\n1,b\n', "the header cannot be read: a quote is opened"),
        (b"id,name,id\n", "two columns are named 'id'"),
        (b"id,name\r1,a\r2,b\r", "end lines with LF or CR LF"),
        (b"x" * (LINE_BYTES_MAX + 1), "more than 1,000,000 bytes"),
    ],
)
def test_files_that_are_no_csv(text: bytes, says: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        rows_of(text)
    assert says in str(unreadable.value)


def test_columns_without_a_name_are_no_columns() -> None:
    assert cells(rows_of("id,,name\n1,x,a\n")) == [["1", "a"]]


@pytest.mark.parametrize("long", [LINE_BYTES_MAX, 10 * LINE_BYTES_MAX])
def test_a_line_that_is_too_long_costs_itself_and_is_not_held(long: int) -> None:
    rows = rows_of(b"id,name\n1," + b"x" * long + b"\n2,b\n")
    assert cells(rows) == [["2", "b"]]
    assert bad(rows) == [(2, "the line has more than 1,000,000 bytes")]
    assert len(rows[0].raw) <= 1_000


def test_a_line_that_is_no_utf8_costs_itself_even_inside_of_quotes() -> None:
    rows = rows_of(b'id,name\n1,\xe7ay\n2,"a\n3,\xe7\n4,d\n')
    assert cells(rows) == [["4", "d"]]
    assert [line for line, _ in bad(rows)] == [2, 3, 4]


class Endless:
    """A file that never ends, and counts what was asked for."""

    def __init__(self) -> None:
        self.read = 0

    def readline(self, _limit: int) -> bytes:
        self.read += 1
        return b"id,name\n" if self.read == 1 else b"1,a\n"


def test_rows_come_while_the_file_is_read() -> None:
    file = Endless()
    rows = read_csv(Lines(cast(BinaryIO, file)), lambda names: None)
    assert [next(rows).line for _ in range(3)] == [2, 3, 4]
    assert file.read <= 5


def test_json_lines() -> None:
    rows = objects_of('\ufeff{"id": 1}\n\n  {"id": "ç"}\r\n')
    assert rows == [Row(1, '{"id": 1}', {"id": 1}), Row(3, '  {"id": "ç"}', {"id": "ç"})]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"price": NaN}', "no valid JSON"),
        (b'{"price": 1', "no valid JSON"),
        (b'{"name": "\\ud800"}', "no valid JSON"),
        (b'{"a":' * 100_000, "no valid JSON"),
        (b'{"name": "\xe7"}', "not UTF-8"),
        (b'"text"', "must be a JSON object"),
        (b"7", "must be a JSON object"),
        (b'{"name": "' + b"x" * LINE_BYTES_MAX + b'"}', "more than 1,000,000 bytes"),
    ],
)
def test_bad_json_lines_cost_themselves(line: bytes, says: str) -> None:
    rows = objects_of(b'{"id": 1}\n' + line + b'\n{"id": 2}\n')
    assert cells(rows) == [[1], [2]]
    ((number, reason),) = bad(rows)
    assert number == 2
    assert says in reason


@pytest.mark.parametrize(
    ("text", "says"), [("", "empty"), ("\n\n", "empty"), (json.dumps([{"id": 1}]), "jq")]
)
def test_files_that_are_no_json_lines(text: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        objects_of(text)
