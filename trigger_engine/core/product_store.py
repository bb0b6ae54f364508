"""Records of products in a partition's changelog, changed input by input.

Three layers: what is committed, what the present flush has changed, what the present input is changing. An
input that fails loses its own layer and nothing else; what a flush holds counts as committed when the shell
says so. Values are bytes throughout: an input reads what it needs and writes it again, a few kilobytes.
"""

from schemas.keys import RESERVED_STATE_PREFIX

PRODUCT_KEY_PREFIX = f"{RESERVED_STATE_PREFIX}product:"
INTEREST_KEY_PREFIX = f"{RESERVED_STATE_PREFIX}interest:"
FAN_OUT_KEY_PREFIX = f"{RESERVED_STATE_PREFIX}fan-out:"
PRODUCT_SIDE_PREFIXES = (PRODUCT_KEY_PREFIX, INTEREST_KEY_PREFIX, FAN_OUT_KEY_PREFIX)
"""What of the state changelog belongs to products."""


def product_key(product_id: str) -> str:
    """Of what is known of a product."""
    return PRODUCT_KEY_PREFIX + product_id


def bucket_key(product_id: str, bucket: int) -> str:
    """Of some of the customers who are interested in it."""
    return f"{INTEREST_KEY_PREFIX}{product_id}:{bucket}"


def fan_out_key(product_id: str) -> str:
    """Of what its customers are still to be told."""
    return FAN_OUT_KEY_PREFIX + product_id


class ProductStore:
    """Bytes by key; a value of None is a key that is gone."""

    def __init__(self, records: dict[str, bytes]) -> None:
        """`records` are those committed, and are kept up to date."""
        self.records = records
        self._flush: dict[str, bytes | None] = {}
        self._input: dict[str, bytes | None] = {}
        self.products = sum(key.startswith(PRODUCT_KEY_PREFIX) for key in records)
        """How many products are known, the present flush included."""

    def get(self, key: str) -> bytes | None:
        """As the present input sees it."""
        for layer in (self._input, self._flush):
            if key in layer:
                return layer[key]
        return self.records.get(key)

    def put(self, key: str, value: bytes | None) -> None:
        """Change it for the present input."""
        self._input[key] = value

    def keep(self) -> None:
        """The input went well."""
        for key, value in self._input.items():
            if key.startswith(PRODUCT_KEY_PREFIX):
                before = self._flush[key] if key in self._flush else self.records.get(key)
                self.products += (value is not None) - (before is not None)
        self._flush.update(self._input)
        self._input.clear()

    def undo(self) -> None:
        """The input failed: everything is as it was before it."""
        self._input.clear()

    def changed(self) -> list[tuple[str, bytes | None]]:
        """What the present flush holds."""
        return list(self._flush.items())

    def committed(self) -> None:
        """The present flush is durable; the next one begins."""
        for key, value in self._flush.items():
            if value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = value
        self._flush.clear()
