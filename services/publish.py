"""Writing rules to the log: one validated set on `tetik.rules`, then a marker in every partition of events.

The set is written and acknowledged first, so that no partition can meet a marker before its set. The
marker's position in the log is the moment the rules change, for the live engine and for every re-run.

A repeated publish of the set that is active is harmless: same digest, same marker ids, so that one that was
interrupted is completed by doing it again. A set that comes back after another one (a roll-back) is written
to `tetik.rules` again, where it is the last one then, and gets markers with ids of their own: a reader that
knows the ids of its first activation would else drop them as repetitions.
"""

from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from schemas.event import RULES_ACTIVATED, Event
from schemas.headers import cloud_event_headers
from schemas.ids import marker_event_id
from schemas.instants import Instant, format_instant
from schemas.records import EventRecord, encode_record
from schemas.rule_set import RuleSet
from schemas.topics import EVENTS, RULES, all_topics
from services.triggers.folder import LIBRARY, TEMPLATES, PublishRefused, read_rule_set
from services.triggers.published import read_published

__all__ = ["LIBRARY", "TEMPLATES", "PublishRefused", "Published", "publish", "read_rule_set"]

SOURCE = "/tetik/publish"
RECORD_BYTES_DEFAULT = 2**20


@dataclass(frozen=True, slots=True)
class Published:
    """What was published: the set's digest and what it holds."""

    digest: str
    trigger_ids: tuple[str, ...]
    template_names: tuple[str, ...]


async def publish(
    kafka: str, rule_set: RuleSet, partitions: int, now: Instant, *, check_crcs: bool = True
) -> Published:
    """Write the set, then the markers; returns when the broker has acknowledged all of it.

    Raises TopicsMissing, and what aiokafka raises; then it is to be done again.
    """
    there = await read_published(kafka, check_crcs=check_crcs)
    active = there.active
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka,
        acks="all",
        enable_idempotence=True,
        max_request_size=all_topics()[RULES].record_bytes_max or RECORD_BYTES_DEFAULT,
    )
    try:
        await producer.start()
        if active is not None and active.digest == rule_set.digest:
            set_offset = there.last_offset
        else:
            set_offset = await _write_set(producer, rule_set, now)
        for partition in range(partitions):
            marker = rules_marker(rule_set.digest, partition, set_offset, now)
            await producer.send_and_wait(
                EVENTS,
                encode_record(marker),
                partition=partition,
                headers=cloud_event_headers(Event, record_id=marker.event_id, source=SOURCE, time=now),
            )
    finally:
        await producer.stop()
    return Published(
        rule_set.digest,
        tuple(str(trigger["id"]) for trigger in rule_set.triggers),
        tuple(template.name for template in rule_set.templates),
    )


async def _write_set(producer: AIOKafkaProducer, rule_set: RuleSet, now: Instant) -> int:
    written = await producer.send_and_wait(
        RULES,
        rule_set.model_dump_json().encode(),
        key=rule_set.digest.encode(),
        partition=0,  # its only one; the broker in the wheel makes more, and readers read this one
        headers=cloud_event_headers(RuleSet, record_id=rule_set.digest, source=SOURCE, time=now),
    )
    return int(written.offset)


def rules_marker(digest: str, partition: int, set_offset: int, now: Instant) -> EventRecord:
    """The marker that activates a set in a partition; `set_offset`: where the set stands on `tetik.rules`."""
    return EventRecord(
        event_id=marker_event_id(digest, partition, set_offset),
        type=RULES_ACTIVATED,
        occurred_at=format_instant(now),
        received_at=format_instant(now),
        source="publish",
        properties={"digest": digest},
    )
