"""Products looked at, kept as packed bytes.

Most events are views. Twenty of them as objects would be walked, value by value, whenever a customer is
read or written; as bytes they are copied. They are unpacked when a condition or a template asks for them.

A view is a msgpack array without what is missing at its end. Addresses mostly begin alike: what they share
with the first one kept stands once, in `base`, and those that begin so are kept as the bytes behind it.
"""

from bisect import insort
from collections.abc import Iterable
from typing import Any

import msgspec

from schemas.instants import Instant
from trigger_engine.core.limits import VIEWS_MAX

_SIZE = 2
_SIZES_MAX = VIEWS_MAX * _SIZE
_BASE_LENGTH_MAX = 200
_ARRAY = b"\xdc"  # msgpack's array of up to 65,535; its length follows in two bytes


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


class Views(msgspec.Struct, array_like=True, gc=False):
    """All views counted, the last ones kept, oldest first."""

    count: int = 0
    last_at: Instant | None = None
    """Of those kept."""
    sizes: bytes = b""
    """The length of each view in `packed`, two bytes each."""
    packed: bytes = b""
    base: str = ""

    def __len__(self) -> int:
        """How many are kept."""
        return len(self.sizes) // _SIZE

    def add(self, view: View) -> None:
        """Keep a view if it is among the last; among views of one instant, it is the latest."""
        if self.last_at is not None and view.at < self.last_at:
            kept = self.kept()
            insort(kept, view, key=lambda one: one.at)
            self.keep(kept)
            return
        sizes = self.sizes
        if not sizes:
            self.base = _base_of(view.url)
        entry = _packed(view, self.base)
        if len(sizes) >= _SIZES_MAX:
            self.packed = self.packed[int.from_bytes(sizes[:_SIZE], "big") :] + entry
            self.sizes = sizes[_SIZE:] + len(entry).to_bytes(_SIZE, "big")
        else:
            self.packed += entry
            self.sizes = sizes + len(entry).to_bytes(_SIZE, "big")
        self.last_at = view.at

    def keep(self, views: Iterable[View]) -> None:
        """Keep the last of these and no others; they are in order of time."""
        self.last_at, self.sizes, self.packed, self.base = None, b"", b"", ""
        for view in list(views)[-VIEWS_MAX:]:
            self.add(view)

    def kept(self) -> list[View]:
        """Those kept, oldest first."""
        base = self.base
        return [
            View(
                entry.at,
                entry.product_id,
                entry.category,
                entry.name,
                entry.price,
                _unpacked(entry.url, base),
                _unpacked(entry.image_url, base),
            )
            for entry in self._entries()
        ]

    def products(self) -> list[str]:
        """The distinct products, latest first."""
        seen = (entry.product_id for entry in reversed(self._entries()))
        return list(dict.fromkeys(product for product in seen if product is not None))

    def categories(self) -> list[str]:
        """The distinct categories, latest first."""
        seen = (entry.category for entry in reversed(self._entries()))
        return list(dict.fromkeys(category for category in seen if category is not None))

    def _entries(self) -> list[_Entry]:
        return _decode(_ARRAY + len(self).to_bytes(2, "big") + self.packed)


def _base_of(url: str | None) -> str:
    """An address up to its last part."""
    return "" if url is None else url[: url.rfind("/", 0, _BASE_LENGTH_MAX) + 1]


def _packed(view: View, base: str) -> bytes:
    url: str | bytes | None = view.url
    image_url: str | bytes | None = view.image_url
    if base:
        if isinstance(url, str) and url.startswith(base):
            url = url[len(base) :].encode()
        if isinstance(image_url, str) and image_url.startswith(base):
            image_url = image_url[len(base) :].encode()
    if image_url is None:
        return _encode((view.at, view.product_id, view.category, view.name, view.price, url))
    return _encode((view.at, view.product_id, view.category, view.name, view.price, url, image_url))


def _unpacked(url: str | bytes | None, base: str) -> str | None:
    return base + url.decode() if isinstance(url, bytes) else url
