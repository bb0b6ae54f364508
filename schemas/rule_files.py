"""JSON Schemas of the files that people write: triggers, segments, the policy (for editors, and for tools).

Kept by hand, as data: they say what an editor can know of a file while it is being written, which fields
there are and what each looks like. What the checker in `trigger_engine/core/language` knows beyond that
(conditions, names between files, what goes together) is not said twice; tests hold the two together.
"""

from collections.abc import Mapping

from schemas.file_parts import (
    A_DURATION,
    AN_ID,
    COMMON_DEFS,
    EVENT_TYPE,
    ID,
    MOMENT,
    PATTERNS,
    Json,
    entries,
    group,
    one_or_more,
    ref,
    whole,
)
from schemas.file_steps import trigger_defs
from schemas.json_schema import DIALECT

_TRIGGER: Mapping[str, Json] = {
    "id": {**AN_ID, "description": "The trigger's name: small letters, digits, hyphens."},
    "status": {
        "enum": ["draft", "shadow", "live", "paused"],
        "description": "draft: nothing; shadow: decides, mails nobody; live; paused: runs stand still.",
    },
    "shadow_of": {**AN_ID, "description": "The trigger that this one tries another way of."},
    "kind": {
        "enum": ["marketing", "transactional"],
        "description": "Transactional mails need no consent and know no caps, cooldown and quiet hours.",
    },
    "priority": whole(0, 100, "Who goes first, 100 before 0; 50 if left out."),
    "when": {"anyOf": list(PATTERNS.values()), "description": "What starts a run."},
    "wait": ref("duration_by_variant", "From the start to the first step; restarts on each matching event."),
    "unless": ref("clauses", "Events that end the run before its first mail."),
    "audience": ref("condition", "Asked before each mail; if it does not hold, the run ends."),
    "once_per": ref("expression", "The occasion: one run for each value."),
    "cooldown": ref("duration", "From the last mail of one run to the first of the next."),
    "expires_after": ref("duration", "A mail later than this is not sent; 12h, transactional 3d."),
    "supersedes": {**one_or_more(AN_ID), "description": "Triggers whose runs end when this one starts."},
    "steps": {
        "anyOf": [
            {"type": "array", "items": {"$ref": "#/$defs/top_step"}, "minItems": 1, "maxItems": 40},
            {"$ref": "#/$defs/top_step"},
        ],
        "description": "What a run does, one after the other.",
    },
    "exit": ref("clauses", "Events that end the run at any time."),
    "experiment": {
        **group(
            {
                "holdout": ref("percentage", "Who gets nothing, for comparison."),
                "variants": {
                    "type": "object",
                    "propertyNames": {"pattern": ID},
                    "additionalProperties": {"$ref": "#/$defs/percentage"},
                    "minProperties": 2,
                    "maxProperties": 10,
                    "description": "Names and shares, 100% together.",
                },
            },
        ),
        "minProperties": 1,
        "description": "Hold-out and variants.",
    },
    "on_edit": {
        "enum": ["pin", "migrate", "drain"],
        "description": "Runs under way at a change: stay as they are, change over, or end with a mail.",
    },
}

_AT_MOST: Json = whole(1, 50)
_MOMENT: Json = {
    "type": "string",
    "pattern": MOMENT,
    "description": "2026-11-27, 2026-11-27 10:00 (both in the policy's zone) or 2026-11-27T10:00:00Z.",
}
_INTERVAL: Json = group({"from": _MOMENT, "to": _MOMENT}, ("from", "to"), "A to: of a day includes it.")
_CAMPAIGN: Json = group({"id": AN_ID, "at": _MOMENT}, ("id", "at"))
_CAP: Json = group(
    {"at_most": _AT_MOST, "within": A_DURATION, "on_sale_days": _AT_MOST}, ("at_most", "within")
)
_POINTS: Json = {
    "type": "object",
    "propertyNames": {"pattern": EVENT_TYPE},
    "additionalProperties": {"type": "number"},
    "minProperties": 1,
    "maxProperties": 64,
    "description": "Points of an event type.",
}
_POLICY: Mapping[str, Json] = {
    "time_zone": {
        "type": "string",
        "pattern": "^[A-Za-z]",
        "description": "As Europe/Istanbul; UTC if left out.",
    },
    "lateness": ref("duration", "An event received later than this starts nothing; 24h."),
    "occasion_memory": ref("duration", "How long an occasion is remembered; 400d."),
    "date_grace": ref("duration", "A date missed by more than this is not mailed; 6h."),
    "arbitration_hold": ref("duration", "Marketing mails wait this long for one of higher priority."),
    "holdout": ref("percentage", "Customers who get no marketing mail at all."),
    "caps": {
        "anyOf": [_CAP, {"type": "array", "items": _CAP, "minItems": 1, "maxItems": 10}],
        "description": "So many marketing mails within a time.",
    },
    "offers": group(
        {
            "at_most": _AT_MOST,
            "within": A_DURATION,
            "trained_after": whole(1, 100, "None to whose last orders, so many, all came with an offer."),
        },
        ("at_most", "within"),
        "So many offers within a time, over all triggers.",
    ),
    "quiet_hours": group(
        {"from": {"$ref": "#/$defs/clock"}, "to": {"$ref": "#/$defs/clock"}},
        ("from", "to"),
        "Marketing mails wait for their end, by the recipient's clock.",
    ),
    "calendar": group(
        {
            "blackouts": {**entries(_INTERVAL), "description": "No marketing mails."},
            "sale_days": {**entries(_INTERVAL), "description": "Days with other caps."},
            "campaigns": {**entries(_CAMPAIGN), "description": "Planned mailings of other tools."},
        },
        description="Days that count for everybody.",
    ),
    "engagement": group(
        {"half_life": ref("duration", "Whole days after which points count half."), "points": _POINTS},
        description="How the engagement score is made.",
    ),
}


def trigger_schema() -> Json:
    """A trigger file."""
    required = ("id", "status", "kind", "when", "steps")
    return _document("trigger", group(_TRIGGER, required), trigger_defs())


def segment_schema() -> Json:
    """A segment file."""
    properties: dict[str, Json] = {
        "id": {**AN_ID, "description": "The segment's name: small letters, digits, hyphens."},
        "when": ref("condition", "Who is in: a condition on the customer, as orders.total >= 10000."),
        "description": {"type": "string", "minLength": 1, "maxLength": 500, "description": "For people."},
    }
    return _document("segment", group(properties, ("id", "when")), {"condition": COMMON_DEFS["condition"]})


def policy_schema() -> Json:
    """The policy file."""
    defs = {name: COMMON_DEFS[name] for name in ("duration", "percentage", "clock")}
    return _document("policy", group(_POLICY), defs)


def _document(kind: str, schema: Json, defs: Mapping[str, Json]) -> Json:
    head = {"$schema": DIALECT, "$id": f"urn:tetik:{kind}-file", "title": f"Tetik {kind} file"}
    return head | schema | {"$defs": dict(defs)}


RULE_FILES: Mapping[str, Json] = {
    "trigger-file": trigger_schema(),
    "segment-file": segment_schema(),
    "policy-file": policy_schema(),
}
"""By the name of the exported file."""
