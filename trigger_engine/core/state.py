"""All that is known of one customer, in one record: what she is, has in her cart, and what runs for her.

Bytes: one version byte, then msgpack with structs as arrays (names would double the size). Fields are
only ever added at the end, with a default; anything else needs a new version and a migration here.
What a take-over and a sweep ask of every customer stands first (`Head`). Every list and map is bounded
(`limits.py`).

Version 1 is read and written again as version 2 when the customer is next touched. Its runs have the
position -1, and its occasions stay packed with the customer's key (`occasions.py` looks at both).
"""

from typing import Any, NamedTuple, TypeVar

import msgspec

from schemas.instants import Instant
from trigger_engine.core.profile import Profile as Profile
from trigger_engine.core.purchases import Purchases
from trigger_engine.core.views import Views

STATE_VERSION = 2
FOREVER: Instant = 2**53
_VERSION_BYTE = bytes([STATE_VERSION])
_FIRST_VERSION_BYTE = b"\x01"


class StateError(ValueError):
    """The bytes are no customer state that this version can read; the message says why."""


class UnknownVersion(StateError):
    """Another version of this program wrote the state, probably a newer one."""


class Item(msgspec.Struct, array_like=True, gc=False):
    """A line of the cart; `key` is the product id, else the SKU, else the name."""

    key: str
    added_at: Instant
    quantity: int = 1
    price: float | None = None
    product_id: str | None = None
    name: str | None = None
    url: str | None = None
    image_url: str | None = None


class Cart(msgspec.Struct, array_like=True, gc=False):
    """`id` is the shop's (`from_shop`), else the event id of the first addition; None when empty.

    What happened at or before `cleared_at` (an order, an emptying) no longer fills it.
    """

    id: str | None = None
    from_shop: bool = False
    items: list[Item] = []
    currency: str | None = None
    updated_at: Instant = 0
    cleared_at: Instant = -1


class Orders(msgspec.Struct, array_like=True, gc=False):
    """Completed orders, and what she bought last; cancellations and refunds are not deducted."""

    count: int = 0
    last_at: Instant | None = None
    total: float = 0.0
    first_at: Instant | None = None
    """None although there are orders: a record from before it was kept, see `earliest_at`."""
    purchases: Purchases = msgspec.field(default_factory=Purchases)
    on_offer: int = 0
    """Placed while an offer of ours was valid, of all that there were."""

    @property
    def earliest_at(self) -> Instant | None:
        """The first order, as far as is known."""
        return self.last_at if self.first_at is None else self.first_at


class Session(msgspec.Struct, array_like=True, gc=False):
    """Her own events without a gap of more than half an hour."""

    started_at: Instant = 0
    last_at: Instant | None = None
    events: int = 0
    views: int = 0


class Engagement(msgspec.Struct, array_like=True, gc=False):
    """Points as of a UTC day (days since 1970), and what became of our mails."""

    score: float = 0.0
    day: int = 0
    mails: int = 0
    mails_since_click: int = 0
    last_open_at: Instant | None = None
    last_click_at: Instant | None = None
    half_life: int = 30
    """Days, as the rules had it that she was last brought in line with."""


class Slot(msgspec.Struct, array_like=True, gc=False):
    """A place taken under the frequency caps; `owner` is empty, or the trigger id of a shadow."""

    at: Instant
    send_id: str = ""
    owner: str = ""


class Offer(msgspec.Struct, array_like=True, gc=False):
    """An offer given in a mail."""

    at: Instant
    valid_until: Instant
    send_id: str


class Window(msgspec.Struct, array_like=True, gc=False):
    """Events of a threshold for one value of its `per`, oldest first: (occurred_at, amount)."""

    events: list[tuple[Instant, float]] = []


class Watch(msgspec.Struct, array_like=True, gc=False):
    """What starts a run by itself at `due_at` if it still holds then (inactivity, date, existing members)."""

    trigger_id: str
    kind: str
    due_at: Instant
    occasion: str
    anchor_at: Instant = 0
    spent: str = ""
    """The occasion handed in last: it is not planned again. `due_at` is `FOREVER` when nothing is planned."""


class Alias(msgspec.Struct, array_like=True, gc=False):
    """An anonymous key that belongs to a customer since an instant."""

    customer_id: str
    since: Instant


