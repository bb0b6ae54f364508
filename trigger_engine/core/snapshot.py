"""A snapshot as recommendations are chosen from: its record, and what is looked up in it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from schemas.instants import Instant, parse_instant
from schemas.records import SnapshotProductRecord, SnapshotRecord
from trigger_engine.core.limits import SIMILAR_MAX


class Snapshot:
    """Never changes once made; partitions share it."""

    __slots__ = (
        "best_sellers",
        "best_sellers_by_category",
        "bought_together",
        "by_category",
        "made_at",
        "orders",
        "products",
        "version",
    )

    def __init__(self, record: SnapshotRecord) -> None:
        self.version = record.version
        self.made_at: Instant = parse_instant(record.made_at)
        self.orders = record.orders
        self.products: Mapping[str, SnapshotProductRecord] = {
            each.product_id: each for each in record.products
        }
        self.best_sellers: Sequence[str] = record.best_sellers
        self.best_sellers_by_category: Mapping[str, Sequence[str]] = record.best_sellers_by_category
        self.bought_together: Mapping[str, Mapping[str, int]] = {
            product_id: {partner.product_id: partner.orders for partner in partners}
            for product_id, partners in record.bought_together.items()
        }
        by_category: defaultdict[str, list[SnapshotProductRecord]] = defaultdict(list)
        for each in record.products:
            if each.category is not None and len(by_category[each.category]) < SIMILAR_MAX:
                by_category[each.category].append(each)
        self.by_category: Mapping[str, Sequence[SnapshotProductRecord]] = by_category
        """The most ordered products of each."""

    def currency_of(self, product_id: str | None) -> str | None:
        """What the catalogue prices a product in; None if that is not known."""
        product = None if product_id is None else self.products.get(product_id)
        return None if product is None else product.currency

    def category_of(self, product_id: str | None, otherwise: str | None = None) -> str | None:
        """The category of a product as the catalogue has it; `otherwise` of one that it does not have."""
        product = None if product_id is None else self.products.get(product_id)
        return otherwise if product is None else product.category
