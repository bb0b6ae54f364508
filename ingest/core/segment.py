"""Segment's messages, as its SDKs and RudderStack's write them, read as our events.

| call     | event type         | properties                                             |
|----------|--------------------|--------------------------------------------------------|
| track    | of the event name  | `properties`                                           |
| identify | `profile_updated`  | the traits; `firstName` as `first_name` and so on      |
| page     | `page_viewed`      | `properties`, with `name` and `category`               |
| screen   | `screen_viewed`    | `properties`, with `name` and `category`               |
| group    | `group_joined`     | the group's traits, with `group_id`                    |
| alias    | `customer_aliased` | `previous_id`, which also counts as the anonymous id   |

Traits in the context of other calls than `identify` change no profile: SDKs repeat them from their
memory, and an old device would undo a newer change. Unknown fields are passed over: these SDKs send
much that concerns Segment alone.
"""

from collections.abc import Callable
from typing import Any

from ingest.core.drafts import Draft
from ingest.core.envelopes import Shared
from ingest.core.event_types import type_of_name
from ingest.core.fields import anonymous_id, customer_id, json_object, record_id
from ingest.core.occurrence import claim_segment
from ingest.core.outcomes import Arrival, Limits, MessageKind, Unacceptable

_TRAIT_NAMES = {
    "firstName": "first_name",
    "lastName": "last_name",
    "createdAt": "created_at",
    "timeZone": "time_zone",
    "timezone": "time_zone",
}


def read_segment(
    message: dict[str, Any], kind: MessageKind | None, shared: Shared, arrival: Arrival, limits: Limits
) -> Draft:
    """Read one message; `kind` None means that its own `type` says it. Raises Unacceptable."""
    kind = kind or _kind_of(message)
    context = {**shared.context, **json_object(message.get("context"), "context")}
    event_type, properties = _READERS[kind](message, context)
    anonymous = message.get("previousId") if kind == "alias" else message.get("anonymousId")
    claim = claim_segment(
        _first(message.get("timestamp"), message.get("originalTimestamp"), shared.timestamp),
        _first(message.get("sentAt"), shared.sent_at),
        arrival.machine_now,
        limits.skew_tolerance_ms,
    )
    return Draft(
        type=event_type,
        event_id=record_id(message.get("messageId"), "messageId"),
        customer_id=customer_id(message.get("userId"), "userId"),
        anonymous_id=anonymous_id(anonymous, "previousId" if kind == "alias" else "anonymousId"),
        claim=claim,
        properties=properties,
        context=context,
    )


def _kind_of(message: dict[str, Any]) -> MessageKind:
    kind = message.get("type")
    for known in _READERS:
        if kind == known:
            return known
    raise Unacceptable("bad_type", f"each message of a batch needs a `type`, one of {', '.join(_READERS)}")


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


_Reading = tuple[str, dict[str, Any]]


def _read_track(message: dict[str, Any], context: dict[str, Any]) -> _Reading:
    name = message.get("event")
    event_type = type_of_name(name)
    if name != event_type:
        context["event_name"] = name
    return event_type, json_object(message.get("properties"), "properties")


def _read_identify(message: dict[str, Any], context: dict[str, Any]) -> _Reading:
    sent = json_object(message.get("traits"), "traits") or json_object(
        context.get("traits"), "context.traits"
    )
    traits = {_TRAIT_NAMES.get(name, name): value for name, value in sent.items()}
    address = traits.get("address")
    inferred = {
        "locale": context.get("locale"),
        "time_zone": context.get("timezone"),
        "country": address.get("country") if isinstance(address, dict) else None,
    }
    for name, value in inferred.items():
        if isinstance(value, str) and value and name not in traits:
            traits[name] = value
    return "profile_updated", traits


def _read_view(event_type: str) -> Callable[[dict[str, Any], dict[str, Any]], _Reading]:
    def read(message: dict[str, Any], _context: dict[str, Any]) -> _Reading:
        named = {name: message[name] for name in ("name", "category") if message.get(name) is not None}
        return event_type, {**named, **json_object(message.get("properties"), "properties")}

    return read


def _read_group(message: dict[str, Any], _context: dict[str, Any]) -> _Reading:
    traits = json_object(message.get("traits"), "traits")
    return "group_joined", {**traits, "group_id": record_id(message.get("groupId"), "groupId")}


def _read_alias(message: dict[str, Any], _context: dict[str, Any]) -> _Reading:
    return "customer_aliased", {"previous_id": record_id(message.get("previousId"), "previousId")}


_READERS: dict[MessageKind, Callable[[dict[str, Any], dict[str, Any]], _Reading]] = {
    "track": _read_track,
    "identify": _read_identify,
    "page": _read_view("page_viewed"),
    "screen": _read_view("screen_viewed"),
    "group": _read_group,
    "alias": _read_alias,
}