class Happening(msgspec.Struct, array_like=True, gc=False):
    """An event worth keeping: one that started a run, or may keep one from starting. Properties are cut."""

    event_id: str
    type: str
    occurred_at: Instant
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    types: tuple[str, ...] = ()
    """Its own type and the derived ones (`cart_emptied`), if it had any."""


class Run(msgspec.Struct, array_like=True, gc=False):
    """A trigger at work for one occasion, waiting for its mail number `mail_index` at `due_at`.

    `fallback`: the occasion is the starting event, because `once_per` gave none.
    """

    trigger_id: str
    trigger_version: str
    occasion: str
    start: Happening
    mail_index: int
    due_at: Instant
    fallback: bool = False
    waited_until: Instant | None = None
    """The due time of its first mail, once that was requested."""
    position: int = -1
    """The step it stands before, in its version's program; -1: a record of version 1, see `mail_index`."""
    planned_at: Instant = 0
    """What waits count from; `due_at` may be later, after a reschedule."""
    last_mail: str = ""
    """The id of the last mail step it did, and when that was planned (none: the start or last restart)."""
    last_planned_at: Instant = 0
    attempts: dict[str, int] = {}
    """Runs through the checks of mails that were put off, by step."""
    held: bool = False
    """Waiting for arbitration; `was_held`: had its turn for the present mail."""
    was_held: bool = False
    variant: str | None = None
    held_out: bool = False
    shadow: bool = False
    draining: bool = False
    answer: Happening | None = None
    value: str = ""
    """The occasion without the customer's key; empty: as `occasion` has it (`CustomerState.value_of`)."""
    error: str = ""
    """What a condition of its steps raised, for the facts of its next decision."""
    not_before_rules: Instant = 0
    """It came over from rules activated then, and stands still until the customer's are as new."""
    awaits_device: bool = False
    """Its mail is put off for what a device may know, see `CustomerState.asked_at`."""


class PendingMail(msgspec.Struct, array_like=True, gc=False):
    """A requested mail whose outcome is not known. `start` has properties only if an ending reads them."""

    send_id: str
    trigger_id: str
    trigger_version: str
    occasion: str
    step: str
    kind: str
    to: str
    due_at: Instant
    start: Happening
    first: bool
    mailed_before_at: Instant | None
    """The trigger's last mail before this one, to return to if this one is never sent."""
    cancelling: bool = False
    attempt: int = 1
    shadow: bool = False
    variant: str | None = None


class TriggerMemory(msgspec.Struct, array_like=True, gc=False):
    """What outlives a trigger's runs: occasions met (`occasions.py`) and the due time of its last mail."""

    occasions: bytes = b""
    """Packed with the customer's key, as version 1 did; none are added."""
    last_mailed_at: Instant | None = None
    values: bytes = b""
    """Packed without the customer's key, so that they mean the same after a hand-over."""


