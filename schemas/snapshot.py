"""`Snapshot`: what products are recommended by (topic `tetik.snapshots`, keyed by its version).

The engine makes one from the orders of the last 30 days and the catalogue, and activates it by a marker in
every partition of `tetik.events`, as rules are. Which products a mail then shows depends on this record, the
customer and the trigger file alone.
"""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from schemas.contract import Contract, Count, Identifier
from schemas.instants import WireInstant
from schemas.product import CURRENCY, PRICE_MAX, STOCK_MAX, Text, Url

SNAPSHOT_PRODUCTS_MAX = 20_000
BEST_SELLERS_MAX = 24
PARTNERS_MAX = 8


class SnapshotProduct(BaseModel):
    """A product as the catalogue had it, and how often it sold."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    product_id: Identifier
    """The shop's id of the product."""
    name: Text
    """What a mail calls it."""
    category: Text | None = None
    """The shop's category."""
    price: Annotated[float, Field(strict=True, ge=0, le=PRICE_MAX)] | None = None
    """What one costs."""
    currency: Annotated[str, Field(min_length=3, max_length=3, pattern=CURRENCY)] | None = None
    """The price's currency."""
    stock: Annotated[int, Field(strict=True, ge=0, le=STOCK_MAX)] | None = None
    """How many there were; null counts as in stock."""
    url: Url | None = None
    """The product's page."""
    image_url: Url | None = None
    """Its picture."""
    orders: Count = 0
    """The orders of the last 30 days that held it."""


class Partner(BaseModel):
    """A product that was bought along with another one."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    product_id: Identifier
    """Which."""
    orders: Count
    """The orders that held both."""


class Snapshot(Contract):
    """Best-sellers, what was bought together, and the products that may be recommended."""

    schema_name: ClassVar[str] = "snapshot"

    version: Identifier
    """Made from the content: equal snapshots have one version."""
    made_at: WireInstant
    """When the engine made it."""
    orders: Count
    """The orders that it counts."""
    products: Annotated[list[SnapshotProduct], Field(max_length=SNAPSHOT_PRODUCTS_MAX)]
    """The products of the catalogue, most ordered first, then by id."""
    best_sellers: Annotated[list[Identifier], Field(max_length=BEST_SELLERS_MAX)] = Field(
        default_factory=list
    )
    """The most ordered products that are in stock, most first."""
    best_sellers_by_category: dict[str, Annotated[list[Identifier], Field(max_length=BEST_SELLERS_MAX)]] = (
        Field(default_factory=dict)
    )
    """The same for each category."""
    bought_together: dict[str, Annotated[list[Partner], Field(max_length=PARTNERS_MAX)]] = Field(
        default_factory=dict
    )
    """By product id, what was bought along with it, most often first."""
