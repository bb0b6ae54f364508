"""The life of a run up to its steps: what starts it, what belongs to it, what keeps it from starting.

Rules of this file:
- An event trigger with `wait` and no `once_per` has one live run at a time; matching events belong to it.
  Without `wait`, each event is its own occasion. With `once_per`, each value is.
- While a run has not mailed yet, each matching event restarts the wait (never shortens it).
- On an event, only steps due at the event itself are performed; whatever is due later, even if that is past
  already, waits for its wake-up, which comes only after the log has been read that far.
"""

from collections.abc import Mapping
from typing import Any

from schemas.instants import Instant, format_instant
from trigger_engine.core import occasions
from trigger_engine.core.cel import EvaluationError
from trigger_engine.core.conditions import Scene, text_of
from trigger_engine.core.endings import already_ended
from trigger_engine.core.experiments import assign
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import RUNS_MAX
from trigger_engine.core.patterns import EventPattern
from trigger_engine.core.program import Mail, Wait, of_variant
from trigger_engine.core.rules import Trigger
from trigger_engine.core.state import CustomerState, Happening, Run
from trigger_engine.core.steps import enter, perform
from trigger_engine.core.trim import keep
from trigger_engine.core.turn import Turn


def meet(turn: Turn, trigger: Trigger, event: EventInput) -> None:
    """An event of a type that starts `trigger`: start a run, restart its wait, or neither."""
    scene = Scene(turn.state, event, event, event.received_at)
    pattern = trigger.pattern
    assert isinstance(pattern, EventPattern), "thresholds are met elsewhere"
    if pattern.where is not None:
        try:
            if not pattern.where.holds(scene):
                return
        except EvaluationError as error:
            if event.backfill:
                return
            reason = f"its where could not be judged on {event.type}, which counts as false: {error.message}."
            turn.note(trigger, event, "error", reason)
            return
    value, warning = _occasion_value(trigger, scene)
    run = _live_run(turn.state, trigger, value)
    if run is not None:
        _restart(turn, run)
        return
    start = Happening(event.event_id, event.type, turn.at, event.properties, event.context)
    starting = _Starting(turn, trigger, start, event, scene, warning)
    if starting.may(event.event_id if value is None else value):
        facts = {} if pattern.where is None else pattern.where.facts(scene)
        starting.go(event.event_id if value is None else value, facts, fallback=value is None)


