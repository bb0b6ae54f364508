"""The steps of a repartition. Each can be cut off at any point and done again; the order makes it sound.

1. Lock: every partition record says that its states are being moved, written as the partition's own writer.
   So an engine that is alive still is fenced, and none that starts later goes on.
2. Grow: the changelog gets its partitions first, with locked records in them, then the other topics. An
   engine that starts in between finds counts that differ, or a lock.
3. Move: what is not at home goes home, in transactions that write it there and delete it here. At every
   instant a state is in exactly one partition.
4. Open: one transaction deals the codes, writes what no engine has applied yet to its new places, and the
   records that say so. Before it nobody works, behind it everything is laid out anew.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from schemas.instants import Instant
from schemas.topics import PRODUCTS, STATE_CHANGELOG
from services.repartition.layout import Dealt, Waiting, deal_pools, in_order
from services.repartition.looking import Layout, Told
from services.settings import ProcessSettings
from services.standstill import NotAtRest, TopicsAmiss, held
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.left_open import end_left_open
from trigger_engine.adapters.log_port import LogWriter, Row, TopicFacts
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.takeover import HELD_BY_ID, SOURCES
from trigger_engine.core.flush import PARTITION_RECORD_KEY, PartitionRecord

WRITER = "tetik-repartition"
ROWS_MAX = 1_000
BYTES_MAX = 8 * 2**20
"""Of one transaction of a move."""
VISIBLE_TIMEOUT_S = 60.0
POLL_S = 0.1
HomeOf = Callable[[bytes, int], int | None]
"""The partition that a key belongs to, of so many; None: it stays."""


async def lock(log: KafkaLog, layout: Layout, numbers: range, told: Told) -> None:
    """Nobody may work on these partitions until they are opened."""
    for number in numbers:
        told("locking", number, layout.target)
        async with held(log, number) as partition:
            record = partition.standing.record
            if number in layout.standings and record != layout.standings[number].record:
                raise NotAtRest(f"partition {number} has moved on since: stop all engines and begin again")
            record.partitions = -layout.present
            await partition.write(record)
            layout.keep(partition.standing)


async def grow(settings: ProcessSettings, log: KafkaLog, topics: tuple[str, ...], target: int) -> None:
    """Give topics their partitions, and wait until all have a leader."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        for name, facts in (await log.describe(topics)).items():
            if facts.partitions < target:
                await admin.create_partitions({name: NewPartitions(target)})
        deadline = asyncio.get_running_loop().time() + VISIBLE_TIMEOUT_S
        while not await _all_led(admin, topics, target):
            if asyncio.get_running_loop().time() > deadline:
                raise TopicsAmiss(
                    f"no leader for all of {', '.join(topics)} after {VISIBLE_TIMEOUT_S:.0f} s: look at the "
                    "brokers' logs and disks, and run it again"
                )
            await asyncio.sleep(POLL_S)
    finally:
        await admin.close()


async def _all_led(admin: AIOKafkaAdminClient, topics: tuple[str, ...], target: int) -> bool:
    described = await admin.describe_topics(list(topics))
    return all(
        len(one["partitions"]) == target and all(part["leader"] >= 0 for part in one["partitions"])
        for one in described
    )


@asynccontextmanager
async def only_mover(log: KafkaLog) -> AsyncIterator[LogWriter]:
    """The writer of moves; a second repartition fences the first, and ends what it left open."""
    writer = await log.open_writer(WRITER)
    try:
        await end_left_open(writer, log, dict.fromkeys((STATE_CHANGELOG, PRODUCTS, *SOURCES)))
        yield writer
    finally:
        await writer.close()


async def move(
    log: KafkaLog,
    writer: LogWriter,
    topic: str,
    home: HomeOf,
    target: int,
    told: Told,
    *,
    newer: frozenset[bytes] = frozenset(),
) -> None:
    """Bring every record of a compacted topic home. Of `newer` keys another record is there already, and the
    one that lies elsewhere is deleted only."""
    for number in range(target):
        told(f"moving {topic}", number, target)
        latest = await _latest(log, topic, number)
        away = {key: value for key, value in latest.items() if home(key, target) not in (None, number)}
        for slice_ in _slices(away):
            rows: dict[int, list[Row]] = {number: [(key, None, []) for key in slice_]}
            for key, value in slice_.items():
                there = home(key, target)
                assert there is not None, "what has no home stays"
                if key not in newer:
                    rows.setdefault(there, []).append((key, value, []))
            async with writer.transaction() as transaction:
                for place, written in rows.items():
                    await transaction.append(topic, place, written)


