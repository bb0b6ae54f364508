"""`Delivery`: what became of a requested mail (topic `tetik.deliveries`)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.contract import Contract, Identifier
from schemas.instants import WireInstant

DeliveryStatus = Literal[
    "sent", "bounced", "complained", "suppressed", "expired", "cancelled", "failed", "ambiguous"
]


class Delivery(Contract):
    """One outcome of one request; `smtp_code` and `enhanced_code` as the relay said them."""

    schema_name: ClassVar[str] = "delivery"

    send_id: Identifier
    customer_key: str
    status: DeliveryStatus
    smtp_code: Annotated[int, Field(ge=100, le=599)] | None = None
    enhanced_code: Annotated[str, Field(pattern=r"^[245]\.\d{1,3}\.\d{1,3}$")] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    attempt: Annotated[int, Field(ge=0)]
    occurred_at: WireInstant
