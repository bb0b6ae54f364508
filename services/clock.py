"""Clocks: the only place where time enters.

`SystemClock` is the machine's. `TopicClock` follows the clock topic, which a driver (the demo) moves in
steps: it is the one difference between production and the demo. A service on a `TopicClock` reports when
everything up to the present step is done, and the driver moves on only then.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Literal, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.clock import ClockReport, ClockTick
from schemas.instants import Instant, datetime_of, instant_of
from schemas.topics import CLOCK, CLOCK_REPORTS

logger = logging.getLogger(__name__)

REPORT_POLL_S = 0.003
Progress = Callable[[], tuple[dict[str, int], Instant | None] | None]
ServiceName = Literal["ingest", "engine", "sender"]


def machine_now() -> Instant:
    """The machine's time, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Clock(Protocol):
    """The time, and waiting for it to move."""

    def now(self) -> Instant: ...
    async def wait(self, timeout_s: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        """Epoch milliseconds."""
        return machine_now()

    async def wait(self, timeout_s: float) -> None:
        """Sleep."""
        await asyncio.sleep(timeout_s)


class TopicClock:
    """The time that the newest `ClockTick` says."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._tick: ClockTick | None = None
        self._now: Instant = 0
        self._moved = asyncio.Event()

    @property
    def sequence(self) -> int:
        """The number of the present tick."""
        assert self._tick is not None, "nothing is asked before first_tick()"
        return self._tick.sequence

    def now(self) -> Instant:
        """Epoch milliseconds of the present tick."""
        return self._now

    async def wait(self, timeout_s: float) -> None:
        """Until the clock moves, at most `timeout_s` of machine time."""
        moved = self._moved
        try:
            # not wait_for: on Python 3.11 it can swallow a cancellation
            async with asyncio.timeout(timeout_s):
                await moved.wait()
        except TimeoutError:
            return

    async def first_tick(self) -> None:
        """Returns once there is a time."""
        while self._tick is None:
            await self._moved.wait()

    async def follow(self) -> None:
        """Follow the ticks until cancelled, from the newest there is. Raises KafkaError, and ValidationError
        for what is no tick: a clock that stands still must not go unnoticed."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
        )
        try:
            await consumer.start()
            clock = TopicPartition(CLOCK, 0)
            consumer.assign([clock])
            end = (await consumer.end_offsets([clock]))[clock]
            consumer.seek(clock, max(0, end - 1))
            if end == 0:
                logger.info("waiting for the first tick on %s", CLOCK)
            async for record in consumer:
                self._move(ClockTick.model_validate_json(record.value))
        finally:
            await consumer.stop()

    def _move(self, tick: ClockTick) -> None:
        self._tick, self._now = tick, instant_of(tick.now)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


async def time_by(clock: Literal["system", "topic"], bootstrap: str) -> Instant:
    """The present time by the clock that a process is set to, for a command that asks once.

    On the topic's clock it waits for the first tick. Raises as `TopicClock.follow`.
    """
    if clock == "system":
        return machine_now()
    followed = TopicClock(bootstrap)
    following = asyncio.create_task(followed.follow())
    ticked = asyncio.create_task(followed.first_tick())
    try:
        await asyncio.wait((following, ticked), return_when=asyncio.FIRST_COMPLETED)
        if not ticked.done():
            following.result()
    finally:
        for task in (following, ticked):
            task.cancel()
        await asyncio.gather(following, ticked, return_exceptions=True)
    return followed.now()


class ClockReporter:
    """Tells the driver when a service has nothing left to do."""

    def __init__(self, bootstrap: str, clock: TopicClock, service: ServiceName, progress: Progress) -> None:
        self._bootstrap = bootstrap
        self._clock = clock
        self._service = service
        self._progress = progress

    async def run(self) -> None:
        """Report every change of the progress until cancelled."""
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
        said: ClockReport | None = None
        try:
            await producer.start()
            while True:
                report = self._report()
                if report is not None and report != said:
                    await producer.send_and_wait(
                        CLOCK_REPORTS,
                        report.model_dump_json().encode(),
                        key=self._service.encode(),
                        partition=0,
                    )
                    said = report
                await asyncio.sleep(REPORT_POLL_S)
        finally:
            await producer.stop()

    def _report(self) -> ClockReport | None:
        progress = self._progress()
        if progress is None:
            return None
        positions, due_at = progress
        return ClockReport(
            service=self._service,
            instance=self._service,
            sequence=self._clock.sequence,
            now=datetime_of(self._clock.now()),
            positions=positions,
            next_due_at=None if due_at is None else datetime_of(due_at),
        )
