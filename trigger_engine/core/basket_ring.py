"""The last baskets of a partition, in a ring, and counting them a slice at a time.

Each basket is a record of its own in the state changelog, under the number of its place in the ring, so that
an order costs one small record. Which place comes next stands in the partition record.
"""

from collections.abc import Mapping

import msgspec

from schemas.instants import DAY_MS, Instant
from schemas.keys import RESERVED_STATE_PREFIX
from trigger_engine.core.baskets import Basket
from trigger_engine.core.limits import BASKETS_COUNT_MS, BASKETS_MAX
from trigger_engine.core.parts import Count, Part

BASKET_KEY_PREFIX = f"{RESERVED_STATE_PREFIX}basket:"
"""Keys of the baskets' records in the state changelog; the place in the ring follows."""


class BasketProgress(msgspec.Struct, array_like=True):
    """How far a partition has come: baskets taken in ever, and when how many of them were counted last."""

    taken: int = 0
    counted_at: Instant = 0
    counted: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Basket).decode


class _Counting:
    """A count under way: of the baskets there were when it began."""

    def __init__(self, baskets: list[bytes], began_at: Instant, taken: int) -> None:
        self.baskets = baskets
        self.position = 0
        self.began_at = began_at
        self.taken = taken
        self.count = Count()


class Baskets:
    """The last baskets of a partition. `progress` is the partition record's, and is kept up to date."""

    def __init__(self, records: Mapping[str, bytes], progress: BasketProgress) -> None:
        """`records`: those of the changelog, by what follows the prefix of their key."""
        self._kept = {int(place): data for place, data in records.items()}
        self._progress = progress
        self._changed: dict[int, None] = {}
        self._counting: _Counting | None = None

    def __len__(self) -> int:
        """How many there are, those too old to count included."""
        return len(self._kept)

    def add(self, basket: Basket, clock: Instant) -> None:
        """Take a basket in, in the place of the oldest; one too old at `clock` counts for nothing."""
        if basket.at <= clock - BASKETS_COUNT_MS:
            return
        place = self._progress.taken % BASKETS_MAX
        self._kept[place] = _encode(basket)
        self._changed[place] = None
        self._progress.taken += 1

    def due(self, now: Instant, every_ms: int) -> bool:
        """Whether there is something to count. It is time again in a new whole interval if baskets came, when
        there are twice as many as were counted (after an import nobody waits for an hour), and daily, since
        others grow old; and a count that was begun is to be ended."""
        if self._counting is not None:
            return True
        progress = self._progress
        came = progress.taken - progress.counted
        if came > 0 and (now // every_ms > progress.counted_at // every_ms or came >= progress.counted):
            return True
        return bool(self._kept) and now // DAY_MS > progress.counted_at // DAY_MS

    def count_some(self, now: Instant, limit: int) -> Part | None:
        """Count up to `limit` baskets more; what it came to when all are counted that were there at the
        beginning. Those too old then count for nothing."""
        counting = self._counting
        if counting is None:
            counting = self._counting = _Counting(list(self._kept.values()), now, self._progress.taken)
        begin, counting.position = counting.position, counting.position + limit
        for data in counting.baskets[begin : counting.position]:
            basket = _decode(data)
            if basket.at > counting.began_at - BASKETS_COUNT_MS:
                counting.count.add(basket)
        if counting.position < len(counting.baskets):
            return None
        self._counting = None
        self._progress.counted_at, self._progress.counted = counting.began_at, counting.taken
        return counting.count.part()

    def take_changed(self) -> list[tuple[str, bytes]]:
        """The records, by key, of the baskets that have come since the last call."""
        changed = [(f"{BASKET_KEY_PREFIX}{place}", self._kept[place]) for place in self._changed]
        self._changed = {}
        return changed
