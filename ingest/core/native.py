"""The native form: the fields of `schemas.event.Event`, but `received_at`, which is ours to say.

It is strict, because its senders are written against it: an unknown field is an error with a
suggestion, not a value that silently goes nowhere.
"""

from difflib import get_close_matches
from typing import Any

from ingest.core.drafts import Draft
from ingest.core.event_types import native_type, snake_case
from ingest.core.fields import (
    SOURCE_LENGTH_MAX,
    anonymous_id,
    customer_id,
    json_object,
    product_id,
    record_id,
)
from ingest.core.occurrence import claim_native
from ingest.core.outcomes import Unacceptable
from schemas.event import Event

FIELDS = tuple(name for name in Event.model_fields if name != "received_at")
_KNOWN = frozenset(FIELDS)
_OTHER_NAMES = {
    "event": "type",
    "event_type": "type",
    "event_name": "type",
    "name": "type",
    "user_id": "customer_id",
    "message_id": "event_id",
    "id": "event_id",
    "timestamp": "occurred_at",
    "time": "occurred_at",
    "traits": "properties",
    "data": "properties",
}
"""What these fields are called elsewhere."""


def read_native(message: dict[str, Any]) -> Draft:
    """Read a native event. Raises Unacceptable: `unknown_field`, `bad_field` and those of each field."""
    for name in message:
        if name not in _KNOWN:
            raise _unknown(name)
    return Draft(
        type=native_type(message.get("type")),
        event_id=record_id(message.get("event_id"), "event_id"),
        customer_id=customer_id(message.get("customer_id"), "customer_id"),
        anonymous_id=anonymous_id(message.get("anonymous_id"), "anonymous_id"),
        product_id=product_id(message.get("product_id"), "product_id"),
        claim=claim_native(message.get("occurred_at")),
        source=_source(message.get("source")),
        properties=json_object(message.get("properties"), "properties"),
        context=json_object(message.get("context"), "context"),
        backfill=_flag(message.get("backfill"), "backfill"),
    )


def _unknown(name: str) -> Unacceptable:
    if name == "received_at":
        return Unacceptable("unknown_field", "received_at is stamped on arrival: leave it out")
    snake = snake_case(name[:64])
    near = [_OTHER_NAMES[snake]] if snake in _OTHER_NAMES else get_close_matches(snake, FIELDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "what the event says of itself belongs into properties"
    return Unacceptable("unknown_field", f"unknown field {name[:60]!r}: {hint}")


def _source(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= SOURCE_LENGTH_MAX:
        raise Unacceptable("bad_field", f"source must be a text of 1 to {SOURCE_LENGTH_MAX} characters")
    return value


def _flag(value: Any, field: str) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Unacceptable("bad_field", f"{field} must be true or false")
    return value
