"""The rule sets on the log. The last one on `tetik.rules` is the active one: a set is written there before
its markers, and one that is published again is written again."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from schemas.rule_set import RuleSet
from schemas.topics import EVENTS, RULES
from services.platform.errors import PlatformError
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.core.language import trigger_version


class TopicsMissing(PlatformError):
    """The broker does not have our topics."""


@dataclass(slots=True)
class PublishedSets:
    """Every set that was ever published, oldest first, and the offset of the last one's record."""

    sets: dict[str, RuleSet] = field(default_factory=dict)
    last_offset: int = -1

    @property
    def active(self) -> RuleSet | None:
        """The set in force, or None before the first."""
        return next(reversed(self.sets.values()), None)

    def form_of(self, trigger_id: str, version: str) -> dict[str, Any] | None:
        """A version of a trigger, from whichever set has it."""
        for rule_set in reversed(self.sets.values()):
            for form in rule_set.triggers:
                if form["id"] == trigger_id and trigger_version(form) == version:
                    return form
        return None

    def admit(self, offset: int, value: bytes) -> None:
        """A record of the topic; one that this program cannot read is passed over, as engines do."""
        try:
            rule_set = RuleSet.model_validate_json(value)
        except ValidationError:
            return
        self.sets.pop(rule_set.digest, None)
        self.sets[rule_set.digest] = rule_set
        self.last_offset = offset


async def read_published(kafka: str, *, check_crcs: bool = True) -> PublishedSets:
    """Read the topic to its end. Raises TopicsMissing, and what aiokafka raises."""
    log = KafkaLog(kafka, check_crcs=check_crcs)
    published = PublishedSets()
    if RULES not in await log.describe((RULES,)):
        raise TopicsMissing(f"{RULES} does not exist at {kafka}: run tetik topics create")
    reader = await log.open_reader(RULES, 0)
    try:
        async for records in reader.read_on():
            for record in records:
                if record.value is not None:
                    published.admit(record.offset, record.value)
    finally:
        await reader.close()
    return published


async def event_partitions(kafka: str) -> int:
    """How many partitions the events have: as many markers are needed, whatever the setting says."""
    described = await KafkaLog(kafka).describe((EVENTS,))
    if EVENTS not in described:
        raise TopicsMissing(f"{EVENTS} does not exist at {kafka}: run tetik topics create")
    return described[EVENTS].partitions
