"""The sending policy: what is decided about a mail before and after each try, as values.

The order of the checks: expired, quiet hours, (rendered, claimed,) suppressed. Each is asked again at
every attempt. `Concluded` ends the request, `Held` postpones it.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from schemas.instants import Instant, format_instant
from sender.core.outcomes import Outcome
from sender.core.replies import Reply, ReplyClass, backoff_ms, classify, unreachable_backoff_ms
from sender.core.requests import Requested, SendRequest

SuppressionScope = Literal["all", "marketing"]


@dataclass(frozen=True, slots=True)
class Concluded:
    """The request has its outcome. `suppress` names the scope if the address may not be mailed again."""

    outcome: Outcome
    suppress: SuppressionScope | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Bring it up again at `due_at`.

    `tried`: a try was made and counts for the back-off. `stop_stream`: the relay refuses us, not this mail;
    stop asking for a while. `repeats`: the next try may be the mail's second copy; there is no third.
    """

    due_at: Instant
    reason: str
    tried: bool = True
    stop_stream: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No transaction took place: no connection, or it broke before the final dot. Nothing was sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The final dot went out and no answer came: the relay may have the mail or not."""

    reason: str


def check_before_sending(request: SendRequest, now: Instant, attempt: int) -> Concluded | Held | None:
    """Expiry and quiet hours; None means that it may go out now."""
    if now >= request.expires_at:
        reason = f"expired at {format_instant(request.expires_at)} before it could be sent"
        return Concluded(outcome_of(request, "expired", reason, attempt, now))
    for start, end in sorted(request.not_between):
        if start <= now < end:
            return Held(min(end, request.expires_at), f"quiet hours until {format_instant(end)}", tried=False)
    return None


def judge(
    request: SendRequest,
    answer: Reply | Unreachable | Unanswered,
    *,
    attempt: int,
    may_repeat: bool,
    now: Instant,
) -> Concluded | Held:
    """What follows from the answer to the `attempt`-th try. `may_repeat`: one retry if unanswered."""
    if isinstance(answer, Unreachable):
        return _hold(request, now + unreachable_backoff_ms(attempt), answer.reason)
    if isinstance(answer, Unanswered):
        if may_repeat:
            return Held(now, f"{answer.reason}; sent once more, byte for byte", repeats=True)
        return Concluded(outcome_of(request, "ambiguous", answer.reason, attempt, now))
    meaning = classify(answer)
    if meaning is ReplyClass.ACCEPTED:
        return Concluded(_replied(request, "sent", answer, attempt, now))
    if meaning is ReplyClass.INVALID_RECIPIENT:
        return Concluded(_replied(request, "failed", answer, attempt, now), suppress="all")
    if meaning is ReplyClass.REFUSED:
        return Concluded(_replied(request, "failed", answer, attempt, now))
    stop = meaning in (ReplyClass.POLICY, ReplyClass.CONFIGURATION)
    held = _hold(request, now + backoff_ms(attempt), f"{meaning}: {answer.describe()}")
    return Held(held.due_at, held.reason, stop_stream=stop)


def _hold(request: SendRequest, due_at: Instant, reason: str) -> Held:
    """Never beyond the expiry: then the outcome `expired` is due, and its report with it."""
    return Held(min(due_at, request.expires_at), reason)


def outcome_of(request: Requested, status: str, reason: str, attempt: int, now: Instant) -> Outcome:
    """An outcome that no relay had a part in."""
    return Outcome(
        send_id=request.send_id,
        customer_key=request.customer_key,
        trigger_id=request.trigger_id,
        step=request.step,
        status=status,
        reason=reason,
        attempt=attempt,
        occurred_at=now,
    )


def _replied(request: SendRequest, status: str, reply: Reply, attempt: int, now: Instant) -> Outcome:
    outcome = outcome_of(request, status, reply.describe(), attempt, now)
    return msgspec.structs.replace(outcome, smtp_code=reply.code, enhanced_code=reply.enhanced)
