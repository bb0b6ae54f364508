"""The ledger's vocabulary: what a claim can answer.

The life of a mail in the ledger:

    (unclaimed) ──claim──► in_flight/claimed ──advance──► in_flight/dot ──finish──► sent, failed, ambiguous
         │                    │        ▲                       │
         │                  defer    claim (due)             defer (retry_once)
         │                    ▼        │                       │
         │                  deferred ──┘◄──────────────────────┘
         └──────cancel────────┴── (also from in_flight/claimed) ──────────────────► cancelled

Once a second try is allowed, whatever ends the mail without sending it is `ambiguous`, a cancel too
(`outcomes.after_silence`).

`claimed` covers MAIL, RCPT, DATA and the body without its final dot: until that dot a relay has accepted
nothing, so such a claim is taken over or cancelled without harm. `dot` begins before the dot is written
and ends with the relay's answer: a claim found in it is the one ambiguous case.
"""

from dataclasses import dataclass
from typing import Literal

from schemas.instants import Instant
from sender.core.outcomes import Outcome
from sender.core.policy import Concluded, SuppressionScope, outcome_of
from sender.core.requests import SendRequest


@dataclass(frozen=True, slots=True)
class Claimed:
    """The mail is ours until the lease ends. `attempt` numbers the try to come, from 1; `wire` are the bytes
    of the first try, to be sent again."""

    owner: str
    attempt: int
    repeated: bool
    wire: bytes
    suppressed_all: str | None = None
    suppressed_marketing: str | None = None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ours now, but its last owner fell silent after the final dot. `repeated`: for the second time."""

    owner: str
    attempt: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class Final:
    """It has its outcome already; `reported` says whether the topics know it."""

    outcome: Outcome
    reported: bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The ledger keeps it and will bring it up: held until a due instant, or in another owner's hands."""

    state: Literal["deferred", "busy"]
    due_at: Instant | None = None


ClaimAnswer = Claimed | Interrupted | Final | Elsewhere


def check_suppression(request: SendRequest, claim: Claimed, now: Instant) -> Concluded | None:
    """`all` stops every mail (dead mailbox, complaint), `marketing` only marketing (unsubscribed)."""
    reason = claim.suppressed_all
    scope: SuppressionScope = "all"
    if reason is None and request.kind == "marketing":
        reason, scope = claim.suppressed_marketing, "marketing"
    if reason is None:
        return None
    text = f"the address is suppressed for {scope} mail: {reason}"
    return Concluded(outcome_of(request, "suppressed", text, claim.attempt, now))
