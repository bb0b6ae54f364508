"""Outcomes as Kafka records: an accepted event on the event log, a rejected one on the dead letters."""

from dataclasses import dataclass

from ingest.core.dead_letters import dead_letter
from ingest.core.envelopes import Item
from ingest.core.outcomes import Accepted, Arrival, Limits, Outcome
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.headers import KafkaHeaders, cloud_event_headers

WRITER = "/tetik/ingest"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record to append; without a key any partition will do."""

    topic: str
    key: str | None
    value: bytes
    headers: KafkaHeaders


@dataclass(frozen=True, slots=True)
class LogTopics:
    """Where events and dead letters go."""

    events: str
    dead_letters: str


def record_of(
    index: int, item: Item, outcome: Outcome, to: LogTopics, arrival: Arrival, limits: Limits
) -> LogRecord:
    """The record of the event at `index`. A dead letter's `ce_subject` names the path it came by, which
    says how its value is to be read."""
    if isinstance(outcome, Accepted):
        headers = cloud_event_headers(
            Event, record_id=outcome.record.event_id, source=WRITER, time=outcome.occurred_at
        )
        return LogRecord(to.events, outcome.key, outcome.value, headers)
    headers = cloud_event_headers(
        DeadLetter, record_id=f"{arrival.request_id}-{index}", source=WRITER, time=arrival.received_at
    )
    headers.append(("ce_subject", arrival.path.encode()))
    return LogRecord(to.dead_letters, None, dead_letter(item, outcome, to.events, arrival, limits), headers)
