"""The customers of a partition: the last committed bytes of all of them, and decoded those lately at work.

What the present flush has touched is decoded; its bytes replace the committed ones when the flush is durable.

The decoded ones are kept in two generations: who is met is young; when there are too many young ones, the old
are forgotten and the young grow old. So whoever comes often stays decoded, for one look-up more where she has
not come for long, and nobody keeps lists of who came last.
"""

from trigger_engine.core.customers import Customers
from trigger_engine.core.state import CustomerState, StateError, decode_state, encode_state, new_state

LIVE_CUSTOMERS_MAX = 20_000
"""Decoded customers kept per partition between flushes: a decoded state takes about five times its bytes
(4.6 kB against 0.85 kB), so those lately at work are kept decoded and the rest as bytes."""


class WorkingSet:
    """`stored` are the committed bytes, by customer key; `live` the decoded states of the young, all that the
    present flush has touched among them."""

    __slots__ = ("_old", "_touched", "live", "stored")

    def __init__(self, stored: Customers) -> None:
        self.stored = stored
        self.live: dict[str, CustomerState] = {}
        self._old: dict[str, CustomerState] = {}
        self._touched: dict[str, CustomerState] = {}

    def state(self, key: str) -> CustomerState:
        """The customer as she is now. Raises StateError."""
        state = self.live.get(key)
        if state is None:
            state = self._old.pop(key, None) or self.committed_state(key)
            self.live[key] = state
        return state

    def committed_state(self, key: str) -> CustomerState:
        """The customer as of the last flush, decoded anew. Raises StateError."""
        data = self.stored.get(key)
        return new_state(key) if data is None else decode_state(data)

    def can_be_read(self, key: str) -> bool:
        """A customer whose bytes are broken is reported when she is touched, not by a sweep."""
        try:
            self.state(key)
        except StateError:
            return False
        return True

    def touch(self, key: str, state: CustomerState) -> None:
        """She has changed: the present flush holds her."""
        self.live[key] = self._touched[key] = state

    def put_back(self, key: str, state: CustomerState) -> None:
        """She is rebuilt; whether the present flush holds her stays as it was."""
        self.live[key] = state
        if key in self._touched:
            self._touched[key] = state

    def touched(self) -> list[tuple[str, bytes | None]]:
        """The records of the present flush; None: one to be forgotten."""
        return [(key, None if state.blank else encode_state(state)) for key, state in self._touched.items()]

    def committed(self, records: list[tuple[str, bytes | None]]) -> None:
        """These are durable, and `stored` has them; the next flush has touched nobody yet."""
        for key, data in records:
            if data is None:
                self.live.pop(key, None)
        if len(self.live) > LIVE_CUSTOMERS_MAX // 2:
            self._old, self.live = self.live, {}
        self._touched = {}
