"""One call of `step`: what it is about, and the effects it has had so far."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from schemas.ids import decision_id
from schemas.instants import Instant, format_instant
from schemas.records import DecisionRecord
from trigger_engine.core.effects import Decide, Effect
from trigger_engine.core.inputs import Cause, EventInput
from trigger_engine.core.limits import REASON_LENGTH_MAX
from trigger_engine.core.rules import Rules, Trigger
from trigger_engine.core.state import CustomerState, PendingMail, Run
from trigger_engine.core.trim import fit_facts


@lru_cache(maxsize=16)
def _decided_at(now: Instant) -> str:
    """A batch has one `now`, so thousands of decisions write the same."""
    return format_instant(now)


class Turn:
    """`at` is the event time of what is decided: the event's `occurred_at`, or the wake-up's due time."""

    __slots__ = ("at", "cause", "effects", "now", "rules", "state")

    def __init__(self, rules: Rules, state: CustomerState, at: Instant, now: Instant, cause: Cause) -> None:
        self.rules = rules
        self.state = state
        self.at = at
        self.now = now
        self.cause = cause
        self.effects: list[Effect] = []

    def decide(
        self,
        about: Run | PendingMail,
        outcome: str,
        reason: str,
        *,
        step: str | None = None,
        attempt: int = 0,
        facts: Mapping[str, Any] | None = None,
        send_id: str | None = None,
        due_at: Instant | None = None,
    ) -> None:
        """Record a decision on a run as a whole (attempt 0), or on one `step` of it.

        `due_at`: the run's or the mail's own unless given. What conditions of the run raised since its last
        decision comes first in the facts.
        """
        due_at = about.due_at if due_at is None else due_at
        if isinstance(about, Run) and about.error:
            facts = {"error": about.error, **(facts or {})}
            about.error = ""
        self._record(
            about.trigger_id,
            about.trigger_version,
            about.occasion,
            outcome,
            reason,
            shadow=about.shadow,
            variant=about.variant,
            step=step,
            attempt=attempt,
            facts=facts,
            send_id=send_id,
            due_at=due_at,
        )

    def end(self, run: Run, outcome: str, reason: str, facts: Mapping[str, Any] | None = None) -> None:
        """End a run as a whole; `reason` is a sentence."""
        self.state.runs.remove(run)
        self.decide(run, outcome, reason, facts=facts)

    def note(self, trigger: Trigger, event: EventInput, outcome: str, reason: str) -> None:
        """A decision on an event that started or ended nothing.

        Its occasion is the event, so that each is told apart; it is said once, however
        many conditions fail.
        """
        occasion = f"{self.state.customer_key}/{event.event_id}"
        for effect in self.effects:
            if isinstance(effect, Decide) and effect.record.occasion == occasion:
                said = effect.record
                if said.trigger_id == trigger.id and said.outcome == outcome and said.step is None:
                    return
        facts = {"occurred_at": format_instant(self.at), "received_at": format_instant(event.received_at)}
        self.about(trigger, occasion, outcome, reason, facts)

    def about(
        self, trigger: Trigger, occasion: str, outcome: str, reason: str, facts: Mapping[str, Any]
    ) -> None:
        """A decision on a trigger for an occasion that has no run."""
        self._record(
            trigger.id, trigger.version, occasion, outcome, reason, shadow=trigger.shadow, facts=facts
        )

    def _record(
        self,
        trigger_id: str,
        version: str,
        occasion: str,
        outcome: str,
        reason: str,
        *,
        shadow: bool,
        variant: str | None = None,
        step: str | None = None,
        attempt: int = 0,
        facts: Mapping[str, Any] | None = None,
        send_id: str | None = None,
        due_at: Instant | None = None,
    ) -> None:
        segments = self.state.segments
        record = DecisionRecord(
            decision_id=decision_id(trigger_id, occasion, step, outcome, attempt, shadow=shadow),
            trigger_id=trigger_id,
            trigger_version=version,
            rules_digest=self.rules.digest,
            customer_key=self.state.customer_key,
            occasion=occasion,
            step=step,
            attempt=attempt,
            outcome=outcome,
            reason=reason[:REASON_LENGTH_MAX],
            facts=fit_facts(dict(facts)) if facts else {},
            segments=sorted(segments) if segments else [],
            variant=variant,
            send_id=send_id,
            occurred_at=format_instant(self.at),
            due_at=None if due_at is None else format_instant(due_at),
            decided_at=_decided_at(self.now),
            cause=self.cause,
        )
        self.effects.append(Decide(record))
