"""Letters as they lie on the topic, which of them are asked for, and what was done with them before.

A replay leaves a note behind: a letter of the same place with `replayed_at`, written in one transaction with
the record. So a letter is replayed once, however often the command runs. A note counts for the letters before
it: the record may fail again, and is a new letter then.
"""

from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import ValidationError

from schemas.dead_letter import DeadLetter
from schemas.event import CUSTOMER_ERASED
from schemas.instants import Instant, instant_of, parse_instant
from schemas.keys import customer_key
from schemas.records import Malformed, decode_event
from schemas.topics import DEAD_LETTERS, EVENTS
from services.settings import ProcessSettings
from services.standstill import TopicsAmiss
from trigger_engine.adapters.kafka_log import KafkaLog


class Place(NamedTuple):
    """Where the record stood that a letter is about; offset -1: it never reached a topic."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


NO_LETTERS = "no dead letters"
NONE_MEANT = "none of {letters:,} dead letters is meant"


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter. `number` is its own offset on the topic of the letters."""

    number: int
    key: bytes | None
    content: DeadLetter

    @property
    def place(self) -> Place:
        """Where its record stood."""
        return Place(self.content.topic, self.content.partition, self.content.offset)

    @property
    def failed_at(self) -> Instant:
        """When it was put aside."""
        return instant_of(self.content.failed_at)

    def value(self) -> bytes:
        """The record itself."""
        content = self.content
        return b64decode(content.value) if content.value_encoding == "base64" else content.value.encode()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are asked for; what is None or empty asks for all."""

    stage: str | None = None
    topic: str | None = None
    reason: str | None = None
    since: Instant | None = None
    places: frozenset[Place] = frozenset()

    def includes(self, letter: Letter) -> bool:
        """Whether a letter is asked for."""
        content = letter.content
        return (
            self.stage in (None, content.stage)
            and self.topic in (None, content.topic)
            and (self.reason is None or self.reason.casefold() in content.reason.casefold())
            and (self.since is None or letter.failed_at >= self.since)
            and (not self.places or letter.place in self.places)
        )


@dataclass(slots=True)
class Past:
    """What is known of all letters before any of them is judged."""

    letters: int = 0
    unreadable: int = 0
    replayed: dict[Place, int] = field(default_factory=dict)
    """By place, the number of its last note."""
    erased: dict[str, Instant] = field(default_factory=dict)
    """By customer key, the erasures that are dead letters themselves."""

    def was_replayed(self, letter: Letter) -> bool:
        """Whether a note stands behind it."""
        return letter.number < self.replayed.get(letter.place, -1)

    def admit(self, letter: Letter) -> None:
        """Take a letter or a note into account."""
        if letter.content.replayed_at is not None:
            self.replayed[letter.place] = letter.number
            return
        self.letters += 1
        if letter.content.topic == EVENTS and CUSTOMER_ERASED in letter.content.value:
            note_erasure(self.erased, letter.value())


def note_erasure(erased: dict[str, Instant], value: bytes) -> None:
    """If an event erases somebody: whom, and as of when."""
    try:
        event = decode_event(value)
        at = parse_instant(event.occurred_at)
    except (Malformed, ValueError):
        return
    key = customer_key(event.customer_id, event.anonymous_id)
    if event.type == CUSTOMER_ERASED and key is not None:
        erased[key] = max(at, erased.get(key, at))


async def all_letters(
    settings: ProcessSettings, log: KafkaLog, told: Callable[[int, int], None], past: Past | None = None
) -> AsyncIterator[Letter]:
    """Letters and notes in their order, committed ones only. `told` how far it is, and how far it goes; those
    that cannot be read are counted in `past`. Raises TopicsAmiss, and what aiokafka raises."""
    if DEAD_LETTERS not in await log.describe((DEAD_LETTERS,)):
        raise TopicsAmiss(f"{DEAD_LETTERS} does not exist at {settings.kafka}: run tetik topics create")
    end = (await log.end_offsets(DEAD_LETTERS, [0]))[0]
    reader = await log.open_reader(DEAD_LETTERS, 0)
    try:
        async for records in reader.read_on():
            for record in records:
                try:
                    content = DeadLetter.model_validate_json(record.value or b"")
                except ValidationError:
                    if past is not None:
                        past.unreadable += 1
                    continue
                yield Letter(record.offset, record.key, content)
            told(await reader.position(), end)
    finally:
        await reader.close()


async def read_past(settings: ProcessSettings, log: KafkaLog, told: Callable[[int, int], None]) -> Past:
    """Read the topic once for what has to be known before."""
    past = Past()
    async for letter in all_letters(settings, log, told, past):
        past.admit(letter)
    return past
