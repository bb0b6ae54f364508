"""`Interest`: that a customer wants to hear of a product, or no more (topic `tetik.interests`).

The engine writes it in the transaction of what follows from (`docs/reference/semantics.md`, section 11),
keyed by the product, so that one partition knows everybody who waits for it.
"""

from typing import ClassVar, Literal

from schemas.contract import Contract, Identifier
from schemas.instants import WireInstant

InterestAction = Literal["note", "drop"]


class Interest(Contract):
    """What one customer's interest in one product has become."""

    schema_name: ClassVar[str] = "interest"

    interest_id: Identifier
    """Names the record: the same input gives the same id."""
    customer_id: Identifier
    """The shop's id of the customer: only known customers are noted."""
    product_id: Identifier
    """The product that she viewed, carted or wished for."""
    action: InterestAction
    """`note`: she is interested since `occurred_at`; `drop`: she is no more."""
    occurred_at: WireInstant
    """When that was."""
