"""What happens in a simulated shop: a list that can be cut anywhere and pasted into a test.

Each item comes `gap` milliseconds of shop time after the one before. The list does not say how the tasks
are interleaved or how long a write takes: the seed does.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from schemas.event import OFFER_CODES
from schemas.ids import stable_hash
from schemas.instants import Instant, format_instant
from schemas.records import EventRecord

T0: Instant = 1_700_000_000_000
"""When a history begins."""

FaultKind: TypeAlias = (
    Literal["kill", "freeze", "thaw", "isolate", "heal", "rebalance", "clock"]
    | Literal["sender_kill", "sender_stop", "sender_freeze", "sender_isolate", "sender_rebalance"]
)
"""kill: the process ends at its `amount`-th step from now. freeze, thaw: it stops in whatever it does and
goes on later. isolate, heal: the group takes its partitions away without its knowing. clock: its clock
jumps by `amount` ms. The same for a sender; there `point` may say before what kind of step it ends. stop: it
ends in order."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event. It happened `late` ms before ingest met it, whose clock is off by `skew` ms, and reached the
    log `held` ms later (of the loop's time, in which others may overtake it)."""

    gap: int
    event_id: str
    type: str
    customer: str | None = None
    device: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    late: int = 0
    skew: int = 0
    held: int = 0
    backfill: bool = False

    def record(self, now: Instant) -> EventRecord:
        """As ingest writes it at `now`."""
        return EventRecord(
            event_id=self.event_id,
            type=self.type,
            occurred_at=format_instant(now - self.late),
            received_at=format_instant(now + self.skew),
            source="shop",
            customer_id=self.customer,
            anonymous_id=self.device,
            properties=self.properties,
            backfill=self.backfill,
        )


@dataclass(frozen=True, slots=True)
class Broken:
    """A record of a customer's that nobody can read."""

    gap: int
    customer: str
    text: str = "{"


@dataclass(frozen=True, slots=True)
class Published:
    """The rule set of this number is published."""

    gap: int
    number: int


@dataclass(frozen=True, slots=True)
class Imported:
    """Codes come into the pool of one partition."""

    gap: int
    partition: int
    pool: str
    codes: tuple[str, ...]

    def record(self, now: Instant) -> EventRecord:
        """As ingest writes it at `now`."""
        return EventRecord(
            event_id=stable_hash(self.pool, *self.codes),
            type=OFFER_CODES,
            occurred_at=format_instant(now),
            received_at=format_instant(now),
            source="shop",
            properties={"pool": self.pool, "codes": list(self.codes)},
        )


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing for a while; with `outage`, the engine finds all of it past at once."""

    gap: int
    outage: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Something goes wrong with a worker."""

    gap: int
    kind: FaultKind
    worker: int = 0
    amount: int = 0
    point: str = ""


Item: TypeAlias = Happened | Broken | Published | Imported | Quiet | Fault


@dataclass(frozen=True, slots=True)
class History:
    """A whole simulation. `noise` is the share of fetched batches that are lost, doubled or late.
    `retry_unanswered`: a mail whose final dot was not answered is sent once more."""

    seed: int
    items: tuple[Item, ...]
    partitions: int = 3
    workers: int = 2
    noise: float = 0.05
    senders: int = 2
    retry_unanswered: bool = False

    @property
    def events(self) -> int:
        """How many events the shop sends."""
        return sum(isinstance(item, Happened | Broken) for item in self.items)

    def pasted(self) -> str:
        """As Python, for a test."""
        lines = "".join(f"    {item!r},\n" for item in self.items)
        names = ("partitions", "workers", "noise", "senders", "retry_unanswered")
        rest = ", ".join(f"{name}={getattr(self, name)}" for name in names)
        return f"History({self.seed}, (\n{lines}), {rest})"
