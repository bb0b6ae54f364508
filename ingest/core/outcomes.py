"""What can become of a request and of each event in it: a closed set.

A request as a whole is `Refused` (unreadable, unknown key, too large, log unavailable). In a readable
request each event is `Accepted` or `Rejected`, on its own: one bad event never fails its batch.
`Unacceptable` is how the steps below `accept` say Rejected; it never leaves the core.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from schemas.instants import Instant, format_instant
from schemas.records import EventRecord

MessageKind: TypeAlias = Literal["track", "identify", "page", "screen", "group", "alias"]
Form: TypeAlias = Literal["native", "batch"] | MessageKind
"""How a request's body is written: our own events, or Segment's calls."""


class Refused(Exception):
    """The whole request is answered with an error; nothing of it was written."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Unacceptable(Exception):
    """This one event is rejected."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what comes in. Sizes in bytes; each is a setting (see `ingest/settings.py`)."""

    event_bytes_max: int = 32_768
    batch_events_max: int = 2_500
    depth_max: int = 32
    skew_tolerance_ms: int = 1_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """The circumstances of a request.

    `received_at` is the product's clock, which the demo moves; `machine_now` is the machine's own, to be
    compared with `sentAt` alone: a client's machine knows nothing of a demo's time. `request_id` is
    unique per request; events that bring no id get theirs from it. `source` is the write key's name.
    `received_text` is `received_at` as it is written, once for all events of a request.
    """

    received_at: Instant
    machine_now: Instant
    request_id: str
    source: str
    path: str
    received_text: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "received_text", format_instant(self.received_at))


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event to be written: `value` is `record` encoded, `key` its Kafka key; `id_drawn` tells that
    the client sent no id, so that we can't recognise a repetition of it."""

    record: EventRecord
    key: str
    value: bytes
    occurred_at: Instant
    id_drawn: bool


@dataclass(frozen=True, slots=True)
class Catalogued(Accepted):
    """A change of the catalogue: the event that tells of it, and `entry`, the catalogue's own record; None
    deletes the product."""

    entry: bytes | None


@dataclass(frozen=True, slots=True)
class TakenCode:
    """A code for offers. Only with the others of its request does it become an event (`core/records.py`)."""

    pool: str
    code: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event, product or code that goes to the dead letters.

    `message` says what is wrong and what to do.
    """

    code: str
    message: str
    message_id: str | None = None


Outcome: TypeAlias = Accepted | TakenCode | Rejected
