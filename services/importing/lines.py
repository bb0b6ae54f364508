"""Lines of a file, numbered, as UTF-8; each bounded, so that no file is ever held in memory.

A line that cannot be used says why and costs itself alone. Lines can be given back, because only their
reader finds out how many belong together.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

LINE_BYTES_MAX = 1_000_000
SHOWN_BYTES = 1_000
"""How much is kept of a line that is too long."""
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Unreadable(Exception):
    """The file as a whole cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """`number` counts from 1; `text` ends as the line does. With a `problem` the text is for show only."""

    number: int
    text: str
    problem: str | None = None


class Lines:
    """The lines of a binary file. Iterating raises Unreadable, and OSError as the file does."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._given_back: deque[Line] = deque()
        self._number = 0
        self.bytes_read = 0

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        if self._given_back:
            return self._given_back.popleft()
        raw = self._file.readline(LINE_BYTES_MAX + 1)
        if not raw:
            raise StopIteration
        self._number += 1
        self.bytes_read += len(raw)
        if self._number == 1:
            raw = _without_mark(raw)
        if len(raw) > LINE_BYTES_MAX:
            self._skip_rest(raw)
            shown = raw[:SHOWN_BYTES].decode(errors="replace")
            return Line(self._number, shown, f"the line has more than {LINE_BYTES_MAX:,} bytes")
        try:
            return Line(self._number, raw.decode())
        except UnicodeDecodeError as error:
            problem = f"the line is not UTF-8 (byte {error.start + 1} of it): save the file as UTF-8"
            return Line(self._number, raw.decode(errors="replace"), problem)

    def give_back(self, lines: Sequence[Line]) -> None:
        """Hand these out once more, in their order, before any other."""
        self._given_back.extendleft(reversed(lines))

    def _skip_rest(self, raw: bytes) -> None:
        while raw and not raw.endswith(b"\n"):
            raw = self._file.readline(LINE_BYTES_MAX)
            self.bytes_read += len(raw)


def _without_mark(raw: bytes) -> bytes:
    if raw.startswith(_UTF16_MARKS):
        raise Unreadable("the file is UTF-16: save it as UTF-8")
    return raw.removeprefix(_UTF8_MARK)
