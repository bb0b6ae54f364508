"""Pools of single-use codes: one partition's share of each.

An import spreads the codes over the partitions, each code always into the same one, and writes them into
the log. A partition gives them out in the order in which they came. What it holds stands in its changelog as
one record a pool, written only when codes come; how many of those were given since stands in the partition
record, which every flush writes anyway.

A code that was here before, given or not, is passed over: an import may be repeated. A code whose mail was
not sent after all is not given again: somebody may have seen it.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from schemas.keys import RESERVED_STATE_PREFIX
from trigger_engine.core.effects import GivenCode
from trigger_engine.core.limits import POOL_CODES_MAX, POOL_GIVEN_MAX, POOLS_MAX

POOL_KEY_PREFIX = f"{RESERVED_STATE_PREFIX}pool:"
"""Keys of the pools' records in the state changelog; the pool's name follows."""

POOL_DIGEST_BYTES = 8

CodeOf: TypeAlias = Callable[[str, str, int], str | None]
"""The code of a pool for the mail of a `send_id`, behind so many others that the same step has given; None:
it has no more."""


class PoolFull(ValueError):
    """Codes cannot be taken in; the message says why and what to do."""


class Pool(msgspec.Struct, array_like=True):
    """The codes that were left when the last ones came, and digests of those given before."""

    codes: list[str] = []
    given: bytes = b""

    def given_with(self, taken: int) -> bytes:
        """The digests of all that were given, so many of its codes included."""
        return self.given + b"".join(map(_digest, self.codes[:taken]))


class Pools:
    """A partition's pools by name. `taken`: how many of each one's codes were given since its last record."""

    def __init__(self, records: Mapping[str, bytes], taken: dict[str, int]) -> None:
        decode = msgspec.msgpack.Decoder(Pool).decode
        self._pools = {name: decode(data) for name, data in records.items()}
        self._taken = taken
        self._changed: set[str] = set()

    def code_of(self, name: str, send_id: str, number: int) -> str | None:
        """A `CodeOf`: whoever asks gets the next one."""
        pool = self._pools.get(name)
        if pool is None:
            return None
        place = self._taken.get(name, 0) + number
        return pool.codes[place] if place < len(pool.codes) else None

    def take(self, names: Iterable[str]) -> None:
        """The next code of each of these pools is given; one that is named twice gives two."""
        for name in names:
            self._taken[name] = self._taken.get(name, 0) + 1

    def add(self, name: str, codes: Iterable[str]) -> None:
        """Take codes in behind those there are; known ones are passed over. Raises PoolFull."""
        pool = self._pools.get(name)
        if pool is None and len(self._pools) >= POOLS_MAX:
            raise PoolFull(f"there are {POOLS_MAX} pools of codes already; import into one of these")
        pool = pool or Pool()
        taken = self._taken.get(name, 0)
        given = pool.given_with(taken)
        rest = dict.fromkeys(pool.codes[taken:])
        known = {
            given[start : start + POOL_DIGEST_BYTES] for start in range(0, len(given), POOL_DIGEST_BYTES)
        }
        rest.update(dict.fromkeys(code for code in codes if _digest(code) not in known))
        if len(rest) > POOL_CODES_MAX:
            raise PoolFull(
                f"the pool {name} would hold {len(rest):,} codes in one partition, more than "
                f"{POOL_CODES_MAX:,}; import these again when some have been given"
            )
        self._pools[name] = Pool(list(rest), given[-POOL_GIVEN_MAX * POOL_DIGEST_BYTES :])
        self._taken.pop(name, None)
        self._changed.add(name)

    def take_changed(self) -> list[tuple[str, bytes]]:
        """The records, by key, of the pools to which codes have come since the last call."""
        changed = [
            (POOL_KEY_PREFIX + name, msgspec.msgpack.encode(self._pools[name]))
            for name in sorted(self._changed)
        ]
        self._changed.clear()
        return changed


def no_codes(name: str, send_id: str, number: int) -> None:
    """Every pool is empty."""
    return


def just(codes: Mapping[str, GivenCode]) -> CodeOf:
    """These codes, by `send_id`: what an input was given that is applied again."""
    return lambda name, send_id, number: codes[send_id].code if send_id in codes else None


def _digest(code: str) -> bytes:
    return blake2b(code.encode(), digest_size=POOL_DIGEST_BYTES).digest()
