"""Which dead letters can be used after all, as what record, and what is to be done about the others. Pure.

Used again is an event, as it was but for `received_at`: the engine judges it anew, under the id and the
instant it always had. A state, an interest or a request for a mail belongs to a moment that has passed;
written again, it would undo what came since.
"""

from typing import NamedTuple

import msgspec

from schemas.event import Event
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.instants import Instant, format_instant
from schemas.keys import code_partition, record_key
from schemas.records import EventRecord, decode_event
from schemas.topics import EVENTS, INTERESTS, STATE_CHANGELOG
from services.dead_letters.letters import Letter
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.product_changes import ProductChange
from trigger_engine.core.reading import NewCodes, read_record

SOURCE = "/tetik/dead-letters"
REPLAY_OF = "ce_replayof"
"""Header of a record that was replayed: where it stood first."""


class Refused(NamedTuple):
    """A letter that cannot be replayed: why, and what to do instead."""

    why: str
    what_to_do: str


class Replayable(NamedTuple):
    """A letter that can: the event it holds, for whom, and where to. `occurred_at` is None of what is no
    customer's."""

    letter: Letter
    event: EventRecord
    customer: str | None
    occurred_at: Instant | None
    partition: int


_INGEST = Refused("ingest refused it, so it never was an event", "mend what sends it and send it again")
_SENDER = Refused(
    "the sender could not use it, and has reported its mail as failed",
    "mend the template or the request's cause; the trigger decides at its next occasion",
)
_INTEREST = Refused(
    "an interest belongs to its moment", "none: she is noted when she looks at the product again"
)
_STATE = Refused(
    "a customer's or a product's own state could not be used",
    "keep the letter: it holds the state's bytes for whoever mends the engine",
)
_MARKER = Refused("a marker belongs to its moment", "publish the rules again: tetik triggers publish")
_NOT_TEXT = Refused("it is no JSON", "mend what writes to the topic")
_OTHER_TOPIC = Refused("nothing of this topic can be replayed", "none")
_MOVED_CODES = Refused(
    "the partition count has changed since, and a code lives in one partition",
    "import the codes again: tetik import codes",
)


def judge(letter: Letter, partitions: int) -> Replayable | Refused:
    """What can be done with a letter where the events have so many partitions."""
    content = letter.content
    if content.stage != "engine":
        return _INGEST if content.stage == "ingest" else _SENDER
    if content.topic != EVENTS:
        return {INTERESTS: _INTEREST, STATE_CHANGELOG: _STATE}.get(content.topic, _OTHER_TOPIC)
    value = letter.value()
    try:
        value.decode()
        msgspec.json.decode(value)
    except ValueError:
        return _NOT_TEXT
    try:
        _, read = read_record((EVENTS, content.offset, letter.key, value), content.partition)
        event = decode_event(value)
    except ValueError as error:
        return Refused(f"it still cannot be used: {error}", "mend what writes it, or the engine")
    if isinstance(read, NewCodes):
        homes = {code_partition(read.pool, code, partitions) for code in read.codes}
        if homes != {content.partition}:
            return _MOVED_CODES
        return Replayable(letter, event, None, None, content.partition)
    key = _key_of(letter, event)
    if key is None or not isinstance(read, EventInput | ProductChange):
        return _MARKER
    home = partition_of(key, partitions)
    if isinstance(read, ProductChange):
        return Replayable(letter, event, None, None, home)
    return Replayable(letter, event, read.customer_key, read.occurred_at, home)


def _key_of(letter: Letter, event: EventRecord) -> bytes | None:
    """Under which key the record is written; codes and markers have none."""
    key = record_key(event.customer_id, event.anonymous_id, event.product_id)
    return letter.key if key is None else key.encode()


def record_of(chosen: Replayable, now: Instant) -> tuple[bytes | None, bytes, KafkaHeaders]:
    """The record to be written: as it was, received now."""
    fields = msgspec.json.decode(chosen.letter.value())
    fields["received_at"] = format_instant(now)
    headers = cloud_event_headers(Event, record_id=chosen.event.event_id, source=SOURCE, time=now)
    key = _key_of(chosen.letter, chosen.event)
    return key, msgspec.json.encode(fields), [*headers, (REPLAY_OF, str(chosen.letter.place).encode())]
