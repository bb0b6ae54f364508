"""Who gets which partitions, however little the group's leader knows of the topics.

Faust's assignor passes over a topic that the leader's metadata lacks, and a worker that joins while its
broker is coming back may lead without knowing any. It then gave nobody anything, every worker took that for
an assignment, and nothing was worked on until the group met again. How many partitions there are is a setting
of ours, which each take-over holds against the topics.
"""

from typing import Any

from aiokafka.cluster import ClusterMetadata
from faust.assignor import PartitionAssignor


class LaidOut:
    """The part of a cluster's metadata that an assignor asks for; unknown topics have so many partitions."""

    def __init__(self, cluster: ClusterMetadata, partitions: int) -> None:
        self._cluster = cluster
        self._partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int]:
        """The numbers of its partitions."""
        return self._cluster.partitions_for_topic(topic) or set(range(self._partitions))


class SettingsAssignor(PartitionAssignor):  # type: ignore[misc]  # Faust ships no types
    """Faust's, where the leader's metadata is silent by `topic_partitions`."""

    def assign(self, cluster: ClusterMetadata, member_metadata: Any) -> Any:
        """Assignments by member."""
        return super().assign(LaidOut(cluster, self.app.conf.topic_partitions), member_metadata)
