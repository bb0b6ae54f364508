"""Who of the customers in dead letters was erased since, found without reading the whole log.

An erasure is in one of three places: applied, it stands in her state; written and not applied yet, in the
events behind her partition's record; failed, among the dead letters. So the states and the tails of the
partitions that are concerned are read, and kept is what concerns these customers. A device that became
somebody's goes with her.
"""

from collections.abc import Callable, Iterable

from schemas.event import CUSTOMER_ERASED
from schemas.instants import Instant
from schemas.topics import EVENTS
from services.dead_letters.letters import note_erasure
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.state_store import MemoryStore
from trigger_engine.adapters.takeover import read_changelog
from trigger_engine.core.state import StateError, decode_state

_MARK = CUSTOMER_ERASED.encode()


async def erased_since(
    log: KafkaLog,
    customers: Iterable[str],
    partitions: int,
    failed: dict[str, Instant],
    told: Callable[[int, int], None],
) -> dict[str, Instant]:
    """By customer key, as of when she was erased last. `failed`: erasures that are dead letters."""
    wanted = set(customers)
    erased, owners = await _look(log, wanted, partitions, told)
    others = set(owners.values()) - wanted
    of_others, _ = await _look(log, others, partitions, told)
    for found in (of_others, failed):
        for key, at in found.items():
            erased[key] = max(at, erased.get(key, at))
    for device, owner in owners.items():
        if owner in erased:
            erased[device] = max(erased[owner], erased.get(device, erased[owner]))
    return erased


async def _look(
    log: KafkaLog, wanted: set[str], partitions: int, told: Callable[[int, int], None]
) -> tuple[dict[str, Instant], dict[str, str]]:
    """(erasures by customer key, whose a device is by its key), of those wanted."""
    erased: dict[str, Instant] = {}
    owners: dict[str, str] = {}
    concerned = sorted({partition_of(key.encode(), partitions) for key in wanted})
    for done, number in enumerate(concerned):
        told(done, len(concerned))
        customers = MemoryStore(lambda: 0)
        restored = await read_changelog(log, number, customers)
        for key in wanted:
            data = customers.get(key)
            try:
                state = None if data is None else decode_state(data)
            except StateError:
                continue
            if state is None:
                continue
            if state.erased_at is not None:
                erased[key] = state.erased_at
            if state.alias is not None:
                owners[key] = state.alias.customer_id
        tail: dict[str, Instant] = {}
        await _read_tail(log, number, restored.record.next_offsets.get(EVENTS), tail)
        for key in wanted & tail.keys():
            erased[key] = max(tail[key], erased.get(key, tail[key]))
    return erased, owners


async def _read_tail(log: KafkaLog, number: int, start: int | None, erased: dict[str, Instant]) -> None:
    """Erasures that are written and not applied yet."""
    reader = await log.open_reader(EVENTS, number, start)
    try:
        async for records in reader.read_on():
            for record in records:
                if record.value is not None and _MARK in record.value:
                    note_erasure(erased, record.value)
    finally:
        await reader.close()
