"""`Batch`: what one poll brought for one partition, and the span of the log that it covers.

The span counts, not the records: transaction markers and compacted records take offsets too, so the
offsets of the records alone have gaps that mean nothing.
"""

from dataclasses import dataclass
from typing import Protocol


class LogRecord(Protocol):
    """The parts of a consumer record that we read."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of `topic`/`partition` in [`start`, `end`); there may be none (only markers)."""

    topic: str
    partition: int
    start: int
    end: int
    records: list[LogRecord]
