"""Snapshots for recommendations in a simulated shop: they come and go, and no decision depends on them."""

from schemas.event import SNAPSHOT_ACTIVATED
from schemas.ids import snapshot_marker_id
from schemas.instants import Instant, format_instant
from schemas.records import EventRecord, SnapshotRecord, encode_record
from schemas.topics import EVENTS, SNAPSHOTS
from tests.simulation.memory_log import MemoryBroker


def write_snapshot(broker: MemoryBroker, version: str, partitions: int, now: Instant) -> None:
    """A snapshot, and its marker in every partition of the events."""
    at = format_instant(now)
    snapshot = SnapshotRecord(version=version, made_at=at, orders=0, products=[])
    broker.produce(SNAPSHOTS, 0, (version.encode(), encode_record(snapshot), []))
    for number in range(partitions):
        marker = EventRecord(
            event_id=snapshot_marker_id(version, at, number),
            type=SNAPSHOT_ACTIVATED,
            occurred_at=at,
            received_at=at,
            source="engine",
            properties={"version": version},
        )
        broker.produce(EVENTS, number, (None, encode_record(marker), []))
