"""The clock's driver: moves the time in steps and knows when everybody has finished a step.

Why `settle` proves that nothing is left to do at the present tick. A service reports a position only when
all it read before that position is finished and its own outputs are acknowledged by the broker. Let E and O
be the end offsets of events and outbound, fetched first; then all services report this tick, the engine at
E or beyond, the sender at O or beyond; then the end offsets are fetched again and are E and O still. What
the engine wrote for events below E was in the log before its report, so it lies below O; the sender had
finished all of that, and its own events were in the log before its report, so they lie below E; and those
the engine has finished. Timers due by now are done too, or their service would not have reported. The only
other source of events is the driver itself, which sends nothing meanwhile. The interests, which the engine
writes and reads itself, have an end like the events', and count with them.

The ends count what is not yet committed: Kafka acknowledges a commit before its markers are in the
partitions, so for a moment the committed end lies below what the engine has been promised. Who reads
committed records only cannot pass the uncommitted end before the markers are there.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.clock import ClockReport, ClockTick
from schemas.headers import cloud_event_headers
from schemas.instants import Instant, datetime_of, format_instant
from schemas.topics import CLOCK, CLOCK_REPORTS, EVENTS, INTERESTS, OUTBOUND
from services.demo.errors import Stalled
from services.demo.partitions import partitions_of
from services.demo.standing import Standing

STALLED_AFTER_S = 60.0
FETCH_WAIT_MS = 100
SOURCE = "/tetik/demo"

Ends = dict[str, int]


class Timekeeper:
    """Use `start`, then `tick` and `settle` in turn; `next_due_at` is true after a `settle`."""

    def __init__(self, bootstrap: str, logs: Path, stalled_after_s: float = STALLED_AFTER_S) -> None:
        self._bootstrap = bootstrap
        self._logs = logs
        self._stalled_after_s = stalled_after_s
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        # A broker answers a connection's requests in turn: behind a waiting fetch, end offsets take 100 ms.
        self._offsets: AIOKafkaConsumer | None = None
        self._following: asyncio.Task[None] | None = None
        self._standing = Standing()
        self._news = asyncio.Event()
        self._partitions: list[TopicPartition] = []
        self.sequence = -1
        self.now: Instant = 0

    async def start(self) -> None:
        """Connect, and begin to read reports. The topics must exist."""
        self._producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
        await self._producer.start()
        self._offsets = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_uncommitted"
        )
        await self._offsets.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        await self._consumer.start()
        self._partitions = await partitions_of(self._bootstrap, (EVENTS, INTERESTS, OUTBOUND))
        self._consumer.assign([TopicPartition(CLOCK_REPORTS, 0)])
        self._following = asyncio.create_task(self._follow(self._consumer), name="clock reports")

    async def stop(self) -> None:
        """Disconnect; a second call does nothing."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        clients = [each for each in (self._consumer, self._offsets, self._producer) if each is not None]
        # aiokafka's stop raises CancelledError while it waits for a broker that has gone.
        await asyncio.gather(*(client.stop() for client in clients), return_exceptions=True)

    @property
    def next_due_at(self) -> Instant | None:
        """The next instant at which a service will act by itself."""
        return self._standing.next_due_at

    async def tick(self, now: Instant) -> None:
        """It is `now`."""
        assert self._producer is not None, "start() comes first"
        self.sequence, self.now = self.sequence + 1, now
        tick = ClockTick(sequence=self.sequence, now=datetime_of(now))
        headers = cloud_event_headers(ClockTick, record_id=str(tick.sequence), source=SOURCE, time=now)
        await self._producer.send_and_wait(
            CLOCK, tick.model_dump_json().encode(), partition=0, headers=headers
        )

    async def settle(self) -> None:
        """Nothing is left to do at this tick (proof above). Raises Stalled."""
        ends = await self._ends()
        while True:
            await self._until(ends)
            again = await self._ends()
            if again == ends:
                return
            ends = again

    async def _until(self, ends: Ends) -> None:
        """Every service has come to this tick and read up to `ends`."""
        while missing := self._standing.unfinished(self.sequence, ends):
            if self._following is not None and self._following.done():
                self._following.result()
            news = self._news
            try:
                await asyncio.wait_for(news.wait(), self._stalled_after_s)
            except TimeoutError:
                raise Stalled(self._stall_text(missing)) from None

    def _stall_text(self, missing: Mapping[str, str]) -> str:
        said = "; ".join(f"{service} {what}" for service, what in missing.items())
        logs = ", ".join(str(self._logs / f"{service}.log") for service in missing)
        return (
            f"nothing was reported for {self._stalled_after_s:g} s at {format_instant(self.now)} "
            f"(step {self.sequence}): {said}. Look at {logs}."
        )

    async def _ends(self) -> Ends:
        """End offsets, uncommitted records included, by `topic/partition`."""
        assert self._offsets is not None, "start() comes first"
        ends = await self._offsets.end_offsets(self._partitions)
        return {f"{each.topic}/{each.partition}": end for each, end in ends.items()}

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            self._standing.hear(ClockReport.model_validate_json(record.value))
            news, self._news = self._news, asyncio.Event()
            news.set()
