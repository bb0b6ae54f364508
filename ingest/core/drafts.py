"""An event as its sender means it, read from either form of message, before our own rules apply."""

from dataclasses import dataclass
from typing import Any

from ingest.core.occurrence import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`event_id`, `claim` and `source` are None where the sender said nothing."""

    type: str
    event_id: str | None = None
    customer_id: str | None = None
    anonymous_id: str | None = None
    product_id: str | None = None
    claim: Claim | None = None
    source: str | None = None
    properties: dict[str, Any]
    context: dict[str, Any]
    backfill: bool = False
