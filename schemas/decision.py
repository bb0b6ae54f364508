"""`Decision`: what the engine decided for one customer and why (topic `tetik.triggers`)."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.contract import Contract, Identifier, JsonObject
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

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: CauseKind
    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=-1)]
    event_id: str | None = None


class Decision(Contract):
    """One decision. `attempt` counts the runs of the step's checks, from 1; 0: the whole run."""

    schema_name: ClassVar[str] = "decision"

    decision_id: Identifier
    trigger_id: str
    trigger_version: str
    rules_digest: str
    customer_key: str
    occasion: str
    step: str | None = None
    attempt: Annotated[int, Field(ge=0)] = 0
    outcome: Outcome
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    facts: JsonObject = Field(default_factory=dict)
    segments: list[str] = Field(default_factory=list)
    variant: str | None = None
    send_id: str | None = None
    occurred_at: WireInstant
    due_at: WireInstant | None = None
    decided_at: WireInstant
    cause: Cause
