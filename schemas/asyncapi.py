"""The AsyncAPI 3.0 document: topics, who writes and reads them, messages with headers and payload.

It stands alone (payload schemas are copied in), so that one file can be handed to a tool or an analyst.
"""

import json
from collections.abc import Mapping
from typing import Any

from schemas.catalogue import CONTRACTS
from schemas.contract import Contract
from schemas.instants import RFC_3339
from schemas.json_schema import json_schema
from schemas.topics import Topic, all_topics

Json = dict[str, Any]
KAFKA_BINDING = "0.5.0"
LOCAL_DEFINITION = "#/$defs/"
LIST_SETTINGS = frozenset({"cleanup.policy"})

DESCRIPTION = """\
Tetik turns what a shopper does into the right e-mail at the right second.
Values are flat JSON objects; names and versions travel in CloudEvents 1.0 headers (Kafka binary mode).
Readers read committed records only (`isolation.level=read_committed`) and ignore fields they do not know.
"""


def asyncapi_document(examples: Mapping[str, list[tuple[str, Json]]]) -> Json:
    """The whole document; `examples` are good (name, value) pairs by contract."""
    topics = all_topics().values()
    return {
        "asyncapi": "3.0.0",
        "id": "urn:tetik:topics",
        "info": {
            "title": "Tetik topics",
            "version": "1.0.0",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Apache Kafka, or what speaks its protocol with transactions.",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "TETIK_KAFKA"}},
            }
        },
        "channels": {_channel_id(topic): _channel(topic) for topic in topics},
        "operations": dict(operation for topic in topics for operation in _operations(topic)),
        "components": {
            "messages": {
                name: _message(contract, topics_key(name), examples[name])
                for name, contract in CONTRACTS.items()
            },
            "schemas": _schemas(),
        },
    }


def topics_key(contract_name: str) -> str:
    """What the records of a contract are keyed by. Raises StopIteration if no topic carries it."""
    return next(topic.key for topic in all_topics().values() if topic.value == contract_name)


def _channel_id(topic: Topic) -> str:
    return topic.name.removeprefix("tetik").lstrip(".-").replace("-", "_")


def _ref(*path: str) -> Json:
    return {"$ref": "#/" + "/".join(path)}


def _channel(topic: Topic) -> Json:
    binding: Json = {"topic": topic.name}
    if topic.partitions is not None:
        binding["partitions"] = topic.partitions
    else:
        binding["x-partitions"] = "TETIK_PARTITIONS: the same for every topic that is keyed by customer"
    binding["topicConfiguration"] = {name: _setting(name, value) for name, value in topic.config().items()}
    channel: Json = {
        "address": topic.name,
        "description": f"Keyed by {topic.key}. Owner: {topic.owner}.",
        "bindings": {"kafka": binding | {"bindingVersion": KAFKA_BINDING}},
    }
    if topic.value in CONTRACTS:
        channel["messages"] = {topic.value: _ref("components", "messages", topic.value)}
    else:
        channel["x-internal"] = "Its values are no contract and may change with any version."
    return channel


def _setting(name: str, value: str) -> Any:
    if name in LIST_SETTINGS:
        return [value]
    return int(value) if value.isdigit() else value


def _operations(topic: Topic) -> list[tuple[str, Json]]:
    channel = _channel_id(topic)
    return [
        (
            f"{who}_{verb}_{channel}",
            {"action": action, "channel": _ref("channels", channel), "tags": [{"name": who}]},
        )
        for verb, action, people in (
            ("writes", "send", topic.writers),
            ("reads", "receive", topic.readers),
        )
        for who in people
    ]


def _message(contract: type[Contract], key: str, examples: list[tuple[str, Json]]) -> Json:
    return {
        "name": contract.ce_type(),
        "title": contract.__name__,
        "contentType": "application/json",
        "headers": {
            "allOf": [
                _ref("components", "schemas", "CloudEventHeaders"),
                {"properties": {"ce_type": {"const": contract.ce_type()}}},
            ]
        },
        "payload": _ref("components", "schemas", contract.__name__),
        "bindings": {
            "kafka": {"key": {"type": "string", "description": key}, "bindingVersion": KAFKA_BINDING}
        },
        "examples": [{"name": name, "payload": value} for name, value in examples],
    }


def _schemas() -> Json:
    schemas: Json = {"CloudEventHeaders": HEADERS}
    for contract in CONTRACTS.values():
        generated = _relocated(json_schema(contract))
        schemas.update(generated.pop("$defs", {}))
        schemas[contract.__name__] = {
            key: value for key, value in generated.items() if key not in {"$schema", "$id"}
        }
    return schemas


def _relocated(schema: Json) -> Json:
    """The same schema with its definitions among the document's own."""
    text = json.dumps(schema).replace(f'"$ref": "{LOCAL_DEFINITION}', '"$ref": "#/components/schemas/')
    relocated: Json = json.loads(text)
    return relocated


HEADERS: Json = {
    "type": "object",
    "description": "CloudEvents 1.0 in Kafka's binary mode; header values are UTF-8 text.",
    "required": ["ce_specversion", "ce_type", "ce_id", "ce_source", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_type": {
            "type": "string",
            "pattern": r"^tetik\.[a-z_]+\.v[0-9]+$",
            "description": "Contract and version of the value.",
        },
        "ce_id": {
            "type": "string",
            "minLength": 1,
            "description": "The record's id; with ce_source it tells a repetition.",
        },
        "ce_source": {
            "type": "string",
            "format": "uri-reference",
            "minLength": 1,
            "description": "The writing process, as /tetik/ingest.",
        },
        "ce_time": {
            "type": "string",
            "format": "date-time",
            "pattern": RFC_3339,
            "description": "When the record was made.",
        },
        "content-type": {"type": "string", "const": "application/json"},
    },
}
