"""Plays events and the passing of time through a partition of the engine, in virtual time.

It is the engine's own `Partition`, so what a story sees is what production does: the same step function,
the same order of wake-ups and events. The rest of the system is played here: what one customer hands over
to another comes back as an event, and a mail is sent at once unless it is held.
"""

from dataclasses import dataclass

import msgspec

from schemas.event import OFFER_CODES
from schemas.ids import offer_codes_event_id, stable_hash
from schemas.instants import Instant, format_instant, parse_instant
from schemas.keys import customer_key
from schemas.records import DecisionRecord, EmailRequestRecord, EventRecord, encode_record
from schemas.topics import EVENTS
from sender.core.outcomes import FEEDBACK_TYPES, Outcome, feedback_of
from services.triggers.story import Happens, MailOutcome
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import Rules

EVENTS_MAX = 100_000
"""Applied in one story, those that the engine makes itself too: a ring of events must end."""


class StoryRunsAway(RuntimeError):
    """The story makes more events than can be meant."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision at an instant, with the mail that was requested by it."""

    at: Instant
    decision: DecisionRecord
    request: EmailRequestRecord | None


@dataclass(frozen=True, slots=True)
class Noted:
    """A line of the timeline that is no decision: an event, or one that could not be used."""

    at: Instant
    text: str


class Player:
    """A partition of its own. `decided` and `timeline` grow; time only goes on."""

    def __init__(self, rules: Rules, start_at: Instant, *, mails_held: bool) -> None:
        self.decided: list[Decided] = []
        self.timeline: list[Decided | Noted] = []
        self.rejected: list[str] = []
        self.now = start_at
        self._mails_held = mails_held
        self._partition = Partition(0, {}, PartitionRecord(), rules, {})
        self._offset = 0
        self._requests: list[EmailRequestRecord] = []

    def take_in(self, pool: str, codes: tuple[str, ...]) -> None:
        """Codes for offers, as an import writes them; there may be none."""
        if codes:
            moment = format_instant(self.now)
            properties = {"pool": pool, "codes": list(codes)}
            event_id = offer_codes_event_id(pool, codes)
            self._apply(EventRecord(event_id, OFFER_CODES, moment, moment, "story", properties=properties))

    def pass_time(self, until: Instant) -> None:
        """Let everything fall due that is due at or before `until`, each at its own time."""
        while (due_at := self._partition.timers.next_due_at) <= until:
            self.now = max(self.now, due_at)
            self._partition.fire_due(due_at, self.now)
            self._settle()
        self.now = max(self.now, until)

    def happen(self, event: Happens) -> None:
        """An event. What is due at this very instant comes after it, as on the log."""
        self.pass_time(event.at - 1)
        self.now = event.at
        late = "" if event.occurred_at == event.at else f" (happened at {format_instant(event.occurred_at)})"
        whom = customer_key(event.customer_id, event.anonymous_id)
        shown = " ".join(f"{name}={value}" for name, value in event.properties.items())
        self.timeline.append(Noted(self.now, f"event {event.type} of {whom} {shown}{late}".strip()))
        self._apply(
            EventRecord(
                event_id=event.event_id or f"story-{self._offset}",
                type=event.type,
                customer_id=event.customer_id,
                anonymous_id=event.anonymous_id,
                occurred_at=format_instant(event.occurred_at),
                received_at=format_instant(event.at),
                source="story",
                properties=event.properties,
                context=event.context,
                backfill=event.backfill,
            )
        )

    def request_of(self, mail: str) -> EmailRequestRecord | None:
        """The last mail that was requested under this step or template, if there is one."""
        found = (each for each in reversed(self._requests) if mail in (each.step, each.template))
        return next(found, None)

    def become(
        self, request: EmailRequestRecord, outcome: MailOutcome, properties: dict[str, object]
    ) -> None:
        """What became of a mail, as the sender tells it."""
        self.timeline.append(Noted(self.now, f"the mail {request.step} is {outcome}"))
        status = outcome if outcome in FEEDBACK_TYPES else "sent"
        event = feedback_of(
            Outcome(
                send_id=request.send_id,
                customer_key=request.customer_key,
                trigger_id=request.trigger_id,
                step=request.step,
                status=status,
                reason="told by the story",
                attempt=1,
                occurred_at=self.now,
            )
        )
        if outcome != status:  # it concerns a mail that was sent
            event = msgspec.structs.replace(
                event,
                type=f"email_{outcome}",
                event_id=stable_hash(request.send_id, outcome, str(self._offset)),
            )
        self._apply(msgspec.structs.replace(event, properties={**event.properties, **properties}))

    def _apply(self, event: EventRecord) -> None:
        """Append to the log and apply; then whatever that gives rise to."""
        if self._offset >= EVENTS_MAX:
            raise StoryRunsAway(f"more than {EVENTS_MAX} events in one story")
        key = customer_key(event.customer_id, event.anonymous_id)
        raw_key = None if key is None else key.encode()
        offset, self._offset = self._offset, self._offset + 1
        while not self._partition.apply_record(EVENTS, offset, raw_key, encode_record(event), self.now):
            self._settle()
        self._settle()

    def _settle(self) -> None:
        """Make the flush durable, and let the rest of the system answer it."""
        flush = self._partition.take_flush()
        self._partition.committed(flush)
        records = [effect.record for effect in flush.effects]
        requests = [record for record in records if isinstance(record, EmailRequestRecord)]
        sends = {request.send_id: request for request in requests if request.action == "send"}
        for rejected in flush.rejected:
            self.rejected.append(rejected.reason)
            self.timeline.append(Noted(self.now, f"REJECTED: {rejected.reason}"))
        for record in records:
            if isinstance(record, DecisionRecord):
                request = sends.get(record.send_id or "") if record.outcome == "fired" else None
                self._note(Decided(parse_instant(record.decided_at), record, request))
        self._requests += sends.values()
        for record in records:
            if isinstance(record, EventRecord):
                self._apply(record)
        if not self._mails_held:
            for request in sends.values():
                self.become(request, "sent", {})

    def _note(self, decided: Decided) -> None:
        self.decided.append(decided)
        self.timeline.append(decided)
