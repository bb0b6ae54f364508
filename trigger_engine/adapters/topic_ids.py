"""What a broker tells of topics, their ids among it: a topic that was deleted and made again has another.

aiokafka 0.14 asks for metadata in its version 5; ids come with version 10, which Kafka speaks since 2.8.
"""

from base64 import urlsafe_b64encode
from io import BytesIO
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from trigger_engine.adapters.log_port import TopicFacts

METADATA = 3
NO_ID = bytes(16)


class Uuid(AbstractType):  # type: ignore[misc]  # aiokafka is not followed
    """Sixteen bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """As they are."""
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        """As they are."""
        return data.read(16)

    @classmethod
    def repr(cls, value: bytes) -> str:
        """As Kafka's tools write them."""
        return text_of(value)


class MetadataResponse_v10(Response):  # type: ignore[misc]  # noqa: N801  # named as aiokafka's own
    """Brokers, and the topics asked for."""

    API_KEY = METADATA
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class MetadataRequest_v10(RequestStruct):  # type: ignore[misc]  # noqa: N801
    """Topics are named; their ids are what is asked for."""

    API_KEY = METADATA
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = MetadataResponse_v10
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", Uuid), ("topic", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicsRequest(Request[MetadataRequest_v10]):  # type: ignore[misc]
    """Asks for topics by name, and brings none into being."""

    API_KEY = METADATA

    def __init__(self, topics: tuple[str, ...]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[MetadataRequest_v10]) -> MetadataRequest_v10:
        """The only version there is of it."""
        named: list[tuple[bytes, str, dict[int, bytes]]] = [(NO_ID, topic, {}) for topic in self._topics]
        return request_struct_class(named, False, False, False, {})


async def describe(admin: AIOKafkaAdminClient, topics: tuple[str, ...]) -> dict[str, TopicFacts]:
    """Those of the topics that exist. An older broker tells no ids."""
    try:
        answer = await admin._send_request(TopicsRequest(topics))
        described: list[dict[str, Any]] = answer.to_object()["topics"]
    except NotImplementedError:  # the broker does not speak this version
        described = await admin.describe_topics(list(topics))
    return {
        one["topic"]: TopicFacts(len(one["partitions"]), _id_of(one))
        for one in described
        if one["error_code"] == 0
    }


def _id_of(described: dict[str, Any]) -> str | None:
    value = described.get("topic_id", NO_ID)
    return None if value == NO_ID else text_of(value)


def text_of(topic_id: bytes) -> str:
    """An id as Kafka's tools show it."""
    return urlsafe_b64encode(topic_id).decode().rstrip("=")
