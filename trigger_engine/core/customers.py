"""The committed states of a partition's customers, as bytes, wherever they are kept.

A partition asks for whom it works on and says which flush is durable; that is all. In memory it is a dict,
in files it is RocksDB (`trigger_engine/adapters/rocks_store.py`), and both pass one suite.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from trigger_engine.core.flush import Flush


class Customers(Protocol):
    """What a partition needs of its customers' states."""

    def get(self, key: str, /) -> bytes | None:
        """The committed state of a customer, or None if nothing is known of her."""

    def committed(self, flush: Flush) -> None:
        """The flush is durable: what it holds is what is committed from here on."""

    def items(self) -> Iterable[tuple[str, bytes]]:
        """All customers and their states, in no order; nothing may be committed meanwhile."""

    def keys_after(self, after: str) -> Iterator[str]:
        """The keys behind `after`, in order. Who comes while they are read may be among them or not."""

    def __len__(self) -> int:
        """How many customers there are; in files it is an estimate."""


class CustomersInMemory:
    """A dict, and how many bytes its values have."""

    __slots__ = ("_states", "get", "size_bytes")

    def __init__(self, states: dict[str, bytes]) -> None:
        """`states` is taken over, not copied."""
        self._states = states
        self.get: Callable[[str], bytes | None] = states.get  # a method around it would double its price
        self.size_bytes = sum(map(len, states.values()))

    def committed(self, flush: Flush) -> None:
        """Put the touched customers in their places."""
        self.put(flush.states)

    def put(self, records: Iterable[tuple[str, bytes | None]]) -> None:
        """Set states; None: she is forgotten."""
        states = self._states
        grown = 0
        for key, data in records:
            before = states.get(key)
            if before is not None:
                grown -= len(before)
            if data is not None:
                grown += len(data)
                states[key] = data
            elif before is not None:
                del states[key]
        self.size_bytes += grown

    def items(self) -> Iterable[tuple[str, bytes]]:
        """The dict's own."""
        return self._states.items()

    def keys_after(self, after: str) -> Iterator[str]:
        """Sorted once, at the beginning."""
        ordered = sorted(self._states)
        return iter(ordered[bisect_right(ordered, after) :])

    def __len__(self) -> int:
        return len(self._states)
