"""What really happened: the committed records of all topics as they are, and the mails that were caught.

Nothing is de-duplicated: a record that stands twice in the log is found twice. Kafka stamps each record when
it is appended (LogAppendTime), and the catcher names each file by the instant of its arrival, both by the
machine's clock; latencies are taken from these.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import policy
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.dead_letter import DeadLetter
from schemas.decision import Decision
from schemas.delivery import Delivery
from schemas.email_request import EmailRequest
from schemas.event import Event
from schemas.instants import Instant, instant_of
from schemas.topics import CLOCK, DEAD_LETTERS, DELIVERIES, EVENTS, OUTBOUND, TRIGGERS
from services.demo.partitions import partitions_of

TOPICS = (EVENTS, TRIGGERS, OUTBOUND, DELIVERIES, DEAD_LETTERS, CLOCK)
READ_TIMEOUT_S = 60.0
FETCH_WAIT_MS = 100


@dataclass(frozen=True, slots=True)
class Record:
    """A committed record; `appended_at` is the broker's stamp in epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    appended_at: Instant
    value: bytes


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """A mail in the catcher's folder. `dated_at` is what the mail claims, in the demo's time;
    `arrived_at` is the machine's."""

    file: str
    send_id: str
    step: str
    to: str
    dated_at: Instant
    arrived_at: Instant


@dataclass(slots=True)
class Observed:
    """Everything that the system wrote, in lists; positions and stamps beside the parsed records."""

    events: list[tuple[Record, Event]] = field(default_factory=list)
    decisions: list[tuple[Record, Decision]] = field(default_factory=list)
    requests: list[tuple[Record, EmailRequest]] = field(default_factory=list)
    deliveries: list[tuple[Record, Delivery]] = field(default_factory=list)
    dead_letters: list[tuple[Record, DeadLetter]] = field(default_factory=list)
    ticks: list[Record] = field(default_factory=list)
    mails: list[CaughtMail] = field(default_factory=list)


class LogReader:
    """Follows the topics from their beginning; an async context manager.

    `check_crcs` is False for the broker in memory alone: its transactions break the checksums.
    """

    def __init__(self, bootstrap: str, *, check_crcs: bool = True) -> None:
        self._bootstrap = bootstrap
        self._check_crcs = check_crcs
        self._consumer: AIOKafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []
        self._following: asyncio.Task[None] | None = None
        self._read_on = asyncio.Event()
        self.records: dict[str, list[Record]] = {topic: [] for topic in TOPICS}

    async def __aenter__(self) -> "LogReader":
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            check_crcs=self._check_crcs,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        await self._consumer.start()
        self._partitions = await partitions_of(self._bootstrap, TOPICS)
        self._consumer.assign(self._partitions)
        self._following = asyncio.create_task(self._follow(self._consumer), name="log reader")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        if self._consumer is not None:
            await self._consumer.stop()

    async def read_to_end(self) -> None:
        """All that has been written until now has been read. Raises TimeoutError.

        A commit that was just acknowledged may not be visible yet (see `timekeeper`), so the ends are asked
        for with what is uncommitted.
        """
        assert self._consumer is not None, "enter it first"
        ends = await self._ends()
        async with asyncio.timeout(READ_TIMEOUT_S):
            for partition, end in ends.items():
                while await self._consumer.position(partition) < end:
                    await self._next_round()

    async def until(self, event_type: str, timeout_s: float) -> None:
        """An event of the type stands in every partition of the events. Raises TimeoutError."""
        partitions = {each.partition for each in self._partitions if each.topic == EVENTS}
        said = f'"type":"{event_type}"'.encode()
        async with asyncio.timeout(timeout_s):
            while not partitions <= {each.partition for each in self.records[EVENTS] if said in each.value}:
                await self._next_round()

    async def _next_round(self) -> None:
        """Raises what ended the reading, if it has ended."""
        assert self._following is not None, "enter it first"
        read_on = asyncio.create_task(self._read_on.wait())
        await asyncio.wait([read_on, self._following], return_when=asyncio.FIRST_COMPLETED)
        if self._following.done():
            read_on.cancel()
            self._following.result()

    async def _ends(self) -> dict[TopicPartition, int]:
        asking = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, isolation_level="read_uncommitted")
        await asking.start()
        try:
            ends: dict[TopicPartition, int] = await asking.end_offsets(self._partitions)
            return ends
        finally:
            await asking.stop()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            found = await consumer.getmany(timeout_ms=FETCH_WAIT_MS)
            for partition, records in found.items():
                self.records[partition.topic] += [
                    Record(partition.topic, partition.partition, each.offset, each.timestamp, each.value)
                    for each in records
                ]
            # Also after an empty round: markers move the position without a record.
            read_on, self._read_on = self._read_on, asyncio.Event()
            read_on.set()


async def observe(bootstrap: str, mails: Path) -> Observed:
    """Read everything, from the first record to the last."""
    async with LogReader(bootstrap) as reader:
        await reader.read_to_end()
        return parse(reader.records, read_mails(mails))


def parse(records: dict[str, list[Record]], mails: Sequence[CaughtMail]) -> Observed:
    """The records by the contracts. Raises pydantic.ValidationError for one that breaks its contract."""
    return Observed(
        events=[(each, Event.model_validate_json(each.value)) for each in records[EVENTS]],
        decisions=[(each, Decision.model_validate_json(each.value)) for each in records[TRIGGERS]],
        requests=[(each, EmailRequest.model_validate_json(each.value)) for each in records[OUTBOUND]],
        deliveries=[(each, Delivery.model_validate_json(each.value)) for each in records[DELIVERIES]],
        dead_letters=[(each, DeadLetter.model_validate_json(each.value)) for each in records[DEAD_LETTERS]],
        ticks=list(records[CLOCK]),
        mails=list(mails),
    )


def read_mails(folder: Path) -> list[CaughtMail]:
    """Every mail in the catcher's folder; the file's name begins with its arrival in epoch milliseconds."""
    return [_read_mail(path) for path in sorted(folder.glob("*.eml"))]


def _read_mail(path: Path) -> CaughtMail:
    with path.open("rb") as file:
        headers = BytesHeaderParser(policy=policy.compat32).parse(file)
    return CaughtMail(
        file=path.name,
        send_id=str(headers.get("X-Tetik-Send-Id", "")),
        step=str(headers.get("X-Tetik-Step", "")),
        to=str(headers.get("Delivered-To", "")),
        dated_at=instant_of(parsedate_to_datetime(str(headers["Date"]))),
        arrived_at=int(path.name.partition("-")[0]),
    )
