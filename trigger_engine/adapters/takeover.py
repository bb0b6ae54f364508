"""Taking a partition over: fence the former owner, then read the changelog to its end.

The order matters. Opening the partition's writer makes every later write of the former owner fail
and ends its open transaction; only then is the end of the changelog final. The partition record says
where to go on.
"""

import logging
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from schemas.instants import Instant
from schemas.topics import EVENTS, INTERESTS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from trigger_engine.adapters.log_port import EngineLog, TopicFacts
from trigger_engine.adapters.transaction import TransactionalLog
from trigger_engine.core.basket_ring import BASKET_KEY_PREFIX
from trigger_engine.core.partition import PARTITION_RECORD_KEY, PartitionRecord
from trigger_engine.core.pools import POOL_KEY_PREFIX
from trigger_engine.core.product_store import PRODUCT_SIDE_PREFIXES
from trigger_engine.core.state import StateError, UnknownVersion, next_wake_up_of

logger = logging.getLogger(__name__)

CUSTOMER_TOPICS = (EVENTS, INTERESTS, TRIGGERS, OUTBOUND, STATE_CHANGELOG)
SOURCES = (EVENTS, INTERESTS)
HELD_BY_ID = (*SOURCES, STATE_CHANGELOG)
"""Topics that a partition record belongs to: an offset means nothing in another one of the same name."""


class UnsoundLog(RuntimeError):
    """The log and the recorded progress do not belong together; going on would lose or double events."""


@dataclass(slots=True)
class TakenOver:
    """A partition as its changelog tells it."""

    log: TransactionalLog
    customers: dict[str, bytes]
    record: PartitionRecord
    wake_ups: dict[str, Instant]
    pools: dict[str, bytes]
    products: dict[str, bytes]
    baskets: dict[str, bytes]


class Restored(NamedTuple):
    """What a partition's changelog holds: encoded states by customer, its record as far as that is committed,
    its pools of codes by name, the records of its products by key and its baskets by place."""

    customers: dict[str, bytes]
    record: PartitionRecord
    pools: dict[str, bytes]
    products: dict[str, bytes]
    baskets: dict[str, bytes]


async def take_over(log: EngineLog, group: str, partition: int, *, partitions: int) -> TakenOver:
    """Become the partition's only writer and restore its state.

    Raises UnsoundLog where a topic that the record belongs to was re-created, restored or truncated beyond
    it, and where a topic or the states are not laid out over `partitions` partitions: a customer would be
    split between two.
    """
    writes = await TransactionalLog.open(log, group, partition, partitions)
    try:
        customers, record, pools, products, baskets = await read_changelog(log, partition)
        topics = await log.describe(CUSTOMER_TOPICS)
        _check_layout(topics, record, partitions)
        _check_ids(topics, record)
        for topic in SOURCES:
            await _hold_against_log(log, topic, partition, record)
    except BaseException:
        await writes.close()
        raise
    wake_ups = {key: due_at for key, data in customers.items() if (due_at := due_of(key, data)) is not None}
    return TakenOver(writes, customers, record, wake_ups, pools, products, baskets)


def due_of(key: str, data: bytes) -> Instant | None:
    """When to look at a customer. One whose bytes are broken is looked at once and goes to the dead letters
    there; states of another version stop the worker (StateError), or all of them would go there."""
    try:
        return next_wake_up_of(data)
    except UnknownVersion as error:
        raise UnknownVersion(f"{error}. Start the version that wrote {STATE_CHANGELOG}.") from error
    except StateError as error:
        logger.error("the state of customer %r cannot be read: %s", key, error)
        return 0


async def read_changelog(log: EngineLog, partition: int) -> Restored:
    """The latest value of each key."""
    customers: dict[str, bytes] = {}
    reader = await log.open_reader(STATE_CHANGELOG, partition)
    try:
        async for records in reader.read_on():
            for record in records:
                assert record.key is not None, "every record of the changelog has a key"
                key = record.key.decode()
                if record.value is None:
                    customers.pop(key, None)
                else:
                    customers[key] = record.value
    finally:
        await reader.close()
    return restored_from(customers)


def restored_from(records: dict[str, bytes]) -> Restored:
    """What these records of a changelog, the latest of each key, hold; the customers' stay where they are."""
    progress = records.pop(PARTITION_RECORD_KEY, None)
    standing = PartitionRecord()
    if progress is not None:
        standing = msgspec.msgpack.decode(progress, type=PartitionRecord)
    pools = _taken_out(records, POOL_KEY_PREFIX)
    baskets = _taken_out(records, BASKET_KEY_PREFIX)
    product_keys = [key for key in records if key.startswith(PRODUCT_SIDE_PREFIXES)]
    products = {key: records.pop(key) for key in product_keys}
    return Restored(records, standing, pools, products, baskets)


def _taken_out(records: dict[str, bytes], prefix: str) -> dict[str, bytes]:
    """The records of one kind, by what follows their prefix."""
    keys = [key for key in records if key.startswith(prefix)]
    return {key.removeprefix(prefix): records.pop(key) for key in keys}


async def _hold_against_log(log: EngineLog, topic: str, partition: int, record: PartitionRecord) -> None:
    """Begin at the log's start where nothing was applied yet; refuse a log that cannot be continued."""
    start, end = await log.bounds(topic, partition)
    next_offset = record.next_offsets.setdefault(topic, start)
    if next_offset > end:
        raise UnsoundLog(
            f"{topic}/{partition} ends at offset {end}, but {next_offset} was applied already: the topic "
            "was re-created or restored. Bring back the right topic, or go on with this one on purpose: "
            "tetik topics adopt shows what that means and asks."
        )
    if next_offset < start:
        raise UnsoundLog(
            f"{topic}/{partition} begins at offset {start}, but {next_offset} is the next to apply: "
            f"retention deleted {start - next_offset} records that were never applied. Raise the topic's "
            "retention; to go on without them, run tetik topics adopt --go-on-at start."
        )


def _check_layout(topics: dict[str, TopicFacts], record: PartitionRecord, expected: int) -> None:
    """A customer lives in one partition number of all these topics, and her state is in that one."""
    for name, facts in topics.items():
        if facts.partitions != expected:
            raise UnsoundLog(
                f"{name} has {facts.partitions} partitions, but TETIK_PARTITIONS is {expected}. If the "
                f"setting is wrong, set TETIK_PARTITIONS={facts.partitions} in all processes. If the topic "
                "was given more, its customers are spread over other partitions than their states: stop "
                f"ingest and the sender too, and run tetik repartition --partitions {facts.partitions}."
            )
    if record.partitions not in (0, expected):
        raise UnsoundLog(
            f"the states are laid out over {record.partitions} partitions, but TETIK_PARTITIONS is "
            f"{expected}: a repartition was begun and has not ended. Run tetik repartition --partitions "
            f"{expected} again."
        )
    record.partitions = expected


def _check_ids(topics: dict[str, TopicFacts], record: PartitionRecord) -> None:
    """Take the ids down where nothing was applied yet; refuse another topic of the same name, filled as it
    may be: the offsets of the record, or the record itself, belong to the one that is gone."""
    for name in HELD_BY_ID:
        found = topics[name].id if name in topics else None
        if found is None:
            continue
        known = record.topic_ids.setdefault(name, found)
        if known != found:
            raise UnsoundLog(
                f"{name} is not the topic that was worked with: its id is {found}, the one recorded is "
                f"{known}. It was deleted and made again, or restored from a backup. Bring back the right "
                "topic, or go on with this one on purpose: tetik topics adopt shows what that means and asks."
            )
