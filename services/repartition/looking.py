"""What there is before a repartition, and behind it: topics, partition records, states, and what waits.

States are counted and summed up as they are read, one partition in memory at a time; what waits is held.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from schemas.event import OFFER_CODES
from schemas.topics import DELIVERIES, EVENTS, INTERESTS, OUTBOUND, PRODUCTS, STATE_CHANGELOG, TRIGGERS
from services.repartition.layout import Sum, home_of
from services.settings import ProcessSettings
from services.standstill import NotAtRest, Standing, TopicsAmiss, standing_of
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.log_port import EngineLog, TopicFacts
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.takeover import SOURCES, replaced_topics
from trigger_engine.core.customers import CustomersInMemory
from trigger_engine.core.flush import PartitionRecord
from trigger_engine.core.markers import activated_rules

GROWN_LAST = (PRODUCTS, INTERESTS, TRIGGERS, OUTBOUND, DELIVERIES, EVENTS)
"""Behind the changelog. The events come last: whoever finds them grown finds every lock."""
WAITING_MAX = 100_000
"""Records that no engine has applied, of all partitions: they become one transaction."""

Told = Callable[[str, int, int], None]
"""Hears what is done, how far it is and how far it goes."""


@dataclass(slots=True)
class Layout:
    """What there is, and what there is to be."""

    topics: dict[str, TopicFacts]
    standings: dict[int, Standing]
    target: int
    sum: Sum = field(default_factory=Sum)
    away: int = 0
    """How many states are not in the partition that they are to be in."""
    waiting: dict[str, dict[int, list[Any]]] = field(default_factory=dict)
    """By topic and partition, what no engine has applied yet."""
    ends: dict[str, dict[int, int]] = field(default_factory=dict)
    """By topic and partition, where what is committed ends."""
    written: dict[int, int] = field(default_factory=dict)
    """By partition, where the events end, open transactions included: who was killed may have left one."""

    @property
    def present(self) -> int:
        """Over how many partitions the states were laid out."""
        counts = [abs(standing.record.partitions) for standing in self.standings.values()]
        return max(counts, default=0) or self.topics[STATE_CHANGELOG].partitions

    @property
    def begun(self) -> bool:
        """Whether a repartition was cut off, or a topic was given partitions by other means."""
        locked = any(standing.record.partitions < 0 for standing in self.standings.values())
        return locked or any(facts.partitions != self.present for facts in self.topics.values())

    @property
    def waiting_count(self) -> int:
        """How many records no engine has applied."""
        return sum(len(records) for tails in self.waiting.values() for records in tails.values())

    @property
    def strays(self) -> int:
        """How many of them lie where their customer or product does not live."""
        return sum(
            record.key is not None and partition_of(record.key, self.target) != number
            for tails in self.waiting.values()
            for number, records in tails.items()
            for record in records
        )

    @property
    def controls(self) -> int:
        """How many of them change the rules or bring codes; those that come while it is locked stay in their
        partition."""
        return sum(_is_control(record) for tail in self.waiting[EVENTS].values() for record in tail)

    def keep(self, standing: Standing) -> None:
        """A partition as it is, but for its states: they are too many to be held."""
        standing.restored.products.clear()
        self.standings[standing.number] = replace(standing, customers=CustomersInMemory({}))

    def records(self) -> list[PartitionRecord]:
        """Those that an engine wrote."""
        return [standing.record for standing in self.standings.values() if standing.recorded]


async def look(settings: ProcessSettings, log: KafkaLog, target: int, told: Told) -> Layout:
    """Read the partition records, count the states, and find what waits. Raises TopicsAmiss, NotAtRest."""
    names = (STATE_CHANGELOG, *GROWN_LAST)
    topics = await log.describe(names)
    missing = [name for name in names if name not in topics]
    if missing:
        raise TopicsAmiss(f"{', '.join(missing)} not found at {settings.kafka}: run tetik topics create")
    layout = Layout(topics, {}, target)
    for number in range(topics[STATE_CHANGELOG].partitions):
        told("reading states", number, topics[STATE_CHANGELOG].partitions)
        standing = await standing_of(log, number)
        states = _states_of(standing)
        layout.sum = layout.sum.plus(states)
        layout.away += sum(home_of(key, target) not in (None, number) for key in states)
        layout.keep(standing)
    most = max(facts.partitions for facts in topics.values())
    if target < most:
        raise TopicsAmiss(f"there are {most} partitions already, and Kafka takes none away: give more")
    await refuse_other_topics(log, layout)
    await find_waiting(log, layout)
    return layout


async def refuse_other_topics(log: EngineLog, layout: Layout) -> None:
    """The records must belong to these topics: what they say is applied would be passed over for good.
    Raises TopicsAmiss."""
    for number, standing in layout.standings.items():
        record = standing.record
        for name, known, found in replaced_topics(layout.topics, record):
            raise TopicsAmiss(
                f"{name} is not the topic that partition {number} was worked with (its id is "
                f"{found}, the one recorded is {known}): run tetik topics adopt first"
            )
        for name, offset in record.next_offsets.items():
            start, end = await log.bounds(name, number)
            if not start <= offset <= end:
                raise TopicsAmiss(
                    f"partition {number} of {name} holds the offsets {start} to {end}, and {offset} is the "
                    "next to apply: run tetik topics adopt first"
                )


def _states_of(standing: Standing) -> dict[bytes, bytes]:
    records = chain(standing.customers.items(), standing.restored.products.items())
    return {key.encode(): value for key, value in records}


async def find_waiting(log: KafkaLog, layout: Layout) -> None:
    """What no engine has applied, and where the logs end. Raises NotAtRest if it is too much."""
    numbers = list(range(layout.topics[EVENTS].partitions))
    layout.written = await log.end_offsets(EVENTS, numbers, committed=False)
    for topic in SOURCES:
        numbers = list(range(layout.topics[topic].partitions))
        layout.ends[topic] = dict.fromkeys(range(layout.target), 0) | await log.end_offsets(topic, numbers)
        tails = layout.waiting[topic] = {}
        for number in numbers:
            standing = layout.standings.get(number)
            start = standing.record.next_offsets.get(topic) if standing is not None else None
            tails[number] = await _read(log, topic, number, start, layout.ends[topic][number])
            if layout.waiting_count > WAITING_MAX:
                raise NotAtRest(
                    f"more than {WAITING_MAX:,} records were not applied yet: start the engines with the old "
                    "count until they have caught up, ingest and the sender stopped, and begin again"
                )


async def _read(log: KafkaLog, topic: str, number: int, start: int | None, end: int) -> list[Any]:
    """The records of a partition in [`start`, `end`), headers and all."""
    found: list[Any] = []
    reader = await log.open_reader(topic, number, start)
    try:
        async for records in reader.read_on():
            found += [record for record in records if record.offset < end]
            if len(found) > WAITING_MAX:
                break
    finally:
        await reader.close()
    return found


def refuse_unfinished(layout: Layout) -> None:
    """What an engine has to have done before. Raises NotAtRest with what is left to do."""
    records = layout.records()
    why = None
    if len({record.rules_digest for record in records}) > 1 or (
        records and not layout.begun and len(records) < layout.present
    ):
        why = "the partitions are not on one rule set yet"
    elif any(record.sweep_after is not None for record in records):
        why = "a change of rules is being told to the customers"
    elif layout.controls and not layout.begun:
        why = "a change of rules, or codes, were not applied yet"
    if why is not None:
        raise NotAtRest(
            f"{why}: start the engines with {layout.present} partitions until they have caught up, ingest "
            "and the sender stopped, and begin again"
        )


def _is_control(record: Any) -> bool:
    """Codes, or the marker of a rule set; that of a snapshot waits well."""
    if record.key is not None:
        return False
    value = record.value or b""
    return activated_rules(value) is not None or OFFER_CODES.encode() in value
