"""Taking a partition over: fence the former owner, then read the changelog to its end.

The order matters. Opening the partition's writer makes every later write of the former owner fail
and ends its open transaction, wherever the broker did not (`end_left_open`); only then is the end of the
changelog final. The partition record says where to go on.

Where there is a copy of the changelog (a standby's, files of before, what an interrupted take-over had
read), only the rest is read. A copy that cannot be one of this log, or is too old, is begun anew.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import msgspec

from schemas.instants import Instant
from schemas.topics import EVENTS, INTERESTS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from trigger_engine.adapters.log_port import EngineLog, LogReader, TopicFacts
from trigger_engine.adapters.restoring import Restoring
from trigger_engine.adapters.state_store import StateStore, is_of_use
from trigger_engine.adapters.transaction import TransactionalLog
from trigger_engine.core.basket_ring import BASKET_KEY_PREFIX
from trigger_engine.core.customers import Customers
from trigger_engine.core.partition import PARTITION_RECORD_KEY, PartitionRecord
from trigger_engine.core.pools import POOL_KEY_PREFIX
from trigger_engine.core.product_store import PRODUCT_SIDE_PREFIXES
from trigger_engine.core.state import StateError, UnknownVersion, next_wake_up_of

logger = logging.getLogger(__name__)

HEADS_PER_LOOK = 1_000
"""Customers asked for their wake-ups in one go: a few milliseconds, after which others have their turn."""

CUSTOMER_TOPICS = (EVENTS, INTERESTS, TRIGGERS, OUTBOUND, STATE_CHANGELOG)
SOURCES = (EVENTS, INTERESTS)
HELD_BY_ID = (*SOURCES, STATE_CHANGELOG)
"""Topics that a partition record belongs to: an offset means nothing in another one of the same name."""


class UnsoundLog(RuntimeError):
    """The log and the recorded progress do not belong together; going on would lose or double events."""


class Interrupted(Exception):
    """The group decides anew; what was read is kept, and gone on with if the partition is still ours then."""


@dataclass(slots=True)
class TakenOver:
    """A partition as its changelog tells it."""

    log: TransactionalLog
    customers: Customers
    record: PartitionRecord
    wake_ups: dict[str, Instant]
    pools: dict[str, bytes]
    products: dict[str, bytes]
    baskets: dict[str, bytes]


class Restored(NamedTuple):
    """What a partition's changelog holds besides customers: its record as far as that is committed, its pools
    of codes by name, the records of its products by key and its baskets by place."""

    record: PartitionRecord
    pools: dict[str, bytes]
    products: dict[str, bytes]
    baskets: dict[str, bytes]


async def take_over(
    log: EngineLog,
    group: str,
    partition: int,
    *,
    partitions: int,
    store: StateStore,
    now: Instant,
    restoring: Restoring,
    interrupted: Callable[[], bool] = lambda: False,
) -> TakenOver:
    """Become the partition's only writer and bring its copy, `store`, to the end of the changelog.

    Raises UnsoundLog where a topic that the record belongs to was re-created, restored or truncated beyond
    it, and where a topic or the states are not laid out over `partitions` partitions: a customer would be
    split between two. Raises Interrupted once `interrupted` says so; the store is then as far as it came.
    """
    writes = await TransactionalLog.open(log, group, partition, partitions)
    try:
        await writes.end_left_open(log)
        await _begin_anew_if_unfit(log, partition, store, now)
        await _read_rest(log, partition, store, restoring, interrupted)
        restored = restored_from(store.take_others())
        topics = await log.describe(CUSTOMER_TOPICS)
        _check_ids(topics, restored.record)  # first: a repartition of other topics would be bad advice
        _check_layout(topics, restored.record, partitions)
        for topic in SOURCES:
            await _hold_against_log(log, topic, partition, restored.record)
        wake_ups = await _wake_ups_of(store)
    except BaseException:
        await writes.close()
        raise
    return TakenOver(writes, store, restored.record, wake_ups, *restored[1:])


async def _begin_anew_if_unfit(log: EngineLog, partition: int, store: StateStore, now: Instant) -> None:
    """Where a copy stands beyond the log it cannot be one of it; where it is old it may miss deletions."""
    if not store.stood_at:
        return
    _, end = await log.bounds(STATE_CHANGELOG, partition)
    if not is_of_use(store, end, now):
        logger.info("partition %d: its copy is not of this changelog, or too old; reading all", partition)
        store.clear()


async def _read_rest(
    log: EngineLog,
    partition: int,
    store: StateStore,
    restoring: Restoring,
    interrupted: Callable[[], bool],
) -> None:
    """Read the changelog from where the store stands to its end."""
    end = (await log.end_offsets(STATE_CHANGELOG, [partition]))[partition]
    restoring.begins(partition, store.stands_at, end)
    reader = await log.open_reader(STATE_CHANGELOG, partition, store.stands_at)
    try:
        async for read in into_store(reader, store):
            restoring.reads(partition, read, store.stands_at)
            if interrupted():
                raise Interrupted
            await asyncio.sleep(0)  # a restore is long: others have their turn, heartbeats among them
        store.caught_up()
    finally:
        restoring.ends(partition)
        await reader.close()


async def into_store(reader: LogReader, store: StateStore) -> AsyncIterator[int]:
    """Take in what is new on the changelog; yields how many records each fetch brought."""
    async for records in reader.read_on():
        store.take_in(records, await reader.position())
        yield len(records)


async def _wake_ups_of(customers: Customers) -> dict[str, Instant]:
    """When to look at whom, for those with something pending."""
    wake_ups: dict[str, Instant] = {}
    states = iter(customers.items())
    while some := list(islice(states, HEADS_PER_LOOK)):
        for key, data in some:
            due_at = due_of(key, data)
            if due_at is not None:
                wake_ups[key] = due_at
        await asyncio.sleep(0)
    return wake_ups


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


async def read_changelog(log: EngineLog, partition: int, store: StateStore) -> Restored:
    """The latest value of each key: customers' states stay in the store. For readers that own nothing."""
    reader = await log.open_reader(STATE_CHANGELOG, partition)
    try:
        async for _ in into_store(reader, store):
            pass
    finally:
        await reader.close()
    return restored_from(store.take_others())


