"""Parts of all partitions and the catalogue, merged into one snapshot. Pure.

    merging.take_part(…), take_product(…), take_version(…)    as they are read
    if merging.due(now): merging.merge(now)                   a new snapshot, or None: it says nothing new

A snapshot is made at most once an interval, but for what cannot wait so long: a product of it is sold out or
back, or there is twice as much to go by as there was. Then too a minute lies between two.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from schemas.ids import snapshot_version
from schemas.instants import MINUTE_MS, Instant, format_instant, parse_instant
from schemas.records import PartnerRecord, ProductRecord, SnapshotProductRecord, SnapshotRecord, encode_record
from schemas.snapshot import BEST_SELLERS_MAX, PARTNERS_MAX, SNAPSHOT_PRODUCTS_MAX
from trigger_engine.core.limits import (
    CATALOGUE_MAX,
    SNAPSHOT_PARTNERS_BYTES_MAX,
    SNAPSHOT_PRODUCTS_BYTES_MAX,
    SNAPSHOTS_KEPT_MAX,
    SNAPSHOTS_KEPT_MS,
)
from trigger_engine.core.parts import Part

MARKS = 40
"""What names and punctuation take of a product among the best-sellers or the partners, at most."""


class Merging:
    """What was read of parts, catalogue and earlier snapshots."""

    def __init__(self, every_ms: int) -> None:
        self.active: SnapshotRecord | None = None
        """The snapshot that was written last."""
        self.passed_over = 0
        """Products beyond what the catalogue may hold here."""
        self._every_ms = every_ms
        self._soon_ms = min(MINUTE_MS, every_ms)
        self._parts: dict[int, Part] = {}
        self._catalogue: dict[str, ProductRecord] = {}
        self._versions: dict[str, Instant] = {}
        self._in_stock: dict[str, bool] = {}
        self._flipped: set[str] = set()
        self._changed = False
        self._weighed = 0
        """Products of the catalogue when snapshots were merged last."""

    def take_part(self, partition: int, part: Part | None) -> None:
        """What a partition counted; None: nothing any more."""
        self._changed = True
        if part is None:
            self._parts.pop(partition, None)
        else:
            self._parts[partition] = part

    def take_product(self, product_id: str, product: ProductRecord | None) -> None:
        """A product as the shop tells it now; None: it is gone."""
        self._changed = True
        if product is None:
            self._catalogue.pop(product_id, None)
        elif product_id in self._catalogue or len(self._catalogue) < CATALOGUE_MAX:
            self._catalogue[product_id] = product
        else:
            self.passed_over += 1
        self._note_stock(product_id)

    def take_version(self, version: str, made_at: Instant | None) -> None:
        """A snapshot that was written before; a later one under the same version counts. None: it is gone."""
        self._versions.pop(version, None)
        if made_at is not None:
            self._versions[version] = made_at

    def activate(self, snapshot: SnapshotRecord) -> None:
        """This snapshot is the one that was written last."""
        self.active = snapshot
        self.take_version(snapshot.version, parse_instant(snapshot.made_at))
        self._in_stock = {each.product_id: each.stock != 0 for each in snapshot.products}
        self._flipped = set()
        for product_id in self._in_stock:
            self._note_stock(product_id)

    def _note_stock(self, product_id: str) -> None:
        """Whether what the active snapshot says of the stock of a product holds no longer."""
        product = self._catalogue.get(product_id)
        there = product is not None and product.stock != 0
        if self._in_stock.get(product_id, there) == there:
            self._flipped.discard(product_id)
        else:
            self._flipped.add(product_id)

    def due(self, now: Instant) -> bool:
        """Whether to merge now."""
        if not self._changed:
            return False
        if self.active is None:
            return bool(self._catalogue)
        passed_ms = now - parse_instant(self.active.made_at)
        return passed_ms >= self._every_ms or (
            passed_ms >= self._soon_ms and (bool(self._flipped) or self._doubled())
        )

    def _doubled(self) -> bool:
        assert self.active is not None, "asked of a later snapshot"
        orders = sum(part.orders for part in self._parts.values())
        weighed = max(len(self.active.products), self._weighed)
        return _twice(orders, self.active.orders) or _twice(self._weight(), weighed)

    def _weight(self) -> int:
        return min(len(self._catalogue), SNAPSHOT_PRODUCTS_MAX)

    def merge(self, now: Instant) -> SnapshotRecord | None:
        """The snapshot of what was read; None if the active one says the same."""
        self._changed = False
        self._weighed = self._weight()
        parts = [part for _, part in sorted(self._parts.items())]
        made = merged(parts, self._catalogue, now)
        return None if self.active is not None and self.active.version == made.version else made

    def outdated(self, now: Instant) -> list[str]:
        """The versions that nobody needs any more; the active one is never among them."""
        active = None if self.active is None else self.active.version
        by_age = sorted(self._versions.items(), key=lambda item: (-item[1], item[0]))
        return [
            version
            for number, (version, made_at) in enumerate(by_age)
            if version != active and (number >= SNAPSHOTS_KEPT_MAX or made_at <= now - SNAPSHOTS_KEPT_MS)
        ]


def _twice(now: int, before: int) -> bool:
    return now > before and now >= 2 * before


def merged(parts: Iterable[Part], catalogue: Mapping[str, ProductRecord], now: Instant) -> SnapshotRecord:
    """One snapshot; equal contents have one version, whenever they are made."""
    total = 0
    orders: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for part in parts:
        total += part.orders
        orders.update(dict(part.products))
        names = [product_id for product_id, _ in part.products]
        pairs.update({(names[one], names[other]): both for one, other, both in part.pairs})
    products = list(_within_bounds(catalogue, orders))
    sold = [each for each in products if each.orders and each.stock != 0]
    by_category: defaultdict[str, list[str]] = defaultdict(list)
    for each in sold:
        if each.category is not None and len(by_category[each.category]) < BEST_SELLERS_MAX:
            by_category[each.category].append(each.product_id)
    content = SnapshotRecord(
        version="",
        made_at="",
        orders=total,
        products=products,
        best_sellers=[each.product_id for each in sold[:BEST_SELLERS_MAX]],
        best_sellers_by_category=dict(by_category),
        bought_together=_partners(pairs, [each.product_id for each in products]),
    )
    version = snapshot_version(encode_record(content).decode())
    return msgspec.structs.replace(content, version=version, made_at=format_instant(now))


def _within_bounds(
    catalogue: Mapping[str, ProductRecord], orders: Mapping[str, int]
) -> Iterator[SnapshotProductRecord]:
    """The most ordered products, then by id, as many as one record holds."""
    ranked = sorted(catalogue.values(), key=lambda each: (-orders.get(each.product_id, 0), each.product_id))
    size = 0
    for each in ranked[:SNAPSHOT_PRODUCTS_MAX]:
        product = SnapshotProductRecord(
            product_id=each.product_id,
            name=each.name,
            category=each.category,
            price=each.price,
            currency=each.currency,
            stock=each.stock,
            url=each.url,
            image_url=each.image_url,
            orders=orders.get(each.product_id, 0),
        )
        # its id and its category may stand once more, among the best-sellers
        size += len(encode_record(product)) + len(f"{each.product_id}{each.category}".encode()) + MARKS
        if size > SNAPSHOT_PRODUCTS_BYTES_MAX:
            break
        yield product


def _partners(pairs: Mapping[tuple[str, str], int], ranked: Sequence[str]) -> dict[str, list[PartnerRecord]]:
    """Of the most ordered products first, as many as one record holds beside the products."""
    known = set(ranked)
    found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for (one, other), orders in pairs.items():
        if one in known and other in known:
            found[one].append((-orders, other))
            found[other].append((-orders, one))
    told: dict[str, list[PartnerRecord]] = {}
    size = 0
    for product_id in ranked:
        if product_id in found:
            partners = sorted(found[product_id])[:PARTNERS_MAX]
            size += sum(len(other.encode()) + MARKS for _, other in [(0, product_id), *partners])
            if size > SNAPSHOT_PARTNERS_BYTES_MAX:
                break
            told[product_id] = [PartnerRecord(other, -negative) for negative, other in partners]
    return told
