"""Before the log is laid hands on: that no engine is at work, and what each partition's record says.

An engine that has left the group may still be alive, stopped in the middle of a flush. So whoever changes a
partition record writes it as the partition's own writer, which fences that engine for good; and an engine
that starts meanwhile fences us, and the change fails instead of being lost.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    for_code,
)

from schemas.topics import STATE_CHANGELOG
from services.platform.errors import PlatformError
from services.settings import ProcessSettings
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.left_open import end_left_open
from trigger_engine.adapters.log_port import Fenced, LogWriter, Row, TopicFacts
from trigger_engine.adapters.state_store import MemoryStore
from trigger_engine.adapters.takeover import CUSTOMER_TOPICS, Restored, read_changelog
from trigger_engine.adapters.transaction import written_by
from trigger_engine.adapters.worker import GROUP
from trigger_engine.core.customers import CustomersInMemory
from trigger_engine.core.flush import PARTITION_RECORD_KEY, PartitionRecord

SENDER_GROUP = "tetik-sender"
"""The sender's, as its settings have it (a test compares the two)."""
COORDINATOR_TRIES = 15
COORDINATOR_RETRY_S = 1.0


class NotAtRest(PlatformError):
    """Something is at work that must not be; the message says what."""


class TopicsAmiss(PlatformError):
    """The topics are not as they have to be; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One partition as its changelog holds it."""

    number: int
    restored: Restored
    customers: CustomersInMemory

    @property
    def record(self) -> PartitionRecord:
        """How far it was worked."""
        return self.restored.record

    @property
    def recorded(self) -> bool:
        """Whether an engine has written here ever."""
        return bool(self.record.next_offsets)


async def refuse_members(settings: ProcessSettings, groups: tuple[str, ...] = (GROUP, SENDER_GROUP)) -> None:
    """Raises NotAtRest while somebody is in one of these groups."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        for group in groups:
            members = await _members(admin, group)
            if members:
                what = "engines" if group == GROUP else "senders"
                hosts = ", ".join(sorted({str(member[2]).lstrip("/") for member in members}))
                raise NotAtRest(
                    f"{len(members)} in the group {group} ({hosts}): stop all {what} first. One that was "
                    "killed is counted until its session ends."
                )
    finally:
        await admin.close()


async def _members(admin: AIOKafkaAdminClient, group: str) -> list[Any]:
    """One group at a time: aiokafka 0.14 cannot read an answer about two."""
    for _ in range(COORDINATOR_TRIES - 1):
        try:
            return await _described(admin, group)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError):
            # the broker, or the group, is used for the first time
            await asyncio.sleep(COORDINATOR_RETRY_S)
    return await _described(admin, group)


async def _described(admin: AIOKafkaAdminClient, group: str) -> list[Any]:
    (answer,) = await admin.describe_consumer_groups([group])
    ((error_code, _, _, _, _, members, *_),) = answer.groups
    if error_code:
        raise for_code(error_code)(f"the group {group} cannot be described")
    return list(members)


async def customer_topics(settings: ProcessSettings, log: KafkaLog) -> dict[str, TopicFacts]:
    """What the topics of the engine are. Raises TopicsAmiss if one is missing."""
    topics = await log.describe(CUSTOMER_TOPICS)
    missing = [name for name in CUSTOMER_TOPICS if name not in topics]
    if missing:
        raise TopicsAmiss(
            f"{', '.join(missing)} cannot be found at {settings.kafka}: run tetik topics create"
        )
    return topics


async def standing_of(log: KafkaLog, number: int) -> Standing:
    """Read one partition's changelog to its end."""
    customers = MemoryStore(lambda: 0)
    return Standing(number, await read_changelog(log, number, customers), customers)


class Held:
    """A partition that nobody else can write to; `standing` was read after that became so."""

    def __init__(self, writer: LogWriter, standing: Standing) -> None:
        self._writer = writer
        self.standing = standing

    async def write(self, record: PartitionRecord) -> None:
        """Change its record. Raises NotAtRest if an engine has taken the partition over meanwhile."""
        rows: list[Row] = [(PARTITION_RECORD_KEY.encode(), msgspec.msgpack.encode(record), [])]
        try:
            async with self._writer.transaction() as transaction:
                await transaction.append(STATE_CHANGELOG, self.standing.number, rows)
        except Fenced as error:
            raise NotAtRest(
                f"an engine has just taken partition {self.standing.number} over: stop it and begin again"
            ) from error


@asynccontextmanager
async def held(log: KafkaLog, number: int) -> AsyncIterator[Held]:
    """Become a partition's only writer, end what the last one left open, then read it."""
    writer = await log.open_writer(f"{GROUP}-{number}")
    try:
        await end_left_open(writer, log, written_by(number))
        yield Held(writer, await standing_of(log, number))
    finally:
        await writer.close()


def unanswered(settings: ProcessSettings, error: KafkaError | OSError) -> str:
    """What to say where Kafka did not do what was asked."""
    return f"Kafka at {settings.kafka} did not do it ({error or type(error).__name__}). Run it again."
