"""Products bought: the lines of her last orders, kept as packed bytes (`kept_products`)."""

from typing import Any, ClassVar

import msgspec

from schemas.instants import Instant
from trigger_engine.core.kept_products import KeptProducts, lengthened, shortened
from trigger_engine.core.limits import PURCHASES_MAX


class Purchase(msgspec.Struct, array_like=True, gc=False):
    """A line of an order. `consumable_days`: how long it lasts, if the shop says so."""

    at: Instant
    product_id: str | None = None
    category: str | None = None
    name: str | None = None
    price: float | None = None
    url: str | None = None
    image_url: str | None = None
    quantity: int = 1
    consumable_days: int | None = None


class _Entry(msgspec.Struct, array_like=True, gc=False):
    """A line as it is packed; of an address that begins with `base`, the bytes behind it."""

    at: Instant
    product_id: str | None = None
    category: str | None = None
    name: str | None = None
    price: float | None = None
    url: Any = None
    image_url: Any = None
    quantity: int = 1
    consumable_days: int | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Entry]).decode


class Purchases(KeptProducts[Purchase], msgspec.Struct, array_like=True, gc=False):
    """The last lines, oldest first; of one order, the first line stands last."""

    most: ClassVar[int] = PURCHASES_MAX

    last_at: Instant | None = None
    sizes: bytes = b""
    packed: bytes = b""
    base: str = ""

    def pack(self, one: Purchase) -> bytes:
        """One piece of what is no consumable is the rule."""
        url, image_url = shortened(one.url, self.base), shortened(one.image_url, self.base)
        plain = (one.at, one.product_id, one.category, one.name, one.price, url, image_url)
        if one.consumable_days is not None:
            return _encode((*plain, one.quantity, one.consumable_days))
        return _encode(plain if one.quantity == 1 else (*plain, one.quantity))

    def read(self, array: bytes) -> list[_Entry]:
        return _decode(array)

    def unpack(self, entry: _Entry) -> Purchase:
        return Purchase(
            entry.at,
            entry.product_id,
            entry.category,
            entry.name,
            entry.price,
            lengthened(entry.url, self.base),
            lengthened(entry.image_url, self.base),
            entry.quantity,
            entry.consumable_days,
        )