class CustomerState(msgspec.Struct, array_like=True, gc=False):
    """The whole record. `next_wake_up_at` is the earliest due time of a run; `step` keeps it."""

    customer_key: str
    next_wake_up_at: Instant | None = None
    rules_digest: str = ""
    """The rule set she was last brought in line with."""
    runs: list[Run] = []
    recent: bytes = b""
    last_seen_at: Instant | None = None
    cause_topic: str = ""
    cause_partition: int = 0
    cause_offset: int = -1
    profile: Profile = msgspec.field(default_factory=Profile)
    cart: Cart = msgspec.field(default_factory=Cart)
    orders: Orders = msgspec.field(default_factory=Orders)
    mails: list[PendingMail] = []
    memories: dict[str, TriggerMemory] = {}
    ended_at: dict[str, Instant] = {}
    past_enders: list[Happening] = []
    erased_at: Instant | None = None
    last_at: dict[str, Instant] = {}
    """The last time of each event type."""
    views: Views = msgspec.field(default_factory=Views)
    session: Session = msgspec.field(default_factory=Session)
    engagement: Engagement = msgspec.field(default_factory=Engagement)
    segments: dict[str, Instant] = {}
    """The segments she is in, and since when."""
    segments_flip_at: Instant | None = None
    """When a segment may change without an event."""
    windows: dict[str, dict[str, Window]] = {}
    """By trigger id and `per` value."""
    watches: list[Watch] = []
    slots: list[Slot] = []
    offers: list[Offer] = []
    orders_on_offer: int = 0
    arms: dict[str, str] = {}
    """Experiment → arm; the empty text is the hold-out."""
    devices: list[str] = []
    """Her last anonymous ids, the latest last."""
    hand_overs: bytes = b""
    """Packed ids of the hand-overs applied."""
    alias: Alias | None = None
    """An alias has nothing else but `recent`: it forwards."""
    flips: dict[str, Instant] = {}
    """By segment id, when it may change without an event; `segments_flip_at` is the earliest."""
    segments_at: Instant = -1
    """The instant the segments were last evaluated for; -1: evaluate all at the next event."""
    asked_at: Instant | None = None
    """When a device was last asked for what it knows: its answer may be on the way."""
    interests: list[str] = []
    """The products she is interested in, the latest last (`interests.py`)."""

    def last_applied(self) -> tuple[str, int, int]:
        """(topic, partition, offset) of the last event that was applied to her."""
        return self.cause_topic, self.cause_partition, self.cause_offset

    def value_of(self, run: Run) -> str:
        """A run's occasion without the customer's key: what occasions are compared by."""
        return run.value or run.occasion[len(self.customer_key) + 1 :]

    @property
    def blank(self) -> bool:
        """Whether nothing is known at all: such a record is not kept."""
        return not self.recent and self.alias is None and self.erased_at is None


class Head(NamedTuple):
    """What can be told of a record without reading the rest."""

    next_wake_up_at: Instant | None
    rules_digest: str
    has_runs: bool


class _Head(msgspec.Struct, array_like=True):
    """The first fields of a `CustomerState`; `runs` is skipped, not read."""

    customer_key: str
    next_wake_up_at: Instant | None = None
    rules_digest: str = ""
    runs: msgspec.Raw = msgspec.Raw(b"\x90")


_NO_RUNS = b"\x90"
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CustomerState)
_head_decoder = msgspec.msgpack.Decoder(_Head)


S = TypeVar("S")


def new_state(customer_key: str) -> CustomerState:
    """A customer nothing is known of."""
    return CustomerState(customer_key)


def encode_state(state: CustomerState) -> bytes:
    """The record's bytes."""
    return _VERSION_BYTE + _encoder.encode(state)


def decode_state(data: bytes) -> CustomerState:
    """Read a record, also one of version 1. Raises StateError for other versions or broken bytes."""
    if data[:1] == _FIRST_VERSION_BYTE:
        return _migrate(data)
    _check_version(data)
    return _decode(_decoder, data)


def head_of(data: bytes) -> Head:
    """The head of a record. Raises StateError as `decode_state` does."""
    if data[:1] == _FIRST_VERSION_BYTE:
        state = decode_state(data)
        return Head(state.next_wake_up_at, state.rules_digest, bool(state.runs))
    _check_version(data)
    head = _decode(_head_decoder, data)
    return Head(head.next_wake_up_at, head.rules_digest, bytes(head.runs) != _NO_RUNS)


def next_wake_up_of(data: bytes) -> Instant | None:
    """`next_wake_up_at` of a record, without reading the rest. Raises StateError as `decode_state` does."""
    return head_of(data).next_wake_up_at


def _migrate(data: bytes) -> CustomerState:
    """Read version 1, which had the runs at the eleventh place and no digest of the rules."""
    try:
        values = msgspec.msgpack.decode(memoryview(data)[1:], type=list[Any])
        moved = [*values[:2], "", values[10], *values[2:10], *values[11:]]
        return msgspec.convert(moved, CustomerState)
    except (msgspec.MsgspecError, UnicodeDecodeError, IndexError) as error:
        raise StateError(f"the bytes are no customer state: {error}") from error


def _check_version(data: bytes) -> None:
    if data[:1] != _VERSION_BYTE:
        found = data[0] if data else "none"
        raise UnknownVersion(
            f"customer state of version {found}; this program reads versions 1 to {STATE_VERSION}"
        )


def _decode(decoder: msgspec.msgpack.Decoder[S], data: bytes) -> S:
    try:
        return decoder.decode(memoryview(data)[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError(f"the bytes are no customer state: {error}") from error
