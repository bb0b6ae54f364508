"""What `step` is given: an event of the log, a wake-up that fell due, or a change of rules."""

from typing import Any, TypeAlias

import msgspec

from schemas.instants import Instant
from schemas.records import CauseRecord

Cause: TypeAlias = CauseRecord
"""The position in the log that a decision points back to."""


class EventInput(msgspec.Struct, frozen=True, gc=False):
    """One event about one customer. `customer_key` says whom; the ids are as the event gave them."""

    event_id: str
    type: str
    customer_key: str
    customer_id: str | None
    anonymous_id: str | None
    occurred_at: Instant
    received_at: Instant
    source: str
    properties: dict[str, Any]
    context: dict[str, Any]
    backfill: bool
    cause: Cause


class WakeUp(msgspec.Struct, frozen=True, gc=False):
    """The customer's `next_wake_up_at` has come. `cause` names the last offset applied to her."""

    due_at: Instant
    cause: Cause


class RulesChange(msgspec.Struct, frozen=True, gc=False):
    """The rules given are others than the customer was last brought in line with.

    They count since `at`, which the marker at `cause` (kind `rules`) says.
    """

    at: Instant
    cause: Cause


Input: TypeAlias = EventInput | WakeUp | RulesChange
