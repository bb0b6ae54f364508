"""`Product`: an entry of the shop's catalogue (topic `tetik.products`, keyed `product:<id>`).

The topic is compacted: the last record of a key is what the shop says of the product now, and a record with
a null value says that it is gone. Every field is bounded, and none holds anything about a person.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.contract import Contract, Identifier
from schemas.instants import WireInstant

PRODUCT_UPDATED = "product_updated"
PRODUCT_DELETED = "product_deleted"
PRODUCT_TYPES = frozenset({PRODUCT_UPDATED, PRODUCT_DELETED})
"""What a change of the catalogue is on `tetik.events`. Ingest alone writes these, along with the entry: from
outside they could tell of a price that the catalogue does not hold."""

TEXT_LENGTH_MAX = 256
URL_LENGTH_MAX = 2_000
"""What shops' feeds allow an address."""
PRICE_MAX = 1_000_000_000.0
STOCK_MAX = 1_000_000_000
"""Beyond these a number is a mistake."""
CONSUMABLE_DAYS_MAX = 400
"""Over a year: as long as the engine remembers anything."""

CURRENCY = r"^[A-Z]{3}$"
URL = r"^https?://"

Text = Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH_MAX)]
Url = Annotated[str, Field(max_length=URL_LENGTH_MAX, pattern=URL)]


class Product(Contract):
    """A product as the shop last told it. Null: the shop did not say."""

    schema_name: ClassVar[str] = "product"

    product_id: Identifier
    """The shop's id of the product, as events name it."""
    name: Text
    """What a mail calls it."""
    category: Text | None = None
    """The shop's category, as `Home > Tea`."""
    price: Annotated[float, Field(strict=True, ge=0, le=PRICE_MAX)] | None = None
    """What one costs."""
    currency: Annotated[str, Field(min_length=3, max_length=3, pattern=CURRENCY)] | None = None
    """The price's currency by ISO 4217, as `TRY`."""
    stock: Annotated[int, Field(strict=True, ge=0, le=STOCK_MAX)] | None = None
    """How many are there. Null is unknown and counts as in stock."""
    url: Url | None = None
    """The product's page."""
    image_url: Url | None = None
    """Its picture."""
    consumable_days: Annotated[int, Field(strict=True, ge=1, le=CONSUMABLE_DAYS_MAX)] | None = None
    """How many days one lasts usually, where it is used up."""
    updated_at: WireInstant
    """When ingest took it."""
