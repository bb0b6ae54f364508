"""What one partition counts of its baskets, as it stands on `tetik.snapshots` until the next count.

Everything here is bounded and in a fixed order: the same baskets give the same bytes, wherever they lie.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations

import msgspec

from schemas.snapshot import SNAPSHOT_PRODUCTS_MAX
from trigger_engine.core.baskets import Basket
from trigger_engine.core.limits import BASKET_PAIR_LINES_MAX, PART_PAIRS_MAX, PART_PARTNERS_MAX

PART_KEY_PREFIX = "part:"
"""Keys of parts on `tetik.snapshots`; the partition's number follows."""


class PartError(ValueError):
    """The bytes are no part that this version reads."""


class Part(msgspec.Struct, array_like=True, frozen=True):
    """Orders by product, most first; and by pair of products, each given by its place in `products`."""

    orders: int = 0
    products: list[tuple[str, int]] = []
    pairs: list[tuple[int, int, int]] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Part).decode


class Count:
    """Counts baskets; of a large one, pairs are counted of its first products only."""

    def __init__(self) -> None:
        self._orders = 0
        self._products: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()

    def add(self, basket: Basket) -> None:
        """One more."""
        self._orders += 1
        self._products.update(basket.products)
        self._pairs.update(combinations(sorted(basket.products[:BASKET_PAIR_LINES_MAX]), 2))

    def part(self) -> Part:
        """What it came to, within bounds."""
        ranked = sorted(self._products.items(), key=lambda item: (-item[1], item[0]))
        most = ranked[:SNAPSHOT_PRODUCTS_MAX]
        place = {product_id: number for number, (product_id, _) in enumerate(most)}
        return Part(self._orders, most, _told(self._pairs, place))


def count(baskets: Iterable[Basket]) -> Part:
    """Count baskets at once."""
    counting = Count()
    for basket in baskets:
        counting.add(basket)
    return counting.part()


def _told(pairs: Counter[tuple[str, str]], place: dict[str, int]) -> list[tuple[int, int, int]]:
    """The most frequent pairs, as long as one of the two has room for another partner."""
    told: list[tuple[int, int, int]] = []
    partners: Counter[str] = Counter()
    for (one, other), orders in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        if len(told) == PART_PAIRS_MAX:
            break
        if one not in place or other not in place:
            continue
        if partners[one] >= PART_PARTNERS_MAX and partners[other] >= PART_PARTNERS_MAX:
            continue
        partners.update((one, other))
        told.append((place[one], place[other], orders))
    return told


def encode_part(part: Part) -> bytes:
    """The record's bytes."""
    return _encode(part)


def decode_part(data: bytes) -> Part:
    """Read a part. Raises PartError."""
    try:
        part = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PartError(f"the bytes are no counts of a partition: {error}") from error
    if any(not 0 <= place < len(part.products) for one, other, _ in part.pairs for place in (one, other)):
        raise PartError("a pair names a product that is not there")
    return part
