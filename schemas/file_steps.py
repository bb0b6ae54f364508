"""The steps of a trigger file, as JSON Schema."""

from collections.abc import Mapping

from schemas.file_parts import (
    A_DURATION,
    AN_EXPRESSION,
    COMMON_DEFS,
    EVENT_TYPE,
    ID,
    SOME_TYPES,
    WHERE,
    Json,
    by_variant,
    group,
    one_or_more,
    ref,
)

_CLAUSE: Json = {
    "anyOf": [
        {"$ref": "#/$defs/event_type"},
        group({"event": {"$ref": "#/$defs/event_type"}, "where": WHERE}, ("event",)),
    ]
}
_OFFER: Json = {
    **group(
        {
            "pool": {"type": "string", "pattern": ID, "description": "The pool that a code is taken from."},
            "code": {
                "type": ["string", "integer"],
                "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
                "minimum": 0,
                "description": "One code for everybody.",
            },
            "value": {
                "type": "string",
                "minLength": 1,
                "maxLength": 64,
                "description": "As the mail shows it: 10% or 50 TRY.",
            },
            "valid_for": A_DURATION,
        },
        ("value", "valid_for"),
        "An offer; only with consent to marketing, and within the policy's offers.",
    ),
    "oneOf": [{"required": ["pool"]}, {"required": ["code"]}],
}
_SOURCE: Json = {"enum": ["viewed", "bought_together", "similar", "best_sellers"]}
_SOURCES: Json = {
    "anyOf": [
        _SOURCE,
        {"type": "array", "minItems": 1, "uniqueItems": True, "items": _SOURCE},
    ],
    "description": "In order; the first that gives anything wins.",
}
_RECOMMEND: Json = {
    "anyOf": [
        *_SOURCES["anyOf"],
        group(
            {
                "from": _SOURCES,
                "at_most": {"type": "integer", "minimum": 1, "maximum": 12, "description": "How many."},
                "category": ref("expression", "Products of this category only."),
            },
            ("from",),
        ),
    ],
    "description": "Where the products that the mail recommends are from.",
}
_LITERAL: Json = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": 256},
        {"type": ["number", "boolean"]},
        group({"value": AN_EXPRESSION}, ("value",)),
    ]
}

STEP_FIELDS: Mapping[str, Json] = {
    "mail": {"$ref": "#/$defs/template_by_variant"},
    "id": {"type": "string", "pattern": ID, "description": "The step's name; unique in the file."},
    "offer": {"$ref": "#/$defs/offer"},
    "else": {"type": "string", "pattern": ID, "description": "The template when no offer may be given."},
    "recommend": {"$ref": "#/$defs/recommend"},
    "wait": {"$ref": "#/$defs/duration_by_variant"},
    "wait_until": {"$ref": "#/$defs/wait_until"},
    "choose": {"$ref": "#/$defs/choose"},
    "set": {"$ref": "#/$defs/set"},
    "skip_if": ref("condition", "If it holds, the next step is skipped."),
    "goal": ref("clauses", "An event that takes runs before this step right behind it."),
    "exit": {"const": True, "description": "The run ends."},
}
_STEPS_OF: Mapping[str, tuple[str, ...]] = {
    "mail": ("id", "offer", "else", "recommend"),
    "wait": (),
    "wait_until": (),
    "choose": (),
    "set": (),
    "skip_if": (),
    "goal": ("id",),
    "exit": (),
}


def _step_groups(extra: Mapping[str, Json], *, top: bool = False) -> list[Json]:
    """One group of fields for each step; goals stand at the top only."""
    groups = []
    for kind, others in _STEPS_OF.items():
        if kind == "goal" and not top:
            continue
        step = group({name: STEP_FIELDS[name] for name in (kind, *others)} | dict(extra), (kind,))
        if kind == "mail":
            step["dependentRequired"] = {"offer": ["else"], "else": ["offer"]}
        groups.append(step)
    return groups


def trigger_defs() -> dict[str, Json]:
    """What a trigger file's schema refers to."""
    condition = {"if": ref("condition", "The branch is taken if it holds; the last one may lack it.")}
    then = {"then": {"$ref": "#/$defs/steps", "description": "The branch's steps."}}
    return {
        **COMMON_DEFS,
        "clauses": one_or_more(_CLAUSE),
        "offer": _OFFER,
        "recommend": _RECOMMEND,
        "template_by_variant": {
            **by_variant({"type": "string", "pattern": ID}),
            "description": "The template; or one for each variant: {a: reminder, b: reminder-short}.",
        },
        "duration_by_variant": {
            **by_variant(A_DURATION),
            "description": "How long; or one duration for each variant: {a: 45m, b: 3h}.",
        },
        "wait_until": {
            "anyOf": [
                group({"event": SOME_TYPES, "where": WHERE, "for": A_DURATION}, ("event", "for")),
                group({"at": ref("clock", "The next such time by the recipient's clock.")}, ("at",)),
                group({"time": ref("expression", "A timestamp.")}, ("time",)),
            ],
            "description": "Until an event, which is `answer` then, or a time.",
        },
        "choose": {
            "type": "array",
            "minItems": 1,
            "maxItems": 40,
            "items": {
                "anyOf": [{"const": "exit"}, group(condition | then, ("then",)), *_step_groups(condition)]
            },
            "description": "The first branch whose if: holds.",
        },
        "set": {
            **group(
                {
                    "preferences": {
                        "type": "object",
                        "propertyNames": {"pattern": EVENT_TYPE},
                        "additionalProperties": _LITERAL,
                        "minProperties": 1,
                        "maxProperties": 50,
                        "description": "Values, or {value: expression}.",
                    },
                    "pause": {
                        "anyOf": [{"enum": ["until_resumed", "ended"]}, A_DURATION],
                        "description": "Holds marketing mails back.",
                    },
                    "marketing_email": {"const": False, "description": "Ends consent; it never grants it."},
                },
                description="Writes into the customer's profile.",
            ),
            "minProperties": 1,
        },
        "top_step": {"anyOf": [{"const": "exit"}, *_step_groups({}, top=True)]},
        "step": {"anyOf": [{"const": "exit"}, *_step_groups({})]},
        "steps": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/step"}}, {"$ref": "#/$defs/step"}]},
    }