def restored_from(others: dict[str, bytes]) -> Restored:
    """What these records of a changelog, the latest of each key, hold."""
    progress = others.pop(PARTITION_RECORD_KEY, None)
    standing = PartitionRecord()
    if progress is not None:
        standing = msgspec.msgpack.decode(progress, type=PartitionRecord)
    pools = _taken_out(others, POOL_KEY_PREFIX)
    baskets = _taken_out(others, BASKET_KEY_PREFIX)
    product_keys = [key for key in others if key.startswith(PRODUCT_SIDE_PREFIXES)]
    products = {key: others.pop(key) for key in product_keys}
    return Restored(standing, pools, products, baskets)


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
    if record.partitions < 0:
        raise UnsoundLog(
            f"a repartition from {-record.partitions} partitions was begun and has not ended: run "
            f"tetik repartition --partitions {max(expected, topics[STATE_CHANGELOG].partitions)} again."
        )
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
            f"{expected}: stop ingest and the sender too, and run tetik repartition --partitions {expected}."
        )
    record.partitions = expected


def _check_ids(topics: dict[str, TopicFacts], record: PartitionRecord) -> None:
    """Take the ids down where nothing was applied yet; refuse another topic of the same name, filled as it
    may be: the offsets of the record, or the record itself, belong to the one that is gone."""
    for name, known, found in replaced_topics(topics, record):
        raise UnsoundLog(
            f"{name} is not the topic that was worked with: its id is {found}, the one recorded is "
            f"{known}. It was deleted and made again, or restored from a backup. Bring back the right "
            "topic, or go on with this one on purpose: tetik topics adopt shows what that means and asks."
        )
    for name in HELD_BY_ID:
        if name in topics and (present := topics[name].id) is not None:
            record.topic_ids.setdefault(name, present)


def replaced_topics(
    topics: Mapping[str, TopicFacts], record: PartitionRecord
) -> Iterator[tuple[str, str, str]]:
    """(name, id recorded, id found) of the topics that are not those a record belongs to."""
    for name in HELD_BY_ID:
        known, found = record.topic_ids.get(name), topics[name].id if name in topics else None
        if known is not None and found is not None and known != found:
            yield name, known, found
