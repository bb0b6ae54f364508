"""Parts of the JSON Schemas of files that people write: single values, groups of fields, the six patterns."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

ID = r"^[a-z][a-z0-9-]{0,63}$"
EVENT_TYPE = r"^[a-z][a-z0-9_]{0,63}$"
DURATION = r"^(?=\d)(\d{1,6}d)?(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?$"
PERCENTAGE = r"^\d{1,3}(\.\d{1,2})? ?%$"
CLOCK = r"^([01]?\d|2[0-3]):[0-5]\d$"
MOMENT = r"^\d{4}-\d{2}-\d{2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2}))?)?$"


def ref(name: str, description: str = "") -> Json:
    reference: Json = {"$ref": f"#/$defs/{name}"}
    return reference | {"description": description} if description else reference


LISTED_MAX = 50
CALENDAR_MAX = 400


def one_or_more(item: Json) -> Json:
    """One value, or a list of different ones."""
    several = {"type": "array", "items": item, "minItems": 1, "maxItems": LISTED_MAX, "uniqueItems": True}
    return {"anyOf": [item, several]}


def entries(item: Json) -> Json:
    """One entry of the calendar, or a list of them."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1, "maxItems": CALENDAR_MAX}]}


def group(properties: Mapping[str, Json], required: tuple[str, ...] = (), description: str = "") -> Json:
    """An object with these fields and no others."""
    group: Json = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required:
        group["required"] = list(required)
    return group | {"description": description} if description else group


def by_variant(item: Json) -> Json:
    return {"anyOf": [item, {"type": "object", "additionalProperties": item, "minProperties": 2}]}


def whole(lowest: int, highest: int, description: str = "") -> Json:
    number: Json = {"type": "integer", "minimum": lowest, "maximum": highest}
    return number | {"description": description} if description else number


COUNTRY = "^[A-Z]{2}$"
A_HOLIDAY: Json = {"type": "string", "minLength": 1, "maxLength": 100}
BY_COUNTRY: Json = {
    "type": "object",
    "patternProperties": {COUNTRY: A_HOLIDAY},
    "additionalProperties": False,
    "minProperties": 1,
}
AN_ID: Json = {"type": "string", "pattern": ID}
SOME_TYPES: Json = one_or_more({"$ref": "#/$defs/event_type"})
A_CONDITION: Json = {"$ref": "#/$defs/condition"}
AN_EXPRESSION: Json = {"$ref": "#/$defs/expression"}
A_DURATION: Json = {"$ref": "#/$defs/duration"}
WHERE: Json = ref("condition", "A condition on the event, as event.properties.total > 100.")

COMMON_DEFS: Mapping[str, Json] = {
    "duration": {
        "type": "string",
        "pattern": DURATION,
        "description": "Days, hours, minutes, seconds: 45m, 24h, 7d, 2d12h; at most 400d.",
    },
    "condition": {
        "type": ["string", "boolean"],
        "minLength": 1,
        "maxLength": 4096,
        "description": "A condition in CEL, as cart.value > 0 && consent.marketing_email.",
    },
    "expression": {
        "type": "string",
        "minLength": 1,
        "maxLength": 4096,
        "description": "A value in CEL, as event.properties.order_id.",
    },
    "event_type": {
        "type": "string",
        "pattern": EVENT_TYPE,
        "description": "What happened, in snake case: order_completed.",
    },
    "percentage": {
        "type": "string",
        "pattern": PERCENTAGE,
        "description": "A share with at most two decimals: 10% or 12.5%.",
    },
    "clock": {"type": "string", "pattern": CLOCK, "description": 'A time of day: "09:00".'},
}

_WINDOW: Json = {
    "where": WHERE,
    "per": ref("expression", "Count apart for each value, as event.properties.category."),
    "within": ref("duration", "The length of the sliding window."),
}

PATTERNS: Mapping[str, Json] = {
    "event": group(
        {"event": SOME_TYPES, "where": WHERE}, ("event",), "An event. With wait: and unless:, its absence."
    ),
    "count": group(
        {"count": SOME_TYPES, **_WINDOW, "at_least": whole(1, 100, "How many events.")},
        ("count", "within", "at_least"),
        "So many events within a time.",
    ),
    "sum": group(
        {
            "sum": ref("expression", "What to add up, as event.properties.total."),
            "of": SOME_TYPES,
            **_WINDOW,
            "at_least": {"type": "number", "exclusiveMinimum": 0, "description": "The total that starts."},
        },
        ("sum", "of", "within", "at_least"),
        "So much in total within a time.",
    ),
    "inactive": group(
        {
            "inactive": ref("duration", "How long she did nothing."),
            "after": ref("event_type", "Only who did this before; counted from it too."),
        },
        ("inactive",),
        "Nothing done for a time.",
    ),
    "date": group(
        {
            "date": {
                "anyOf": [
                    AN_EXPRESSION,
                    group(
                        {
                            "holiday": A_HOLIDAY,
                            "country": {"type": "string", "pattern": COUNTRY},
                        },
                        ("holiday", "country"),
                    ),
                    group({"holiday": BY_COUNTRY}, ("holiday",)),
                ],
                "description": "A timestamp or a text YYYY-MM-DD…, or {holiday: Republic Day, country: TR}, "
                "or by her country {holiday: {TR: Eid al-Fitr, US: Thanksgiving Day}}.",
            },
            "offset": {
                "type": "string",
                "pattern": r"^[+-]?\d{1,3}d$",
                "description": "Whole days before (-7d) or after the date; -400d to 400d.",
            },
            "at": ref("clock", "When, by the recipient's clock; 09:00 if left out."),
            "repeat": {"enum": ["yearly", "once"], "description": "once if left out; a holiday: yearly."},
        },
        ("date",),
        "A day of hers, or a holiday.",
    ),
    "enters": group(
        {
            "enters": {"type": "string", "pattern": ID, "description": "The segment's id."},
            "start_with_existing": {
                "type": "boolean",
                "description": "Also start for everybody who is in the segment at publishing.",
            },
            "spread": ref("duration", "Over how long to spread those."),
        },
        ("enters",),
        "She comes into a segment.",
    ),
    "leaves": group(
        {"leaves": {"type": "string", "pattern": ID, "description": "The segment's id."}},
        ("leaves",),
        "She drops out of a segment.",
    ),
}
