"""Products looked at. Most events are views, so they are kept as packed bytes (`kept_products`)."""

from typing import Any, ClassVar

import msgspec

from schemas.instants import Instant
from trigger_engine.core.kept_products import KeptProducts, lengthened, shortened
from trigger_engine.core.limits import VIEWS_MAX


class View(msgspec.Struct, array_like=True, gc=False):
    """A product looked at."""

    at: Instant
    product_id: str | None = None
    category: str | None = None
    name: str | None = None
    price: float | None = None
    url: str | None = None
    image_url: str | None = None


class _Entry(msgspec.Struct, array_like=True, gc=False):
    """A view as it is packed; of an address that begins with `base`, the bytes behind it."""

    at: Instant
    product_id: str | None = None
    category: str | None = None
    name: str | None = None
    price: float | None = None
    url: Any = None
    image_url: Any = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Entry]).decode


class Views(KeptProducts[View], msgspec.Struct, array_like=True, gc=False):
    """All views counted, the last ones kept, oldest first."""

    most: ClassVar[int] = VIEWS_MAX

    count: int = 0
    last_at: Instant | None = None
    sizes: bytes = b""
    packed: bytes = b""
    base: str = ""

    def pack(self, one: View) -> bytes:
        """A picture is often missing."""
        base = self.base
        url, image_url = shortened(one.url, base), shortened(one.image_url, base)
        if image_url is None:
            return _encode((one.at, one.product_id, one.category, one.name, one.price, url))
        return _encode((one.at, one.product_id, one.category, one.name, one.price, url, image_url))

    def read(self, array: bytes) -> list[_Entry]:
        return _decode(array)

    def unpack(self, entry: _Entry) -> View:
        return View(
            entry.at,
            entry.product_id,
            entry.category,
            entry.name,
            entry.price,
            lengthened(entry.url, self.base),
            lengthened(entry.image_url, self.base),
        )
