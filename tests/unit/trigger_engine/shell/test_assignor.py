"""Who gets which partitions, whatever the group's leader knows of the topics."""

import pytest
from aiokafka.cluster import ClusterMetadata
from faust.assignor import PartitionAssignor

from schemas.topics import EVENTS, STATE_CHANGELOG
from services.clock import SystemClock
from trigger_engine.adapters.worker import EngineSettings, EngineWorker

PARTITIONS = 4


class Known(ClusterMetadata):
    """Metadata of a broker that tells of all topics, in so many partitions."""

    def __init__(self, partitions: int) -> None:
        super().__init__()
        self._count = partitions

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self._count))


def given(assignor: PartitionAssignor, cluster: ClusterMetadata) -> list[int]:
    """The partitions of the events that two workers get together."""
    metadata = assignor.metadata({EVENTS, STATE_CHANGELOG})
    assignments = assignor.assign(cluster, {"one": metadata, "other": metadata})
    found = [tp.partition for one in assignments.values() for tp in one.partitions() if tp.topic == EVENTS]
    return sorted(found)


@pytest.fixture
async def assignor() -> PartitionAssignor:
    worker = EngineWorker(EngineSettings(kafka="nowhere:9092", partitions=PARTITIONS), SystemClock())
    return worker._app.assignor


async def test_a_leader_that_knows_no_topic_yet_gives_all_partitions_out(assignor: PartitionAssignor) -> None:
    """It joined while its broker was coming back; Faust's own gives nobody anything then."""
    assert given(PartitionAssignor(assignor.app), ClusterMetadata()) == []
    assert given(assignor, ClusterMetadata()) == [0, 1, 2, 3]


async def test_what_the_leader_knows_counts(assignor: PartitionAssignor) -> None:
    """More than the setting says: their take-over refuses them, with words."""
    assert given(assignor, Known(6)) == [0, 1, 2, 3, 4, 5]
