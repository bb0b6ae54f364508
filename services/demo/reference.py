"""What the reference model makes of the script, by the rule set that is published.

The model (`tests/model`) shares no line with the engine, and it lies with the tests because it judges: it is
no part of what is installed. So it is imported here alone and only when a demo asks, from the checkout that
the demo runs in; where it is missing, the demo does not run.

The clock goes as the driver moves it. It comes to T, and what is due at T is done; then come the events of T
in the order of the script. What follows from each is done before the next: the engine's own events
(hand-overs) come in as it writes them, a mail that is asked for is sent, and the sender's word on it comes
back, all at T.

The rules are activated at the first instant, before the history: `tetik triggers publish` goes by the demo's
clock. Each person, with her devices, has a model of her own, of one partition: nothing that is compared
depends on where she lives or on what others do, and a model looks through all its customers at every step.
Codes of a pool are given out by partition, but what is compared of an offer is its mail's template, not its
code; so each model has the pools to itself.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.event import OFFER_CODES
from schemas.ids import feedback_event_id
from schemas.instants import Instant, format_instant, parse_instant
from schemas.keys import customer_key, ids_of_key
from schemas.records import EventRecord
from schemas.rule_set import RuleSet
from services.demo.errors import ModelMissing
from services.demo.expected import Expectation, ExpectedDecision, ExpectedEvent, ExpectedMail
from services.demo.notices import notices_of
from services.demo.script import MONDAY, ScriptedEvent, by_person, moments
from services.publish import rules_marker

if TYPE_CHECKING:
    from tests.model.model import Model
    from tests.model.turn import Expected, Request

CODES_A_PERSON = 20
CHECKOUT = Path(__file__).resolve().parents[2]


def expect(
    script: Sequence[ScriptedEvent],
    rule_set: RuleSet,
    until: Instant,
    *,
    one_by_one: bool = True,
    note: Callable[[int, int], None] = lambda played, people: None,
) -> Expectation:
    """What must happen before `until`; the events are in the order of their instants. `note` is told how many
    of the people have been played.

    Unless `one_by_one`, what follows from the events of an instant is done behind all of them. The demo's
    services are free to do either, so a script must come to the same both ways. Raises ModelMissing.
    """
    model_class = _model_class()
    decisions: list[ExpectedDecision] = []
    mails: dict[str, ExpectedMail] = {}
    taken_back: list[str] = []
    hand_overs: list[ExpectedEvent] = []
    script = [event for event in script if event.at < until]
    codes = [_record(_a_few(event)) for event in script if event.type == OFFER_CODES]
    notices = notices_of(script, rule_set)
    model = model_class({rule_set.digest: rule_set}, horizon=until)
    people = by_person(sorted([*notices, *script], key=lambda event: event.at))
    for number, hers in enumerate(people):
        note(number, len(people))
        play = _Play(model.of_the_same_rules())
        play.pass_time(MONDAY)
        for record in (rules_marker(rule_set.digest, 0, 0, MONDAY), *codes):
            play.event(record)
        play.script(hers, one_by_one=one_by_one)
        play.pass_time(until - 1)
        decisions += play.decisions
        mails |= play.mails
        taken_back += play.taken_back
        hand_overs += play.hand_overs
    return Expectation(rule_set.digest, MONDAY, decisions, mails, taken_back, hand_overs, notices)


def _a_few(codes: ScriptedEvent) -> ScriptedEvent:
    """Of a pool's codes as many as one person could be given: each has the pools to herself."""
    told = codes.properties
    return replace(codes, properties={**told, "codes": told["codes"][:CODES_A_PERSON]})


def require_model() -> None:
    """Raises ModelMissing, which says what is missing and how to get it."""
    _model_class()


def _model_class() -> "type[Model]":
    with _checkout_first():
        try:
            from tests.model.model import Model
        except ImportError as error:
            raise ModelMissing(_what_is_missing(error.name or str(error))) from error
    return Model


def _what_is_missing(name: str) -> str:
    if name.partition(".")[0] == "tests":
        return (
            "The demo is checked against the reference model, which is in the repository (tests/model) and "
            "not in the installed package: clone the repository and say `make demo` there."
        )
    return (
        f"The reference model, which the demo is checked against, needs {name}, and that is not installed: "
        "say `make setup` in the checkout, or pip install -e '.[dev]'."
    )


@contextmanager
def _checkout_first() -> Iterator[None]:
    """Of what is called `tests`, the checkout's: other packages leave theirs beside the installed ones."""
    sys.path.insert(0, str(CHECKOUT))
    try:
        yield
    finally:
        sys.path.remove(str(CHECKOUT))


