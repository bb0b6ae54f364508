"""Outcomes as Kafka records: an accepted event on the event log, a rejected one on the dead letters.

A change of the catalogue is two records: its entry, and the event that tells of it.
"""

from dataclasses import dataclass

from ingest.core.dead_letters import dead_letter
from ingest.core.envelopes import Item
from ingest.core.outcomes import Accepted, Arrival, Catalogued, Limits, Outcome, Rejected
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.product import Product

WRITER = "/tetik/ingest"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record to append; without a key any partition will do, without a value it deletes its key."""

    topic: str
    key: str | None
    value: bytes | None
    headers: KafkaHeaders


@dataclass(frozen=True, slots=True)
class LogTopics:
    """Where events, dead letters and the catalogue's entries go."""

    events: str
    dead_letters: str
    products: str


def records_of(
    index: int, item: Item, outcome: Outcome, to: LogTopics, meant_for: str, arrival: Arrival, limits: Limits
) -> list[LogRecord]:
    """The records of the event or product at `index`, in the order to write them.

    A dead letter names the topic that the item was `meant_for`; its `ce_subject` names the path it came by,
    which says how its value is to be read.
    """
    if isinstance(outcome, Catalogued):
        return [_entry(outcome, to), _event(outcome, to)]
    if isinstance(outcome, Accepted):
        return [_event(outcome, to)]
    return [_dead_letter(index, item, outcome, to, meant_for, arrival, limits)]


def _event(outcome: Accepted, to: LogTopics) -> LogRecord:
    headers = cloud_event_headers(
        Event, record_id=outcome.record.event_id, source=WRITER, time=outcome.occurred_at
    )
    return LogRecord(to.events, outcome.key, outcome.value, headers)


def _entry(outcome: Catalogued, to: LogTopics) -> LogRecord:
    headers = cloud_event_headers(
        Product, record_id=outcome.record.event_id, source=WRITER, time=outcome.occurred_at
    )
    return LogRecord(to.products, outcome.key, outcome.entry, headers)


def _dead_letter(
    index: int, item: Item, outcome: Rejected, to: LogTopics, meant_for: str, arrival: Arrival, limits: Limits
) -> LogRecord:
    headers = cloud_event_headers(
        DeadLetter, record_id=f"{arrival.request_id}-{index}", source=WRITER, time=arrival.received_at
    )
    headers.append(("ce_subject", arrival.path.encode()))
    return LogRecord(to.dead_letters, None, dead_letter(item, outcome, meant_for, arrival, limits), headers)
