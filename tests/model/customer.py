"""Everything the model remembers of one customer: whole histories in plain lists."""

from dataclasses import dataclass, field
from typing import Any

from tests.model.reading import Step, Trigger

RECENT_IDS = 256
RUNS_MAX = 32
TRIGGERS_MAX = 256
OCCASIONS_MAX = 1024
DEVICES_MAX = 32
HANDED_OVER_MAX = 64
EXPERIMENTS_MAX = 64
COMPARED_MAX = 16
PREFERENCES_MAX = 50
UNTIL_RESUMED = 2**62
"""A pause without an end."""
EVENT_TYPES_MAX = 64


@dataclass
class Happening:
    """An event of hers, or one made by a watch: `at` is its occurred_at, clamped to its arrival."""

    id: str
    type: str
    at: int
    received_at: int
    properties: dict[str, Any]
    context: dict[str, Any] = field(default_factory=dict)
    backfill: bool = False
    late: bool = False
    types: tuple[str, ...] = ()
    """Its own type and the derived ones (`cart_updated`, `cart_emptied`)."""


@dataclass
class Mail:
    """A mail that was requested, or would have been (`held_out`, `shadow`)."""

    send_id: str
    trigger_id: str
    trigger: Trigger
    run: "Run"
    step: str
    attempt: int
    due: int
    planned: int
    to: str
    marketing: bool
    requested: bool
    shadow: bool
    first: bool
    offer_until: int | None = None
    cancelling: bool = False
    known: bool = False
    """What became of it is known."""
    returned: bool = False
    """It was not sent: its cooldown, cap slot and offer were given back."""


@dataclass
class Run:
    """One run of a trigger. `left` is what it has still to do, the step it stands on first."""

    trigger: Trigger
    value: str
    occasion: str
    start: Happening
    at: int
    shadow: bool
    variant: str | None
    held_out: bool
    left: list[Step]
    planned: int
    due: int
    since: int
    """The start, or the last restart of its wait."""
    first_due: int
    standing: bool = False
    """It has entered the waiting step that it stands on."""
    answer: Happening | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    was_held: bool = False
    held: bool = False
    awaits_device: bool = False
    """Its mail was put off until a device that was asked has answered."""
    frozen: bool = False
    not_before: int = 0
    """It came over from a partition whose rules, activated then, are newer; it stands still until then."""
    draining: bool = False
    alive: bool = True

    @property
    def still(self) -> bool:
        """Whether nothing is due for it, whatever its time."""
        return self.frozen or self.not_before > 0

    @property
    def mailed(self) -> bool:
        """A mail of it passed the checks."""
        return bool(self.mails)


@dataclass
class Occasion:
    """An occasion that ran once."""

    trigger_id: str
    value: str
    at: int
    run: Run | None


@dataclass
class RememberedEnding:
    """An `unless` or `exit` of some trigger that was met, by its event type and condition."""

    type: str
    where: str | None
    at: int


@dataclass
class WindowEntry:
    """An event that a threshold counts."""

    trigger_id: str
    per: str
    at: int
    amount: float


@dataclass
class Watch:
    """An inactivity, date or existing-member start that was planned."""

    trigger_id: str
    kind: str
    due: int
    value: str
    properties: dict[str, Any]


@dataclass
class Customer:
    """One customer, known or anonymous."""

    key: str
    partition: int
    ids: list[str] = field(default_factory=list)
    events: list[Happening] = field(default_factory=list)
    last_of_type: dict[str, int] = field(default_factory=dict)
    last_seen_at: int | None = None
    profile: dict[str, Any] = field(default_factory=dict)
    preferences: dict[str, Any] = field(default_factory=dict)
    profile_at: int | None = None
    consent: bool | None = None
    consent_at: int | None = None
    consent_given_at: int | None = None
    """Of the consent that holds; what only repeats it does not move it."""
    unsubscribed: bool = False
    bounced: str | None = None
    refused: str | None = None
    paused_until: int | None = None
    cart: dict[str, Any] = field(default_factory=dict)
    orders: list[tuple[int, float]] = field(default_factory=list)
    purchases: list[dict[str, Any]] = field(default_factory=list)
    """The lines of her orders, in the order in which they came in."""
    orders_on_offer: int = 0
    """So many of the last in a row came while an offer of ours was valid, each judged as it came in."""
    orders_on_offer_ever: int = 0
    """So many of all did."""
    session: dict[str, int] = field(default_factory=dict)
    segments: set[str] = field(default_factory=set)
    flips: dict[str, int] = field(default_factory=dict)
    """When time alone next changes her membership, by segment."""
    runs: list[Run] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    campaigns: list[int] = field(default_factory=list)
    occasions: list[Occasion] = field(default_factory=list)
    endings: list[RememberedEnding] = field(default_factory=list)
    compared: list[Happening] = field(default_factory=list)
    """Events of endings that compare with the start, and so are judged for each start."""
    windows: list[WindowEntry] = field(default_factory=list)
    arms: dict[str, str] = field(default_factory=dict)
    anchors: dict[str, int | None] = field(default_factory=dict)
    watches: list[Watch] = field(default_factory=list)
    dates_done: set[tuple[str, str]] = field(default_factory=set)
    devices: list[str] = field(default_factory=list)
    asked_at: int | None = None
    """When she asked a device last, by the time given."""
    handed_over: list[str] = field(default_factory=list)
    alias_of: str | None = None
    alias_since: int = 0
    erased_at: int | None = None
    rules_digest: str = ""
    activated: int = 0
    """Of a state that is handed over: the rules of its partition, and when they were activated."""

    def live_runs(self) -> list[Run]:
        """Runs that have not ended."""
        return [run for run in self.runs if run.alive]
