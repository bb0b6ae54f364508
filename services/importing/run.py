"""`tetik import …`: a file's rows become items of one kind, and go to ingest in batches.

A batch is what one request holds. What was answered is done; when the import has to end early, it says from
which line to go on. Rows that ingest had taken before are sent again then, which changes nothing.
"""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import click
import msgspec

from services.importing.client import Address, IngestClient, Stopped
from services.importing.csv_rows import Header, read_csv
from services.importing.kinds import Kind, Unusable
from services.importing.lines import Lines, Unreadable
from services.importing.report import Report
from services.importing.rows import BadRow, Row
from services.importing.whole_lines import read_jsonl, read_list

OK, FAILED = 0, 1
BATCH_BYTES = 500_000
"""Well below what ingest takes at once, so that one answer comes in a second even from a slow disk."""
STDIN = Path("-")

Format: TypeAlias = Literal["csv", "jsonl", "list"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `patience_s` bounds how long one batch is tried."""

    file: Path
    form: Format
    url: str
    write_key: str
    errors: Path | None = None
    from_line: int = 1
    patience_s: float = 60.0


@dataclass(slots=True)
class _Batch:
    rows: list[Row] = field(default_factory=list)
    items: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, row: Row, item: bytes) -> None:
        self.rows.append(row)
        self.items.append(item)
        self.size += len(item)

    def full(self, rows: int) -> bool:
        """Whether it has so many rows, or as many bytes as go at once."""
        return len(self.items) >= rows or self.size >= BATCH_BYTES


def import_file(options: Options, kind: Kind) -> int:
    """The exit code: 0 if every row was taken. What is wrong goes to stderr."""
    source = "<stdin>" if options.file == STDIN else str(options.file)
    try:
        with (
            _opened(options.file) as (file, size),
            Report(source, kind.noun, size, options.errors) as report,
        ):
            ended = _Import(options, kind, Lines(file), report).run()
    except OSError as error:
        click.echo(f"import: {error.filename or source}: {error.strerror or error}", err=True)
        return FAILED
    if ended is not None:
        click.echo(f"import: {ended}", err=True)
    failed = ended is not None or report.failed > 0
    click.echo(f"import: {report.summary()}", err=failed)
    return FAILED if failed else OK


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """The file and its size in bytes, if it has one."""
    if path == STDIN:
        yield sys.stdin.buffer, None
        return
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        yield file, found.st_size if stat.S_ISREG(found.st_mode) else None


class _Import:
    """One run over one file."""

    def __init__(self, options: Options, kind: Kind, lines: Lines, report: Report) -> None:
        self._options = options
        self._kind = kind
        self._lines = lines
        self._report = report
        self._batch = _Batch()
        self._next_line = options.from_line

    def run(self) -> str | None:
        """Import all of it. None, or why it ended early and how to go on."""
        kind, options = self._kind, self._options
        address = Address(options.url, kind.path, options.write_key, kind.opening, kind.closing)
        try:
            with IngestClient(address, options.patience_s, self._report.delay) as client:
                for row in self._rows():
                    self._report.progress(self._lines.bytes_read)
                    if row.line >= options.from_line:
                        self._take(row, client)
                self._flush(client)
        except Unreadable as error:
            return str(error)
        except Stopped as error:
            return self._how_to_go_on(str(error))
        except OSError as error:
            return self._how_to_go_on(f"reading or writing failed: {error.strerror or error}")
        except KeyboardInterrupt:
            return self._how_to_go_on("interrupted")
        return None

    def _rows(self) -> Iterator[Row | BadRow]:
        if self._options.form == "csv":
            return read_csv(self._lines, self._meet_header)
        if self._options.form == "list":
            return read_list(self._lines, self._kind.names)
        return read_jsonl(self._lines)

    def _meet_header(self, names: Header) -> None:
        self._kind.names.check_header(names)
        self._ignore(names)

    def _ignore(self, names: Header) -> None:
        known = self._kind.names
        self._report.ignore(known.columns_of(names).ignored, known.suggestion_for)

    def _take(self, row: Row | BadRow, client: IngestClient) -> None:
        if isinstance(row, BadRow):
            self._report.error(row.line, row.reason, row.raw)
            return
        self._ignore(tuple(row.cells))
        try:
            item = msgspec.json.encode(self._kind.item_of(row.cells))
        except Unusable as reason:
            self._report.error(row.line, str(reason), row.raw)
            return
        self._batch.add(row, item)
        if self._batch.full(self._kind.batch_rows):
            self._flush(client)

    def _flush(self, client: IngestClient) -> None:
        batch = self._batch
        if not batch.items:
            return
        self._next_line = batch.rows[0].line
        rejections = client.send(batch.items)
        self._batch = _Batch()
        self._next_line = batch.rows[-1].line + 1
        self._report.taken += len(batch.items) - len(rejections)
        for index, reason in sorted(rejections.items()):
            self._report.error(batch.rows[index].line, reason, batch.rows[index].raw)

    def _how_to_go_on(self, why: str) -> str:
        if self._report.taken == 0:
            return f"{why}. No row was taken: run the same command again"
        line = self._batch.rows[0].line if self._batch.rows else self._next_line
        return (
            f"{why}. All rows above line {line} are done: go on with the same command and --from-line {line}"
        )
