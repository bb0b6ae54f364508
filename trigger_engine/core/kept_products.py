"""The last products that she looked at or bought, kept as packed bytes.

As objects they would be walked, value by value, whenever a customer is read or written; as bytes they are
copied. They are unpacked when a condition or a template asks for them.

Each is a msgpack array without what is missing at its end. Addresses mostly begin alike: what they share with
the first one kept stands once, in `base`, and those that begin so are kept as the bytes behind it.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from schemas.instants import Instant

_SIZE = 2
_BASE_LENGTH_MAX = 200
_NO_SLOTS: tuple[str, ...] = ()  # the structs have the fields
_ARRAY = b"\xdc"  # msgpack's array of up to 65,535; its length follows in two bytes


class Product(Protocol):
    """What is kept, whole or as an entry whose addresses may be shortened."""

    @property
    def at(self) -> Instant: ...
    @property
    def product_id(self) -> str | None: ...
    @property
    def category(self) -> str | None: ...
    @property
    def url(self) -> Any: ...


P = TypeVar("P", bound=Product)


class KeptProducts(Generic[P]):
    """The last ones, oldest first. What is kept of each, and how many are, says the struct made of it."""

    __slots__ = _NO_SLOTS

    last_at: Instant | None
    """Of those kept."""
    sizes: bytes
    """The length of each in `packed`, two bytes each."""
    packed: bytes
    base: str

    most: ClassVar[int]

    def pack(self, one: P) -> bytes:
        """The bytes of one entry."""
        raise NotImplementedError

    def read(self, array: bytes) -> Sequence[Product]:
        """The entries of a msgpack array."""
        raise NotImplementedError

    def unpack(self, entry: Any) -> P:
        """The whole of an entry."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many are kept."""
        return len(self.sizes) // _SIZE

    def add(self, one: P) -> None:
        """Keep one if it is among the last; among those of one instant, it is the latest."""
        if self.last_at is not None and one.at < self.last_at:
            kept = self.kept()
            insort(kept, one, key=_at)
            self.keep(kept)
            return
        sizes = self.sizes
        if not sizes:
            self.base = _base_of(one.url)
        entry = self.pack(one)
        if len(sizes) >= self.most * _SIZE:
            self.packed = self.packed[int.from_bytes(sizes[:_SIZE], "big") :] + entry
            self.sizes = sizes[_SIZE:] + len(entry).to_bytes(_SIZE, "big")
        else:
            self.packed += entry
            self.sizes = sizes + len(entry).to_bytes(_SIZE, "big")
        self.last_at = one.at

    def keep(self, ones: Iterable[P]) -> None:
        """Keep the last of these and no others; they are in order of time."""
        self.last_at, self.sizes, self.packed, self.base = None, b"", b"", ""
        for one in list(ones)[-self.most :]:
            self.add(one)

    def unite(self, earlier: Iterable[P], later: Iterable[P]) -> None:
        """Keep the last of both; of one instant, the second ones are the later."""
        self.keep(sorted([*earlier, *later], key=_at))

    def kept(self) -> list[P]:
        """Those kept, oldest first."""
        return [self.unpack(entry) for entry in self._entries()]

    def products(self) -> list[str]:
        """The distinct products, latest first."""
        seen = (entry.product_id for entry in reversed(self._entries()))
        return list(dict.fromkeys(product for product in seen if product is not None))

    def categories(self) -> list[str]:
        """The distinct categories, latest first."""
        return list(dict.fromkeys(self._categories()))

    def favourite_category(self) -> str | None:
        """The category of most of them; among equals, the one that came last."""
        counted = Counter(self._categories())
        return max(counted, key=counted.__getitem__, default=None)

    def _categories(self) -> list[str]:
        seen = (entry.category for entry in reversed(self._entries()))
        return [category for category in seen if category is not None]

    def _entries(self) -> Sequence[Product]:
        return self.read(_ARRAY + len(self).to_bytes(2, "big") + self.packed)


def shortened(url: str | None, base: str) -> str | bytes | None:
    """What is packed of an address."""
    return url[len(base) :].encode() if base and url is not None and url.startswith(base) else url


def lengthened(url: str | bytes | None, base: str) -> str | None:
    """The address of which that was packed."""
    return base + url.decode() if isinstance(url, bytes) else url


def _at(one: Product) -> Instant:
    return one.at


def _base_of(url: str | None) -> str:
    """An address up to its last part."""
    return "" if url is None else url[: url.rfind("/", 0, _BASE_LENGTH_MAX) + 1]
