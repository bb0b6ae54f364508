"""`Decision`: what the engine decided for one customer and why (topic `tetik.triggers`)."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.contract import Contract, Count, Identifier, JsonObject, Offset, Reason
from schemas.instants import WireInstant

Outcome = Literal[
    "started",
    "fired",
    "rescheduled",
    "cancelling",
    "cancelled",
    "regret",
    "exited",
    "goal",
    "cooldown",
    "capped",
    "no_consent",
    "no_address",
    "suppressed",
    "held_out",
    "outranked",
    "superseded",
    "audience",
    "expired",
    "late",
    "shadow",
    "state_limit",
    "error",
]
CauseKind = Literal["event", "wake_up", "rules"]


class Cause(BaseModel):
    """The input that made the engine decide; for a wake-up, the last offset applied to the customer."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    kind: CauseKind
    """What came in: an event, a wake-up that fell due, or a change of rules."""
    topic: str
    """The topic that was read."""
    partition: Count
    """Its partition."""
    offset: Offset
    """The record's offset; for a wake-up, the last one applied to the customer (-1: none)."""
    event_id: str | None = None
    """The event's id, where the cause is one."""


class Decision(Contract):
    """One decision. `attempt` counts the runs of the step's checks, from 1; 0: the whole run."""

    schema_name: ClassVar[str] = "decision"

    decision_id: Identifier
    """hash(trigger, occasion, step, outcome, attempt): a repetition has the same id."""
    trigger_id: str
    """The trigger file's id."""
    trigger_version: str
    """The version of that file."""
    rules_digest: str
    """The rule set decided by: a record of `tetik.rules`."""
    customer_key: str
    """Whom it concerns: the customer id, or `anon:` and the anonymous id."""
    occasion: str
    """What the run is about, as one cart; the same occasion never runs twice."""
    step: str | None = None
    """The step of the trigger; null where the decision is on the whole run."""
    attempt: Count = 0
    """Which run of the step's checks, from 1; 0 for the whole run."""
    outcome: Outcome
    """What was decided."""
    reason: Reason
    """Why, in one readable sentence."""
    facts: JsonObject = Field(default_factory=dict)
    """The values that the evaluated conditions and checks read, at most 4 kB."""
    segments: list[str] = Field(default_factory=list)
    """The segments the customer was in."""
    variant: str | None = None
    """The experiment's arm."""
    send_id: str | None = None
    """The mail that was requested: joins `tetik.outbound` and `tetik.deliveries`."""
    occurred_at: WireInstant
    """When the thing decided on happened, in event time."""
    due_at: WireInstant | None = None
    """When the step was, or will be, due."""
    decided_at: WireInstant
    """The engine's clock when it decided."""
    cause: Cause
    """The input that made the engine decide."""