async def at_home(log: KafkaLog, topic: str, home: HomeOf, target: int, told: Told) -> frozenset[bytes]:
    """The keys of which a record lies where it belongs: ingest may have written there since it grew."""
    found: set[bytes] = set()
    for number in range(target):
        told(f"reading {topic}", number, target)
        found.update(key for key in await _latest(log, topic, number) if home(key, target) == number)
    return frozenset(found)


def _slices(records: Mapping[bytes, bytes]) -> Iterator[dict[bytes, bytes]]:
    slice_: dict[bytes, bytes] = {}
    size = 0
    for key, value in records.items():
        slice_[key] = value
        size += len(key) + len(value)
        if len(slice_) >= ROWS_MAX or size >= BYTES_MAX:
            yield slice_
            slice_, size = {}, 0
    if slice_:
        yield slice_


async def _latest(log: KafkaLog, topic: str, number: int) -> dict[bytes, bytes]:
    latest: dict[bytes, bytes] = {}
    reader = await log.open_reader(topic, number)
    try:
        async for records in reader.read_on():
            for record in records:
                if record.key is None:
                    continue
                if record.value is None:
                    latest.pop(record.key, None)
                else:
                    latest[record.key] = record.value
    finally:
        await reader.close()
    return latest


async def open_again(log: KafkaLog, writer: LogWriter, layout: Layout) -> Dealt:
    """The last transaction: codes, what waits, and the records."""
    topics = await log.describe(HELD_BY_ID)
    standings = layout.standings.values()
    dealt = deal_pools(((one.restored.pools, one.record.codes_taken) for one in standings), layout.target)
    async with writer.transaction() as transaction:
        for topic in SOURCES:
            for number, rows in _sent_home(layout.waiting[topic], layout.target).items():
                await transaction.append(topic, number, rows)
        for number in range(layout.target):
            record = opened_record(layout, number, topics)
            rows = [(key, value, []) for key, value in dealt.records[number].items()]
            rows.append((PARTITION_RECORD_KEY.encode(), msgspec.msgpack.encode(record), []))
            await transaction.append(STATE_CHANGELOG, number, rows)
    return dealt


def _sent_home(tails: Mapping[int, list[Any]], target: int) -> dict[int, list[Row]]:
    rows: dict[int, list[Row]] = {}
    for one in in_order(tails):
        record: Any = one.record
        rows.setdefault(_place_of(one, target), []).append((record.key, record.value, list(record.headers)))
    return rows


def _place_of(one: Waiting, target: int) -> int:
    """What has no key is its partition's, whoever else moves."""
    return one.number if one.record.key is None else partition_of(one.record.key, target)


def opened_record(layout: Layout, number: int, topics: Mapping[str, TopicFacts]) -> PartitionRecord:
    """A partition's record once it is laid out anew. A new one goes by the rules of the others. The clock of
    all is that of the one behind: what waits may be older than what another partition has met."""
    records = layout.records()
    standing = layout.standings.get(number)
    if standing is not None and standing.recorded:
        record = deepcopy(standing.record)
    elif records:
        model = records[0]
        record = PartitionRecord(
            rules_digest=model.rules_digest,
            activated_at=model.activated_at,
            activation=model.activation,
            snapshot_version=model.snapshot_version,
        )
    else:
        record = PartitionRecord()
    record.received_max = _clock(records)
    record.codes_taken = {}
    record.next_offsets = {topic: layout.ends[topic].get(number, 0) for topic in SOURCES}
    record.partitions = layout.target
    record.topic_ids |= {name: facts.id for name, facts in topics.items() if facts.id is not None}
    return record


def _clock(records: list[PartitionRecord]) -> Instant:
    return min((record.received_max for record in records), default=0)
