"""What must come of a script, as plain values: what `reference` makes of it and `check` compares with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.instants import Instant
from services.demo.script import ScriptedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDecision:
    """`step` is None for a decision on the whole run; `due_at` of the mail it is about; `send_id` of the mail
    that goes out by it."""

    trigger_id: str
    customer_key: str
    occasion: str
    step: str | None
    attempt: int
    outcome: str
    variant: str | None
    occurred_at: Instant
    due_at: Instant | None
    decided_at: Instant
    send_id: str | None = None

    @property
    def name(self) -> str:
        """What tells it from every other decision, for people."""
        return decision_name(self.trigger_id, self.occasion, self.step, self.outcome, self.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedMail:
    """A mail that is asked for, and so delivered and heard of, all at one instant."""

    send_id: str
    trigger_id: str
    customer_key: str
    occasion: str
    step: str
    template: str | None
    variant: str | None
    to: str | None
    expires_at: Instant | None
    decided_at: Instant

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.trigger_id} {self.occasion} {self.step}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedEvent:
    """An event that the engine writes for another key: a hand-over's, or one that an alias forwards."""

    event_id: str
    type: str
    key: str
    occurred_at: Instant
    received_at: Instant

    @property
    def name(self) -> str:
        """For people; an alias's copy has its original's id and type."""
        return hand_over_name(self.event_id, self.type, self.key)


@dataclass(frozen=True, slots=True)
class Expectation:
    """Everything, by the rule set of that digest, activated at `activated_at`. `mails` are by send_id;
    `taken_back` are those that the sender is asked not to send, of these; `notices` are what the engine tells
    of products."""

    rules_digest: str
    activated_at: Instant
    decisions: Sequence[ExpectedDecision] = ()
    mails: Mapping[str, ExpectedMail] = field(default_factory=dict)
    taken_back: Sequence[str] = ()
    hand_overs: Sequence[ExpectedEvent] = ()
    notices: Sequence[ScriptedEvent] = ()


def decision_name(trigger_id: str, occasion: str, step: str | None, outcome: str, attempt: int) -> str:
    """As `ExpectedDecision.name`; the first attempt, being the usual one, is not named."""
    again = f" (attempt {attempt})" if attempt > 1 else ""
    return f"{trigger_id} {occasion} {step or 'run'} {outcome}{again}"


def hand_over_name(event_id: str, type: str, key: str | None) -> str:
    """As `ExpectedEvent.name`."""
    return f"{type} {event_id} for {key}"
