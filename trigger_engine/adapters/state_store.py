"""A partition's changelog as far as it was read: the latest value of each key, and where it stands.

The changelog is the truth; a store is a copy of it that may be thrown away at any time. It stands at an
offset: everything before is in it, so whoever takes the partition over reads the rest alone. It may hold
more than that, since what is read twice says the same. Customers' records are asked for one by one; the
others (partition record, pools, products, baskets) go to the partition as a whole when it is taken over.

A copy too old is not gone on with: a deletion stands in the compacted log for a day only
(`delete.retention.ms`), and who missed it would keep a customer who is forgotten.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

from schemas.instants import HOUR_MS, Instant
from schemas.keys import RESERVED_STATE_PREFIX
from trigger_engine.adapters.batches import LogRecord
from trigger_engine.core.customers import Customers, CustomersInMemory
from trigger_engine.core.flush import PARTITION_RECORD_KEY, Flush

AGE_MAX_MS = 12 * HOUR_MS
"""Half of Kafka's default `delete.retention.ms`."""

Rows = list[tuple[str, bytes | None]]
"""Keys and values, in order; a value of None: the key is gone."""


class StateStore(Customers, Protocol):
    """One partition's copy, with one user at a time: who follows the changelog, or who owns the partition."""

    stands_at: int
    """The next offset of the changelog to read."""
    stood_at: Instant
    """When it last held all that was committed, or began to be filled; 0: it is empty."""

    def take_in(self, records: Iterable[LogRecord], stands_at: int) -> None:
        """Records of the changelog, in order; it goes on at `stands_at`."""

    def caught_up(self) -> None:
        """All that was committed by now is in it."""

    def take_others(self) -> dict[str, bytes]:
        """The records that are no customer's, by key."""

    @property
    def size_bytes(self) -> int:
        """How much the customers' states take; in files it is an estimate."""

    def clear(self) -> None:
        """Forget everything and begin with the changelog's beginning."""

    def close(self) -> None:
        """Nothing more comes; what is in files stays there."""


def is_of_use(store: StateStore, end: int, now: Instant) -> bool:
    """Whether a copy can be gone on with where its changelog ends at `end`, open transactions included.

    It must not stand beyond, nor be too old, unless nothing was written since. A clock that was ahead when it
    was written says nothing of its age.
    """
    if not store.stood_at or store.stands_at == end:
        return True
    return store.stands_at < end and 0 <= now - store.stood_at <= AGE_MAX_MS


class MemoryStore(CustomersInMemory):
    """A copy in memory. With `lasting`, it keeps the other records too after the partition was taken over, so
    that it can be gone on with when another worker owns the partition."""

    __slots__ = ("_lasting", "_now", "_others", "stands_at", "stood_at")

    def __init__(self, now: Callable[[], Instant], *, lasting: bool = False) -> None:
        super().__init__({})
        self._now = now
        self._lasting = lasting
        self._others: dict[str, bytes] = {}
        self.stands_at = 0
        self.stood_at: Instant = 0

    def take_in(self, records: Iterable[LogRecord], stands_at: int) -> None:
        """Put them in their places."""
        customers, others = told_apart(records)
        self.put(customers)
        _put(self._others, others)
        self.stands_at, self.stood_at = stands_at, self.stood_at or self._now()

    def caught_up(self) -> None:
        """It is as old as now."""
        self.stood_at = self._now()

    def committed(self, flush: Flush) -> None:
        """The touched customers, and the rest if it is kept."""
        super().committed(flush)
        if self._lasting:
            _put(self._others, others_of(flush))
        if flush.changelog_end is not None:
            self.stands_at, self.stood_at = flush.changelog_end, self._now()

    def take_others(self) -> dict[str, bytes]:
        """Given away, unless they are kept."""
        if self._lasting:
            return dict(self._others)
        others, self._others = self._others, {}
        return others

    def clear(self) -> None:
        """As new."""
        super().__init__({})
        self._others = {}
        self.stands_at, self.stood_at = 0, 0

    def close(self) -> None:
        """There is nothing to keep."""


def told_apart(records: Iterable[LogRecord]) -> tuple[Rows, Rows]:
    """Customers' records of the changelog, and the others."""
    customers: Rows = []
    others: Rows = []
    for record in records:
        assert record.key is not None, "every record of the changelog has a key"
        key = record.key.decode()
        rows = others if key.startswith(RESERVED_STATE_PREFIX) else customers
        rows.append((key, record.value))
    return customers, others


def others_of(flush: Flush) -> Iterator[tuple[str, bytes | None]]:
    """What a flush writes to the changelog besides customers."""
    return chain(flush.pools, flush.products, flush.baskets, [(PARTITION_RECORD_KEY, flush.record)])


def _put(others: dict[str, bytes], rows: Iterable[tuple[str, bytes | None]]) -> None:
    for key, value in rows:
        if value is None:
            others.pop(key, None)
        else:
            others[key] = value
