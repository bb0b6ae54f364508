"""Which offset may be committed: the lowest one below which everything is done.

Requests of different customers finish out of order; an offset is never committed past an unfinished one.
"""

import heapq
from dataclasses import dataclass, field


@dataclass(slots=True)
class OffsetTracker:
    """One partition's records in work. `position` is the reader's next offset (transaction markers count)."""

    position: int | None = None
    _open: set[int] = field(default_factory=set)
    _order: list[int] = field(default_factory=list)

    def begin(self, offset: int) -> None:
        """A record was read."""
        self._open.add(offset)
        heapq.heappush(self._order, offset)

    def done(self, offset: int) -> None:
        """Its outcome is recorded and reported."""
        self._open.discard(offset)
        while self._order and self._order[0] not in self._open:
            heapq.heappop(self._order)

    @property
    def busy(self) -> bool:
        """Whether any record is unfinished."""
        return bool(self._open)

    @property
    def next_offset(self) -> int | None:
        """The offset to commit; None before anything is known."""
        return self._order[0] if self._order else self.position
