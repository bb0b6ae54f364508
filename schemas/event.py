"""`Event`: something a shopper, a shop or the platform did (topic `tetik.events`)."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, StrictBool, model_validator
from pydantic.config import JsonDict

from schemas.contract import Contract, Identifier, JsonObject
from schemas.instants import WireInstant

RULES_ACTIVATED = "rules_activated"
OFFER_CODES = "offer_codes"
OFFER_CODE_LENGTH_MAX = 64
OFFER_CODE = rf"[A-Za-z0-9_-]{{1,{OFFER_CODE_LENGTH_MAX}}}"
"""What a code for offers may be: what a shopper can type."""
SNAPSHOT_ACTIVATED = "snapshot_activated"
CONTROL_TYPES = frozenset({RULES_ACTIVATED, OFFER_CODES, SNAPSHOT_ACTIVATED})
"""What concerns a partition, not a customer, and carries no id: markers that activate a rule set or a
snapshot for recommendations, one in every partition, and codes for offers, each written to one."""

HANDOVER_ASKED = "handover_asked"
HANDOVER_STATE = "handover_state"
HANDOVER_TYPES = frozenset({HANDOVER_ASKED, HANDOVER_STATE})
"""What customers' states say to each other when a device turns out to be somebody's. Only the engine writes
them: from outside they could move one person's runs and consent to another."""
CUSTOMER_ERASED = "customer_erased"
PRODUCT_NOTICE = "product_notice"
"""What the engine tells a customer of a product that she is interested in. It alone writes these: each is a
reason to mail her."""

EventType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


def _holds(name: str) -> JsonDict:
    return {"required": [name], "properties": {name: {"type": "string"}}}


_NAMES_SOMEONE: JsonDict = {
    "anyOf": [
        {"properties": {"type": {"enum": [*sorted(CONTROL_TYPES)]}}},
        _holds("customer_id"),
        _holds("anonymous_id"),
        _holds("product_id"),
    ]
}


class Event(Contract):
    """One thing that happened. It concerns a customer (known or anonymous) or a product.

    `occurred_at` is when it happened, `received_at` when our ingest met it (kept through the spool).
    `backfill` marks history: it updates state and starts nothing.
    """

    schema_name: ClassVar[str] = "event"

    model_config = ConfigDict(json_schema_extra=_NAMES_SOMEONE)

    event_id: Identifier
    """Names the event: a second arrival under the same id changes nothing."""
    type: EventType
    """What happened, as `product_added`."""
    customer_id: Identifier | None = None
    """The shop's id of the customer, once she is known."""
    anonymous_id: Identifier | None = None
    """The id of the device or cart before the customer is known."""
    product_id: Identifier | None = None
    """Whom a product event concerns, where there is no shopper."""
    occurred_at: WireInstant
    """When it happened: windows, waits and cooldowns count from here."""
    received_at: WireInstant
    """When ingest met it."""
    source: Annotated[str, Field(min_length=1, max_length=64)]
    """Who sent it: the write key's name, a webhook, or one of our services."""
    properties: JsonObject = Field(default_factory=dict)
    """What the type calls for; product, cart and order fields as in Segment's e-commerce spec v2."""
    context: JsonObject = Field(default_factory=dict)
    """Where it came from: library, page, campaign, locale."""
    backfill: StrictBool = False
    """True for history that was loaded later: it updates state and starts nothing."""

    @model_validator(mode="after")
    def _names_someone(self) -> "Event":
        if self.type in CONTROL_TYPES:
            return self
        if self.customer_id is None and self.anonymous_id is None and self.product_id is None:
            raise ValueError("an event needs a customer_id, an anonymous_id or a product_id")
        return self
