"""Outcomes as Kafka records: an accepted event on the event log, a rejected one on the dead letters.

A change of the catalogue is two records: its entry, and the event that tells of it. The codes of a request
are spread over the partitions of the event log, an event for at most `EVENT_CODES_MAX` of one partition.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.core.dead_letters import dead_letter
from ingest.core.envelopes import Item
from ingest.core.outcomes import Accepted, Arrival, Catalogued, Limits, Outcome, Rejected, TakenCode
from schemas.dead_letter import DeadLetter
from schemas.event import OFFER_CODES, Event
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.ids import offer_codes_event_id
from schemas.keys import code_partition
from schemas.product import Product
from schemas.records import EventRecord, encode_record

WRITER = "/tetik/ingest"
EVENT_CODES_MAX = 500
BY_KEY = -1
"""The partition that Kafka's client finds by the key; any, without one."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record to append; without a value it deletes its key."""

    topic: str
    key: str | None
    value: bytes | None
    headers: KafkaHeaders
    partition: int = BY_KEY


@dataclass(frozen=True, slots=True)
class LogTopics:
    """Where events, dead letters and the catalogue's entries go."""

    events: str
    dead_letters: str
    products: str


def records_of(
    index: int, item: Item, outcome: Outcome, to: LogTopics, meant_for: str, arrival: Arrival, limits: Limits
) -> list[LogRecord]:
    """The records of the item at `index`, in the order to write them: of a code that is taken none yet.

    A dead letter names the topic that the item was `meant_for`; its `ce_subject` names the path it came by,
    which says how its value is to be read.
    """
    if isinstance(outcome, Catalogued):
        return [_entry(outcome, to), _event(outcome, to)]
    if isinstance(outcome, Accepted):
        return [_event(outcome, to)]
    if isinstance(outcome, TakenCode):
        return []
    return [_dead_letter(index, item, outcome, to, meant_for, arrival, limits)]


def code_records(
    codes: Sequence[TakenCode], partitions: int, to: LogTopics, arrival: Arrival
) -> list[LogRecord]:
    """The events that bring these codes to their partitions, each code once and in the order given."""
    shares: dict[tuple[str, int], list[str]] = defaultdict(list)
    for taken in dict.fromkeys(codes):
        shares[taken.pool, code_partition(taken.pool, taken.code, partitions)].append(taken.code)
    return [
        _codes_event(pool, share[start : start + EVENT_CODES_MAX], partition, to, arrival)
        for (pool, partition), share in sorted(shares.items())
        for start in range(0, len(share), EVENT_CODES_MAX)
    ]


def _codes_event(pool: str, codes: list[str], partition: int, to: LogTopics, arrival: Arrival) -> LogRecord:
    record = EventRecord(
        event_id=offer_codes_event_id(pool, codes),
        type=OFFER_CODES,
        occurred_at=arrival.received_text,
        received_at=arrival.received_text,
        source=arrival.source,
        properties={"pool": pool, "codes": codes},
    )
    headers = cloud_event_headers(Event, record_id=record.event_id, source=WRITER, time=arrival.received_at)
    return LogRecord(to.events, None, encode_record(record), headers, partition)


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
