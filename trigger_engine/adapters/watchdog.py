"""Notices a partition that stands still though its log goes on.

Records can be fetched and lost on the way to us (Faust's queues are cleared in a rebalance, issue 596). The
next batch shows the gap, but where nothing more is written there is no next batch: the partition would
wait for ever, its wake-ups with it. So the ends of the logs are asked now and then: who stands still
before the end reads again from where it stands, and if that does not help, the process ends.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

LOOK_EVERY_S = 2.0
LOOKS_BEFORE_SEEK = 2
LOOKS_MAX = 60
"""Two minutes: longer than every time limit of a request to Kafka, and than a look for a rule set."""


class StoodStill(RuntimeError):
    """A partition does not move and reading again does not help."""


class Reader(Protocol):
    """What is watched of a partition's writer."""

    @property
    def next_offset(self) -> int: ...
    @property
    def flushes(self) -> int: ...
    @property
    def busy(self) -> bool: ...


class _Stood(NamedTuple):
    """Of a partition at the last look: its position, its flushes, and for how many looks it has stood."""

    position: int
    flushes: int
    looks: int


class Watchdog:
    """Compares the positions of two looks. `seek` moves the fetch position of a partition."""

    def __init__(self, seek: Callable[[int, int], Awaitable[None]]) -> None:
        self._seek = seek
        self._stood: dict[int, _Stood] = {}

    def forget(self) -> None:
        """A rebalance is under way: begin to count anew."""
        self._stood.clear()

    async def look(self, readers: Mapping[int, Reader], ends: Mapping[int, int]) -> None:
        """Seek where nothing moved for a while before the log's end. Raises StoodStill in the end."""
        for number, reader in readers.items():
            position, flushes, looks = self._stood.get(number, _Stood(-1, 0, 0))
            if reader.next_offset != position or position >= ends.get(number, 0):
                self._stood[number] = _Stood(reader.next_offset, reader.flushes, 0)
                continue
            if reader.busy and reader.flushes != flushes:
                # slice after slice at one offset: the wake-ups before an event, the last change of rules
                self._stood[number] = _Stood(position, reader.flushes, looks)
                continue
            looks += 1
            self._stood[number] = _Stood(position, reader.flushes, looks)
            if looks >= LOOKS_MAX:
                raise StoodStill(
                    f"partition {number} stands at offset {position} for {looks * LOOK_EVERY_S:.0f} s, "
                    f"though its log goes on to {ends[number]}. Start again; if it happens again, look at "
                    "the broker's log."
                )
            if looks % LOOKS_BEFORE_SEEK == 0 and not reader.busy:
                await self._seek(number, position)