def begin(
    turn: Turn,
    trigger: Trigger,
    start: Happening,
    value: str,
    *,
    event: EventInput | None,
    now_for_conditions: Instant,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Start a run of a pattern that found its occasion, unless something keeps it from starting.

    `value` is the pattern's own occasion, which `once_per` overrides. `event`: the one that brought it about;
    None: a wake-up, for which lateness does not count.
    """
    scene = Scene(turn.state, start if event is None else event, start, now_for_conditions)
    own, warning = _occasion_value(trigger, scene)
    text = value if own is None else own
    starting = _Starting(turn, trigger, start, event, scene, warning)
    if starting.may(text):
        starting.go(text, facts or {}, fallback=own is None)


def missed(turn: Turn, trigger: Trigger, start: Happening, value: str) -> str | None:
    """The occasion that a start at a wake-up comes too late for; None if there was nothing to miss: it was
    met before, or an ending is known. `value` is the pattern's own, which `once_per` overrides."""
    scene = Scene(turn.state, start, start, turn.now)
    own, _ = _occasion_value(trigger, scene)
    text = value if own is None else own
    return None if _is_over(turn, trigger, start, text, scene.now) else text


def _is_over(turn: Turn, trigger: Trigger, start: Happening, value: str, now: Instant) -> bool:
    """Whether an ending is known at or after the start, or its occasion was met before."""
    if already_ended(turn, trigger, start, now):
        return True
    memory_ms = turn.rules.policy.occasion_memory_ms
    return occasions.known(turn.state, trigger.id, value, start.occurred_at, memory_ms)


class _Starting:
    """One start of one trigger: may it be, and then what it takes."""

    __slots__ = ("event", "scene", "start", "trigger", "turn", "warning")

    def __init__(
        self,
        turn: Turn,
        trigger: Trigger,
        start: Happening,
        event: EventInput | None,
        scene: Scene,
        warning: str,
    ) -> None:
        self.turn = turn
        self.trigger = trigger
        self.start = start
        self.event = event
        self.scene = scene
        self.warning = warning

    def may(self, value: str) -> bool:
        """Whether it starts; if so, the occasion is remembered from now on."""
        turn, trigger, event, at = self.turn, self.trigger, self.event, self.start.occurred_at
        if event is not None and event.backfill:
            return False
        if _is_over(turn, trigger, self.start, value, self.scene.now):
            return False
        if event is not None and event.received_at - turn.at > turn.rules.policy.lateness_ms:
            turn.note(trigger, event, "late", f"{event.type} arrived too late to start anything.")
            return False
        full = None
        if len(turn.state.runs) >= RUNS_MAX:
            full = f"the customer has {RUNS_MAX} live runs already"
        else:
            memory_ms = turn.rules.policy.occasion_memory_ms
            full = occasions.remember(turn.state, trigger.id, value, at, memory_ms)
        if full is None:
            return True
        reason = f"{self.start.type} started nothing: {full}."
        if event is not None:
            turn.note(trigger, event, "state_limit", reason)
        else:
            turn.about(trigger, f"{turn.state.customer_key}/{value}", "state_limit", reason, {})
        return False

    def go(self, value: str, facts: Mapping[str, Any], *, fallback: bool) -> None:
        """Begin the run, end what it supersedes, and perform what is due at once."""
        turn, trigger, start = self.turn, self.trigger, self.start
        at = start.occurred_at
        occasion = f"{turn.state.customer_key}/{value}"
        run = Run(trigger.id, trigger.version, occasion, start, 0, at, fallback)
        run.position = 0
        run.planned_at = run.last_planned_at = at
        run.shadow = trigger.shadow
        if trigger.marketing and (trigger.experiment is not None or turn.rules.policy.holdout):
            policy = turn.rules.policy
            run.held_out, run.variant = assign(turn.state, trigger.id, trigger.experiment, policy)
        if trigger.waits:
            run.due_at = at + _wait_ms(trigger, run)
        turn.state.runs.append(run)
        turn.decide(run, "started", self._reason(run), facts=self._facts(facts))
        if trigger.supersedes and not run.shadow:
            _supersede(turn, run, trigger.supersedes)
        if enter(turn, trigger, run, 0):
            perform(turn, run, at)
        # What stays in the state is cut only now: a mail that goes out at once shows the whole event.
        needed = trigger.reads_start or run in turn.state.runs
        start.properties = keep(start.properties) if needed else {}
        start.context = keep(start.context) if needed else {}

    def _reason(self, run: Run) -> str:
        due = format_instant(run.due_at)
        first = self.trigger.program.instructions[1 if self.trigger.waits else 0]
        what = f"{first.id} is due" if isinstance(first, Mail) else "its steps begin"
        return f"{self.start.type} started the run; {what} at {due}.{self.warning}"

    def _facts(self, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        once_per = self.trigger.once_per
        if once_per is None or self.warning:
            return facts
        return {**facts, **once_per.facts(self.scene)}


def _occasion_value(trigger: Trigger, scene: Scene) -> tuple[str | None, str]:
    """The value of `once_per`, or None and, if it should have given one, a warning for the reason."""
    if trigger.once_per is None:
        return None, ""
    source = trigger.once_per.source
    try:
        text = text_of(trigger.once_per.of(scene))
    except EvaluationError as error:
        return None, f" Warning: once_per gave nothing ({error.message}), so the default occasion counts."
    if text is None:
        return None, f" Warning: once_per ({source}) gave no value, so the default occasion counts."
    return text, ""


def _live_run(state: CustomerState, trigger: Trigger, value: str | None) -> Run | None:
    """The run that a matching event belongs to."""
    if value is None and not trigger.waits:
        return None
    for run in state.runs:
        if run.trigger_id == trigger.id and (run.fallback if value is None else state.value_of(run) == value):
            return run
    return None


def _restart(turn: Turn, run: Run) -> None:
    """The wait begins anew with each matching event; one that arrives out of order never shortens it.

    Not once the run has mailed or come past a goal: it does not go back.
    """
    version = turn.rules.trigger_of(run.trigger_id, run.trigger_version)
    if version is None or not version.waits or run.last_mail or turn.at <= run.last_planned_at:
        return
    if any(position < run.position for position, _ in version.program.goals):
        return
    run.planned_at = run.last_planned_at = turn.at
    run.held = run.was_held = False
    enter(turn, version, run, 0)


def _wait_ms(trigger: Trigger, run: Run) -> int:
    first = trigger.program.instructions[0]
    assert isinstance(first, Wait), "the trigger's wait is its first instruction"
    length_ms = of_variant(first.length_ms, run.variant)
    assert isinstance(length_ms, int), "of a map, one entry was taken"
    return length_ms


def _supersede(turn: Turn, started: Run, trigger_ids: tuple[str, ...]) -> None:
    for run in tuple(turn.state.runs):
        if run.trigger_id in trigger_ids and run is not started:
            turn.end(run, "superseded", f"a run of {started.trigger_id} takes its place.")
