"""The clock topic: time that a driver moves in steps, and what the services say they have finished.

Only the demo (and tests) use it. The driver writes `ClockTick`; each service answers with `ClockReport`
when everything up to that instant is done, and the driver moves on only then.
"""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.contract import Contract, Count
from schemas.instants import WireInstant


class ClockTick(Contract):
    """It is now `now`. `sequence` grows by one a tick."""

    schema_name: ClassVar[str] = "clock_tick"

    sequence: Count
    """The tick's number."""
    now: WireInstant
    """The time it is."""


class ClockReport(Contract):
    """A service has nothing left to do at `now`, having read its inputs up to `positions`.

    `positions` maps `topic/partition` to the next offset to read; `next_due_at` is the next instant at
    which the service will act by itself (a timer, a deferred mail).
    """

    schema_name: ClassVar[str] = "clock_report"

    service: Literal["ingest", "engine", "sender"]
    """Who reports."""
    instance: str
    """Which process of that service."""
    sequence: Count
    """The tick that is answered."""
    now: WireInstant
    """Its time."""
    positions: dict[str, Count] = Field(default_factory=dict)
    """Next offset to read, by `topic/partition`."""
    next_due_at: WireInstant | None = None
    """When the service will act by itself; null: never."""
