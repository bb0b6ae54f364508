"""What a partition hands out to become durable together, and the record of where it stands."""

from dataclasses import dataclass, field

import msgspec

from schemas.instants import Instant
from schemas.keys import RESERVED_STATE_PREFIX
from schemas.records import CauseRecord, EventRecord
from trigger_engine.core.basket_ring import BasketProgress
from trigger_engine.core.effects import Written

PARTITION_RECORD_KEY = f"{RESERVED_STATE_PREFIX}partition"


class PartitionRecord(msgspec.Struct, array_like=True):
    """Where a partition stands: the next input offset of each source topic and the active rule set.

    Fields are only ever added at the end, with a default, so that older records are read.
    """

    version: int = 1
    next_offsets: dict[str, int] = {}
    rules_digest: str = ""
    activated_at: Instant = 0
    """When the marker that activated the rules was received, and which it was (None: an older record)."""
    activation: CauseRecord | None = None
    sweep_after: str | None = None
    """Customers up to this key are in line with the rules; None: all that have to be are."""
    received_max: Instant = 0
    """The log's own clock: the latest `received_at` applied."""
    codes_taken: dict[str, int] = msgspec.field(default_factory=dict)
    """By pool, how many codes were given since its record was written (`pools.py`)."""
    baskets: BasketProgress = msgspec.field(default_factory=BasketProgress)
    snapshot_version: str = ""
    """The snapshot that products are recommended by."""
    topic_ids: dict[str, str] = msgspec.field(default_factory=dict)
    """The ids of the topics that the offsets and this record belong to, by name."""
    partitions: int = 0
    """Over how many partitions the customers are laid out; 0: an older record. Negative: they are being moved
    to other partitions than so many, and no engine may work."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An input that could not be used."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes
    reason: str
    traceback_digest: str | None
    failed_at: Instant


@dataclass(slots=True)
class Flush:
    """What must become durable together. A state of None is one to be forgotten."""

    effects: list[Written] = field(default_factory=list)
    answered: list[Instant] = field(default_factory=list)
    """When the events were received that brought decisions."""
    rejected: list[Rejected] = field(default_factory=list)
    states: list[tuple[str, bytes | None]] = field(default_factory=list)
    pools: list[tuple[str, bytes]] = field(default_factory=list)
    """Records of pools of codes, by key."""
    products: list[tuple[str, bytes | None]] = field(default_factory=list)
    """Records of the product side, by key; None: to be forgotten."""
    notices: list[EventRecord] = field(default_factory=list)
    """Events that tell customers of products."""
    baskets: list[tuple[str, bytes]] = field(default_factory=list)
    """Records of baskets, by key."""
    part: bytes | None = None
    """What the partition counted of its baskets, if it did."""
    record: bytes = b""
    rules_digest: str = ""
    changelog_end: int | None = None
    """Set by whoever committed it: the offset behind its last record on the changelog."""
