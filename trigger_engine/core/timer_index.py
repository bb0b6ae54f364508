"""When to look at which customer next: an index over due times, never the truth.

The due time lives in the customer's state. The index holds at most one live entry a customer, possibly
earlier than the state's due time (re-arming a wait writes the state only); whoever takes an entry out
checks it against the state. Far entries stand in one-second buckets, a list slot each, so a million of
them cost no comparisons; a bucket becomes a heap when its second comes.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from schemas.instants import SECOND_MS, Instant

NEVER: Instant = 2**62
"""A due time after every other."""


class TimerIndex:
    """Due times by customer key. `next_due_at` is the earliest one, or NEVER."""

    __slots__ = ("_due_by_key", "_far", "_far_order", "_near", "_near_until", "next_due_at")

    def __init__(self, entries: Iterable[tuple[str, Instant]] = ()) -> None:
        self._due_by_key: dict[str, Instant] = {}
        self._near: list[tuple[Instant, str]] = []
        self._near_until = -1
        self._far: dict[int, list[str]] = {}
        self._far_order: list[int] = []
        self.next_due_at = NEVER
        for key, due_at in entries:
            self.add(key, due_at)

    def __len__(self) -> int:
        return len(self._due_by_key)

    def add(self, key: str, due_at: Instant) -> None:
        """Look at `key` at `due_at` or earlier; an entry that is early enough stays as it is."""
        known = self._due_by_key.get(key)
        if known is not None and known <= due_at:
            return
        self._due_by_key[key] = due_at
        second = due_at // SECOND_MS
        if second <= self._near_until:
            heappush(self._near, (due_at, key))
        elif (bucket := self._far.get(second)) is not None:
            bucket.append(key)
        else:
            self._far[second] = [key]
            heappush(self._far_order, second)
        if due_at < self.next_due_at:
            self.next_due_at = due_at

    def take(self, until: Instant) -> tuple[str, Instant] | None:
        """Remove and return the earliest entry due at or before `until` (ties by key), or None."""
        if self.next_due_at > until:
            return None
        self._refill()
        if not self._near or self._near[0][0] > until:
            return None
        due_at, key = heappop(self._near)
        del self._due_by_key[key]
        self._refill()
        return key, due_at

    def due_by(self, until: Instant) -> int:
        """How many entries are due at or before `until`, to the second. One that was re-armed to an earlier
        time may count twice."""
        if self.next_due_at > until:
            return 0
        found = sum(due_at <= until for due_at, _ in self._near)
        order, places = self._far_order, [0]
        while places:  # only the part of the heap that is due is walked
            place = places.pop()
            if place < len(order) and order[place] < until // SECOND_MS:
                found += len(self._far[order[place]])
                places += 2 * place + 1, 2 * place + 2
        return max(1, found)

    def _refill(self) -> None:
        """Bring the earliest live entry to the head of the heap and note its due time."""
        while True:
            while self._near and self._due_by_key.get(self._near[0][1]) != self._near[0][0]:
                heappop(self._near)  # re-armed to an earlier time since
            if self._near or not self._far_order:
                break
            second = heappop(self._far_order)
            self._near_until = second
            self._near = [
                (due_at, key)
                for key in self._far.pop(second)
                if (due_at := self._due_by_key.get(key, NEVER)) // SECOND_MS == second
            ]
            heapify(self._near)
        self.next_due_at = self._near[0][0] if self._near else NEVER
