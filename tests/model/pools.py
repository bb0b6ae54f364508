"""Single-use codes: every partition has its share of each pool, in the order in which codes came."""

from collections.abc import Mapping
from typing import Any


class Pools:
    """One partition's. A code that was ever seen is not taken in again."""

    def __init__(self) -> None:
        self._came: dict[str, list[str]] = {}
        self._given: dict[str, int] = {}

    def arrive(self, properties: Mapping[str, Any]) -> None:
        """An `offer_codes` event."""
        pool = self._came.setdefault(properties["pool"], [])
        for code in properties["codes"]:
            if code not in pool:
                pool.append(code)

    def next_code(self, pool: str, send_id: str) -> str | None:
        """The code that the mail would carry."""
        given = self._given.get(pool, 0)
        came = self._came.get(pool, [])
        return came[given] if given < len(came) else None

    def give(self, pool: str) -> None:
        """It went out."""
        self._given[pool] = self._given.get(pool, 0) + 1
