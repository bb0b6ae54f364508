"""What is said of an import: progress on a terminal, errors by line, a file of all errors, the end.

All of it goes to stderr; the first errors are shown and the others counted, because a file with a wrong
column has as many as rows.
"""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

SHOWN_MAX = 50
IGNORED_MAX = 100
RAW_MAX = 10_000
"""Characters of a row in the file of errors."""
TOLD_EVERY = 200


class Report:
    """Use as a context manager. `size` is the file's, in bytes, where it is known. Raises OSError if the
    file of errors cannot be written."""

    def __init__(self, source: str, items: str, size: int | None, errors: Path | None) -> None:
        self._source = source
        self._items = items
        self._errors_path = errors
        self._console = Console(stderr=True, highlight=False)
        self._file: TextIO | None = None
        self._ignored: set[str] = set()
        self._untold = 0
        self.taken = 0
        self.failed = 0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task: TaskID = self._bar.add_task(source, total=size, counts="")

    def __enter__(self) -> "Report":
        if self._errors_path is not None:
            self._file = self._errors_path.open("w", encoding="utf-8", newline="")
            csv.writer(self._file).writerow(("line", "reason", "row"))
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._file is not None:
            self._file.close()

    def error(self, line: int, reason: str, raw: str) -> None:
        """A row was not taken."""
        self.failed += 1
        if self.failed <= SHOWN_MAX:
            self.say(f"{self._source}:{line}: {reason}")
        if self._file is not None:
            csv.writer(self._file).writerow((line, reason, raw[:RAW_MAX]))

    def ignore(self, columns: Iterable[str], suggest: Callable[[str], str | None]) -> None:
        """Name the columns that nothing is made of, each once."""
        new = [name for name in columns if name not in self._ignored][: IGNORED_MAX - len(self._ignored)]
        if new:
            self._ignored.update(new)
            self.say(f"ignored columns: {', '.join(_named(name, suggest(name)) for name in new)}")

    def delay(self, reason: str, seconds: float) -> None:
        """A batch is sent again."""
        self.say(f"{reason}; trying again in {seconds:g} s")

    def progress(self, bytes_read: int) -> None:
        """Called for each row; shown now and then."""
        self._untold += 1
        if self._untold >= TOLD_EVERY:
            self._untold = 0
            counts = f"{self.taken:,} taken, {self.failed:,} not"
            self._bar.update(self._task, completed=bytes_read, counts=counts)

    def say(self, text: str) -> None:
        """One line, as it is: a number between colons is a line here and no picture."""
        plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
        self._console.print(plain, markup=False, emoji=False, soft_wrap=True)

    def summary(self) -> str:
        """How it ended, in one line."""
        taken = f"{_count(self.taken, self._items)} taken"
        if self.failed == 0:
            return taken
        unseen = self.failed - SHOWN_MAX
        more = f", of which {unseen:,} are not shown" if unseen > 0 else ""
        where = f"; all of them are in {self._errors_path}" if self._errors_path is not None else ""
        if unseen > 0 and not where:
            where = "; --errors FILE keeps all of them"
        return f"{taken}, {_count(self.failed, 'rows')} not{more}{where}"


def _named(column: str, near: str | None) -> str:
    return column[:60] if near is None else f"{column[:60]} (is {near} meant?)"


def _count(number: int, noun: str) -> str:
    return f"1 {noun.removesuffix('s')}" if number == 1 else f"{number:,} {noun}"
