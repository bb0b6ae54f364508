"""`Delivery`: what became of a requested mail (topic `tetik.deliveries`)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.contract import Contract, Count, Identifier, Reason
from schemas.instants import WireInstant

DeliveryStatus = Literal[
    "sent", "bounced", "complained", "suppressed", "expired", "cancelled", "failed", "ambiguous"
]


class Delivery(Contract):
    """One outcome of one request; `smtp_code` and `enhanced_code` as the relay said them."""

    schema_name: ClassVar[str] = "delivery"

    send_id: Identifier
    """The request's id."""
    customer_key: str
    """Whom it concerns."""
    status: DeliveryStatus
    """What became of it."""
    smtp_code: Annotated[int, Field(strict=True, ge=100, le=599)] | None = None
    """The relay's reply code, as 250."""
    enhanced_code: Annotated[str, Field(pattern=r"^[245]\.\d{1,3}\.\d{1,3}$")] | None = None
    """The relay's enhanced status code (RFC 3463), as `5.1.1`."""
    reason: Reason
    """Why, in one readable sentence."""
    attempt: Count
    """Which try to send, from 1; 0 where none was made."""
    occurred_at: WireInstant
    """When the outcome was known."""