class _Play:
    """The model at work on one person's script, and what has come of it."""

    def __init__(self, model: "Model") -> None:
        self._model = model
        self._now: Instant = 0
        self._offset = 0
        self._answered = 0
        self._delivered = 0
        self.decisions: list[ExpectedDecision] = []
        self.mails: dict[str, ExpectedMail] = {}
        self.taken_back: list[str] = []

    def script(self, events: Sequence[ScriptedEvent], *, one_by_one: bool) -> None:
        """Each event at its instant."""
        for moment in moments(events):
            self.pass_time(moment.at)
            for event in moment.events:
                self.event(_record(event))
                if one_by_one:
                    self.settle()
            self.settle()

    def pass_time(self, to: Instant) -> None:
        """Everything that falls due until then, `to` included, each thing at its own instant."""
        while (due := self._model.next_due(0)) is not None and due <= to:
            self._now = max(self._now, due)
            self.settle()
        self._now = to

    def event(self, record: EventRecord) -> None:
        """One event at the present instant."""
        self._model.event(0, self._offset, record, self._now)
        self._offset += 1
        self._note()

    def settle(self) -> None:
        """What is due, what follows from it and so on, until nothing is left to do at the present instant."""
        while True:
            if (due := self._model.next_due(0)) is not None and due <= self._now:
                self._model.time(0, self._now, self._now)
                self._note()
            following = [*self._written(), *self._heard_of()]
            if not following:
                return
            for record in following:
                self.event(record)

    @property
    def hand_overs(self) -> list[ExpectedEvent]:
        """What the engine has to write for other keys."""
        return [_expected_event(each.record) for each in self._model.hand_overs]

    def _note(self) -> None:
        """The decisions that have just been made were made now."""
        for each in self._model.decisions[len(self.decisions) :]:
            self.decisions.append(_expected_decision(each, self._now))

    def _written(self) -> list[EventRecord]:
        """What the engine has written for other keys since it was last asked for."""
        since, self._delivered = self._delivered, len(self._model.hand_overs)
        return [each.record for each in self._model.hand_overs[since:]]

    def _heard_of(self) -> list[EventRecord]:
        """The sender's word on each mail that was asked for since. What has left is not taken back."""
        since, self._answered = self._answered, len(self._model.requests)
        asked_for = self._model.requests[since:]
        self.taken_back += [each.send_id for each in asked_for if each.action == "cancel"]
        mails = [self._mail(each) for each in asked_for if each.action == "send"]
        self.mails.update((mail.send_id, mail) for mail in mails)
        return [_feedback(mail) for mail in mails]

    def _mail(self, request: "Request") -> ExpectedMail:
        """By the decision that asked for it, one of the last."""
        by = next(
            each
            for each in reversed(self.decisions)
            if each.send_id == request.send_id and each.outcome == "fired"
        )
        assert by.step is not None, "a mail is a step"
        return ExpectedMail(
            send_id=request.send_id,
            trigger_id=by.trigger_id,
            customer_key=by.customer_key,
            occasion=by.occasion,
            step=by.step,
            template=request.template,
            variant=request.variant,
            to=request.to,
            expires_at=request.expires_at,
            decided_at=by.decided_at,
        )


def _expected_decision(made: "Expected", now: Instant) -> ExpectedDecision:
    return ExpectedDecision(
        trigger_id=made.trigger_id,
        customer_key=made.customer_key,
        occasion=made.occasion,
        step=made.step,
        attempt=made.attempt,
        outcome=made.outcome,
        variant=made.variant,
        occurred_at=made.occurred_at,
        due_at=made.due_at,
        decided_at=now,
        send_id=made.send_id,
    )


def _expected_event(record: EventRecord) -> ExpectedEvent:
    key = customer_key(record.customer_id, record.anonymous_id)
    assert key is not None, "the engine writes for customers alone"
    return ExpectedEvent(
        event_id=record.event_id,
        type=record.type,
        key=key,
        occurred_at=parse_instant(record.occurred_at),
        received_at=parse_instant(record.received_at),
    )


def _record(event: ScriptedEvent) -> EventRecord:
    """As ingest writes it: it arrives when it is sent."""
    return EventRecord(
        event_id=event.event_id,
        type=event.type,
        occurred_at=format_instant(event.occurred_at),
        received_at=format_instant(event.at),
        source=event.path,
        customer_id=event.customer_id,
        anonymous_id=event.anonymous_id,
        properties=event.properties,
        backfill=event.backfill,
    )


def _feedback(mail: ExpectedMail) -> EventRecord:
    """As the sender writes it, but for the relay's answer, which is the relay's own."""
    at = format_instant(mail.decided_at)
    customer_id, anonymous_id = ids_of_key(mail.customer_key)
    return EventRecord(
        event_id=feedback_event_id(mail.send_id, "sent", 1),
        type="email_sent",
        occurred_at=at,
        received_at=at,
        source="sender",
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        properties={
            "send_id": mail.send_id,
            "trigger_id": mail.trigger_id,
            "step": mail.step,
            "status": "sent",
        },
    )
