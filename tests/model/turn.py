"""One input handed to one customer: who, by which rules, at which `now`, and what comes of it."""

from dataclasses import dataclass, field
from typing import Any

from schemas.ids import decision_id, stable_hash
from schemas.records import EventRecord
from tests.model import known
from tests.model.conditions import ConditionError, evaluate, holds
from tests.model.customer import Customer, Happening, Run
from tests.model.pools import Pools
from tests.model.reading import Rules, Trigger


@dataclass(frozen=True)
class Expected:
    """A decision that the engine must make. Instants in epoch milliseconds."""

    trigger_id: str
    trigger_version: str
    rules_digest: str
    customer_key: str
    occasion: str
    step: str | None
    attempt: int
    outcome: str
    variant: str | None
    send_id: str | None
    occurred_at: int
    due_at: int | None
    decision_id: str


@dataclass(frozen=True)
class Request:
    """A request to the sender; a cancellation has only its first two fields and the variant."""

    send_id: str
    action: str
    template: str | None
    variant: str | None
    expires_at: int | None
    to: str | None
    offer: tuple[str, str, int] | None = None
    """Its code, its value, and until when it is valid."""


@dataclass(frozen=True)
class HandOver:
    """An event that the engine has to write, keyed by another customer. `record` is how the model would
    write it; the state that the engine hands over is its own business, so it is not in there."""

    event_id: str
    type: str
    key: str
    record: EventRecord


@dataclass
class Results:
    """What the inputs so far led to, in order."""

    decisions: list[Expected] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    hand_overs: list[HandOver] = field(default_factory=list)


@dataclass
class Turn:
    """An input at work. `event` is the event at hand; at wake-ups and changes of rules there is none."""

    customer: Customer
    rules: Rules
    now: int
    results: Results
    pools: Pools
    event: Happening | None = None
    at: int = 0
    """When it happened: *at* of the event, the marker's time, the due time of a wake-up."""
    activated: int = 0
    """When the rules were activated in her partition."""
    since: int = 0
    """How many decisions there were before this input."""
    horizon: int | None = None
    """Flips of segments behind it are not looked for; None: all are."""

    @property
    def heard(self) -> int:
        """Section 2: `now` in conditions on an event is its arrival; at a wake-up it is the `now` given."""
        return self.now if self.event is None else self.event.received_at

    def known(
        self, run: Run | None = None, event: Happening | None = None, *, now: int | None = None
    ) -> dict[str, Any]:
        """The names that a condition reads: `event` where there is one, `start` and `answer` of a run."""
        names = known.context(self.customer, self.rules.policy, self.heard if now is None else now)
        if event is not None:
            names["event"] = known.of_event(event)
        return names if run is None else names | known.of_run(run)

    def holds(self, source: str | None, run: Run | None = None, event: Happening | None = None) -> bool:
        """Whether a condition is true; an error counts as false."""
        return source is None or holds(source, self.known(run, event))

    def clause_holds(
        self, trigger: Trigger, where: str | None, event: Happening, run: Run | None = None
    ) -> bool:
        """A condition on the event at hand. One without an answer counts as false; DESIGN section 3: it is
        recorded, as the decision `error` under the event, once for each trigger."""
        if where is None:
            return True
        try:
            return evaluate(where, self.known(run, event)) is True
        except ConditionError:
            if run is not None or not event.backfill:
                self._note_once(trigger, event, "error")
            return False

    def _note_once(self, trigger: Trigger, event: Happening, outcome: str) -> None:
        said = (trigger.id, f"{self.customer.key}/{event.id}", outcome)
        if said not in [(d.trigger_id, d.occasion, d.outcome) for d in self.results.decisions[self.since :]]:
            self.note(trigger, event.id, outcome, event.at)

    def step_holds(self, source: str | None, run: Run) -> bool:
        """A condition in a check or a step: its `now` is the `now` given, at an event too."""
        return source is None or holds(source, self.known(run, now=self.now))

    def value(self, source: str, run: Run | None = None) -> Any:
        """The value of an expression (of a step, where there is a run); None for an error."""
        try:
            return evaluate(source, self.known(run, now=None if run is None else self.now))
        except ConditionError:
            return None

    def value_of_due(self, source: str, due: dict[str, Any]) -> Any:
        """The value of a date's expression about something that runs out; None for an error."""
        try:
            return evaluate(source, known.context(self.customer, self.rules.policy, self.heard, due))
        except ConditionError:
            return None

    def step_value(self, source: str, run: Run) -> Any:
        """The value of an expression of a step. Raises ConditionError."""
        return evaluate(source, self.known(run, now=self.now))

    def decide(
        self,
        run: Run,
        outcome: str,
        occurred_at: int,
        due_at: int | None,
        *,
        step: str | None = None,
        attempt: int = 0,
        mail: str | None = None,
    ) -> None:
        """A decision on a run, or on one of its steps."""
        self._record(
            run.trigger,
            run.occasion,
            outcome,
            occurred_at,
            due_at,
            step=step,
            attempt=attempt,
            mail=mail,
            variant=run.variant,
            shadow=run.shadow,
        )

    def note(self, trigger: Trigger, value: str, outcome: str, at: int, *, due_at: int | None = None) -> None:
        """A decision on a start that led to no run."""
        occasion = f"{self.customer.key}/{value}"
        shadow = trigger.status == "shadow"
        self._record(trigger, occasion, outcome, at, due_at, shadow=shadow)

    def _record(
        self,
        trigger: Trigger,
        occasion: str,
        outcome: str,
        occurred_at: int,
        due_at: int | None,
        *,
        step: str | None = None,
        attempt: int = 0,
        mail: str | None = None,
        variant: str | None = None,
        shadow: bool = False,
    ) -> None:
        self.results.decisions.append(
            Expected(
                trigger_id=trigger.id,
                trigger_version=trigger.version,
                rules_digest=self.rules.digest,
                customer_key=self.customer.key,
                occasion=occasion,
                step=step,
                attempt=attempt,
                outcome=outcome,
                variant=variant,
                send_id=mail,
                occurred_at=occurred_at,
                due_at=due_at,
                decision_id=decision_id(trigger.id, occasion, step, outcome, attempt, shadow=shadow),
            )
        )


def value_or_hash(value: str) -> str:
    """Section 5: values over 256 characters are hashed."""
    return value if len(value) <= 256 else stable_hash(value)
