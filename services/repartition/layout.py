"""Where everything belongs when there are so many partitions. Pure.

A customer lives in the partition of her key, what is known of a product in that of the product's. A code
lives in the partition that its hash names. Baskets are counts of their partition and stay where they are.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from schemas.instants import Instant, parse_instant
from schemas.keys import PRODUCT_PREFIX, RESERVED_STATE_PREFIX, code_partition
from schemas.records import Malformed, decode_event
from trigger_engine.adapters.batches import LogRecord
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.core.limits import POOL_GIVEN_MAX
from trigger_engine.core.pools import POOL_DIGEST_BYTES, POOL_KEY_PREFIX, Pool
from trigger_engine.core.product_store import FAN_OUT_KEY_PREFIX, INTEREST_KEY_PREFIX, PRODUCT_KEY_PREFIX

_RESERVED = RESERVED_STATE_PREFIX.encode()


def home_of(key: bytes, partitions: int) -> int | None:
    """The partition that a record of the state changelog belongs to; None: it stays with its partition."""
    if not key.startswith(_RESERVED):
        return partition_of(key, partitions)
    text = key.decode()
    for prefix in (PRODUCT_KEY_PREFIX, FAN_OUT_KEY_PREFIX):
        if text.startswith(prefix):
            return _home_of_product(text.removeprefix(prefix), partitions)
    if text.startswith(INTEREST_KEY_PREFIX):
        product_id, _, _ = text.removeprefix(INTEREST_KEY_PREFIX).rpartition(":")
        return _home_of_product(product_id, partitions)
    return None


def _home_of_product(product_id: str, partitions: int) -> int:
    return partition_of((PRODUCT_PREFIX + product_id).encode(), partitions)


class Sum(NamedTuple):
    """What a set of records comes to, in whatever order and wherever they lie."""

    states: int = 0
    digest: int = 0

    def plus(self, records: Mapping[bytes, bytes]) -> "Sum":
        """With the records among these that belong to a key."""
        states, digest = self
        for key, value in records.items():
            if home_of(key, 1) is not None:
                states += 1
                made = blake2b(value, key=blake2b(key, digest_size=32).digest(), digest_size=16).digest()
                digest = (digest + int.from_bytes(made)) % 2**128
        return Sum(states, digest)

    def __str__(self) -> str:
        return f"{self.states:,} states, {self.digest:032x}"


class Dealt(NamedTuple):
    """The pools' new records by partition and key, and how many given codes are forgotten, by pool."""

    records: dict[int, dict[bytes, bytes]]
    forgotten: dict[str, int]


def deal_pools(held: Iterable[tuple[Mapping[str, bytes], Mapping[str, int]]], partitions: int) -> Dealt:
    """Every code that was not given where its hash says, and those that were given remembered everywhere:
    only a digest of them is kept, so nobody knows which partition would be asked. `held`: of each partition,
    its pools and how many of each one's codes were given since."""
    rest: dict[str, dict[str, None]] = {}
    given: dict[str, bytes] = {}
    for pools, taken in held:
        for name, data in pools.items():
            pool = msgspec.msgpack.decode(data, type=Pool)
            number = taken.get(name, 0)
            rest.setdefault(name, {}).update(dict.fromkeys(pool.codes[number:]))
            given[name] = given.get(name, b"") + pool.given_with(number)
    records: dict[int, dict[bytes, bytes]] = {number: {} for number in range(partitions)}
    forgotten = {}
    for name, codes in rest.items():
        shares: dict[int, list[str]] = {number: [] for number in range(partitions)}
        for code in codes:
            shares[code_partition(name, code, partitions)].append(code)
        known = _distinct(given[name])
        forgotten[name] = max(0, len(known) // POOL_DIGEST_BYTES - POOL_GIVEN_MAX)
        for number, share in shares.items():
            pool = Pool(share, known[-POOL_GIVEN_MAX * POOL_DIGEST_BYTES :])
            records[number][(POOL_KEY_PREFIX + name).encode()] = msgspec.msgpack.encode(pool)
    return Dealt(records, {name: count for name, count in forgotten.items() if count})


def _distinct(digests: bytes) -> bytes:
    """Each digest once, in the order of its first place: after an earlier move several partitions hold it."""
    size = POOL_DIGEST_BYTES
    return b"".join(dict.fromkeys(digests[at : at + size] for at in range(0, len(digests), size)))


class Waiting(NamedTuple):
    """A record of a log that no engine has applied."""

    clock: Instant
    """The latest `received_at` of its partition so far: the log's own time."""
    number: int
    record: LogRecord


def in_order(tails: Mapping[int, Iterable[LogRecord]]) -> list[Waiting]:
    """What waits in several partitions as one log: each partition's order is kept, and by the logs' own time
    nothing overtakes. Else a purchase that waits behind another partition's records would come too late for
    the timer that it cancels."""
    waiting = []
    for number, records in tails.items():
        clock = 0
        for record in records:
            clock = max(clock, _received_at(record))
            waiting.append(Waiting(clock, number, record))
    waiting.sort(key=lambda one: one.clock)  # stable: equal ones stay in their partition's order
    return waiting


def _received_at(record: LogRecord) -> Instant:
    try:
        return parse_instant(decode_event(record.value or b"").received_at)
    except (Malformed, ValueError):
        return 0
