"""`Event`: something a shopper, a shop or the platform did (topic `tetik.events`)."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from schemas.contract import Contract, Identifier, JsonObject
from schemas.instants import WireInstant

CONTROL_TYPES = frozenset({"rules_activated"})
"""Markers that concern a partition, not a customer: they carry no id and are written to every partition."""

EventType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Event(Contract):
    """One thing that happened. It concerns a customer (known or anonymous) or a product.

    `occurred_at` is when it happened, `received_at` when our ingest met it (kept through the spool).
    `backfill` marks history: it updates state and starts nothing.
    """

    schema_name: ClassVar[str] = "event"

    event_id: Identifier
    type: EventType
    customer_id: Identifier | None = None
    anonymous_id: Identifier | None = None
    product_id: Identifier | None = None
    occurred_at: WireInstant
    received_at: WireInstant
    source: Annotated[str, Field(min_length=1, max_length=64)]
    properties: JsonObject = Field(default_factory=dict)
    context: JsonObject = Field(default_factory=dict)
    backfill: bool = False

    @model_validator(mode="after")
    def _names_someone(self) -> "Event":
        if self.type in CONTROL_TYPES:
            return self
        if self.customer_id is None and self.anonymous_id is None and self.product_id is None:
            raise ValueError("an event needs a customer_id, an anonymous_id or a product_id")
        return self
