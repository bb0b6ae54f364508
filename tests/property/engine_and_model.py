"""Drives the engine's partition and the reference model side by side over one log, and compares them.

Both read the same records in order and hear the same time; what the engine writes for other customers
(hand-overs, erasures of devices) goes to the log of both. A difference names the moves that led to it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.instants import format_instant, parse_instant
from schemas.records import DecisionRecord, EmailRequestRecord, EventRecord, encode_record
from schemas.rule_set import RuleSet
from schemas.topics import EVENTS
from tests.model.model import Model
from tests.model.turn import Expected, Request
from trigger_engine.core.effects import Decide, Effect, HandOver
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import NO_RULES, Rules, load_rules

SWEEP_SLICE = 2
NEVER = 2**62


class Differ(AssertionError):
    """Engine and model do not say the same."""


class SideBySide:
    """One partition under rule sets that markers activate."""

    def __init__(self, rule_sets: Sequence[RuleSet], start: int) -> None:
        self.rule_sets = list(rule_sets)
        self.model = Model({one.digest: one for one in rule_sets})
        self.partition = Partition(0, {}, PartitionRecord(), NO_RULES, {})
        self.now = start
        self.offset = 0
        self.moves: list[str] = []
        self.engine_decisions: list[Expected] = []
        self.engine_requests: list[Request] = []
        self.open_mails: list[EmailRequestRecord] = []
        self._compiled: dict[str, Rules] = {}
        self._compared = [0, 0]
        self._hand_overs: list[EventRecord] = []
        self._engine_hand_overs: Counter[tuple[str, str]] = Counter()

    def activate(self, number: int) -> None:
        """The marker of a rule set."""
        digest = self.rule_sets[number].digest
        self.event(
            EventRecord(
                event_id=f"marker-{self.offset}",
                type="rules_activated",
                occurred_at=format_instant(self.now),
                received_at=format_instant(self.now),
                source="publish",
                properties={"digest": digest},
            )
        )

    def event(self, record: EventRecord) -> None:
        """A record of the log, at the present time; then what the engine wrote comes in."""
        self._one(record)
        while self._hand_overs:
            self._one(self._hand_overs.pop(0))

    def _one(self, record: EventRecord) -> None:
        ids = f"{record.customer_id or ''}/{record.anonymous_id or ''}"
        self.moves.append(
            f"{format_instant(self.now)} event {self.offset} {record.event_id} {record.type} of {ids}"
            f" at {record.occurred_at} received {record.received_at} {record.properties or ''}"
            f"{' backfill' if record.backfill else ''}"
        )
        value = encode_record(record)
        rules = self.partition.activates_rules(value)
        if not self.partition.apply_record(EVENTS, self.offset, None, value, self.now):
            raise Differ("more wake-ups than fit one slice")
        self._flush()
        if rules is not None:
            self.partition.activate(self._rules_of(rules))
            while self.partition.sweep(self.now, SWEEP_SLICE):
                self._flush()
        self.model.event(0, self.offset, record, self.now)
        self.offset += 1
        self._compare()

    def pass_time(self, until: int) -> None:
        """Everything that falls due until then, each thing at its own time."""
        self.moves.append(f"time passes until {format_instant(until)}")
        while True:
            model_due = self.model.next_due(0)
            due = min(self.partition.timers.next_due_at, NEVER if model_due is None else model_due)
            if due > until:
                break
            self.now = max(self.now, due)
            self._fire_due(due)
            self.model.time(0, due, self.now)
            self._compare()
        self.now = max(self.now, until)

    def look_away(self, until: int) -> None:
        """Time passes and nobody looks: what fell due comes with the next event, or the next time."""
        self.moves.append(f"nobody looks until {format_instant(until)}")
        self.now = max(self.now, until)

    def wake(self) -> None:
        """Everything that is overdue is handed in now."""
        self.moves.append(f"everything due is handed in at {format_instant(self.now)}")
        self._fire_due(self.now)
        self.model.time(0, self.now, self.now)
        self._compare()

    def _fire_due(self, until: int) -> None:
        try:
            self.partition.fire_due(until, self.now)
        except RuntimeError as error:
            raise Differ(self._story(f"the engine fails: {error}")) from error
        self._flush()

    def _rules_of(self, digest: str) -> Rules:
        if digest not in self._compiled:
            rule_set = next(one for one in self.rule_sets if one.digest == digest)
            self._compiled[digest] = load_rules(rule_set, list(self._compiled.values()))
        return self._compiled[digest]

    def _flush(self) -> None:
        flush = self.partition.take_flush()
        if flush.rejected:
            raise Differ(self._story(f"the engine rejected an input: {flush.rejected}"))
        for effect in flush.effects:
            self._note(effect)
        self.partition.committed(flush)

    def _note(self, effect: Effect) -> None:
        if isinstance(effect, Decide):
            self.engine_decisions.append(expected_of(effect.record))
        elif isinstance(effect, HandOver):
            self._hand_overs.append(effect.record)
            ids = (effect.record.event_id, effect.record.type)
            self._engine_hand_overs[ids] += 1
        else:
            self.engine_requests.append(request_of(effect.record))
            if effect.record.action == "send":
                self.open_mails.append(effect.record)

    def _compare(self) -> None:
        pairs: Iterable[tuple[str, Sequence[Any], Sequence[Any], int]] = (
            ("decisions", self.engine_decisions, self.model.decisions, 0),
            ("requests", self.engine_requests, self.model.requests, 1),
        )
        for name, engine, model, place in pairs:
            since = self._compared[place]
            only_engine = Counter(engine[since:]) - Counter(model[since:])
            only_model = Counter(model[since:]) - Counter(engine[since:])
            if only_engine or only_model:
                raise Differ(self._story(f"{name} differ", only_engine, only_model))
            self._compared[place] = len(model)
        written = Counter((one.event_id, one.type) for one in self.model.hand_overs)
        if written != self._engine_hand_overs:
            raise Differ(
                self._story(
                    "hand-overs differ", self._engine_hand_overs - written, written - self._engine_hand_overs
                )
            )

    def _story(self, what: str, engine: Iterable[Any] = (), model: Iterable[Any] = ()) -> str:
        told = [what, *(f"  only the engine: {shown(one)}" for one in engine)]
        told += [f"  only the model: {shown(one)}" for one in model]
        return "\n".join([*told, *(f"  {move}" for move in self.moves)])


def shown(value: Any) -> str:
    """A decision in one line, instants readable."""
    if not isinstance(value, Expected):
        return str(value)
    due = None if value.due_at is None else format_instant(value.due_at)
    what = f"{value.outcome} {value.trigger_id}/{value.step}#{value.attempt} {value.occasion!r}"
    whom = f"of {value.customer_key} variant {value.variant}"
    when = f"occurred {format_instant(value.occurred_at)} due {due}"
    by = f"version {value.trigger_version} rules {value.rules_digest}"
    return f"{what} {whom} {when} {by} mail {value.send_id} id {value.decision_id}"


def expected_of(record: DecisionRecord) -> Expected:
    """The engine's decision as the model puts it."""
    return Expected(
        trigger_id=record.trigger_id,
        trigger_version=record.trigger_version,
        rules_digest=record.rules_digest,
        customer_key=record.customer_key,
        occasion=record.occasion,
        step=record.step,
        attempt=record.attempt,
        outcome=record.outcome,
        variant=record.variant,
        send_id=record.send_id,
        occurred_at=parse_instant(record.occurred_at),
        due_at=None if record.due_at is None else parse_instant(record.due_at),
        decision_id=record.decision_id,
    )


def request_of(record: EmailRequestRecord) -> Request:
    """The engine's request as the model puts it."""
    sends = record.action == "send"
    return Request(
        send_id=record.send_id,
        action=record.action,
        template=record.template if sends else None,
        variant=record.variant,
        expires_at=parse_instant(record.expires_at) if sends and record.expires_at else None,
        to=record.to if sends else None,
    )
