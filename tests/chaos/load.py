"""Writing the shoppers' events while everything else lives and dies, and noting what the broker acknowledged.

An event whose write failed may be on the log or not; only what was acknowledged must be there, and was there
by the time of its acknowledgement.
"""

import asyncio
import time
from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.topics import EVENTS
from tests.chaos.evidence import Acknowledged
from tests.chaos.shoppers import Shoppers, Written

BEAT_S = 0.05
UNANSWERED_MAX = 4_000
"""So many records may wait for an answer: beyond, the shop waits."""
REQUEST_TIMEOUT_MS = 20_000


def machine_now() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Load:
    """Runs while its block does: `rate` records a second. `acknowledged` grows; `unknown` counts the rest."""

    def __init__(self, bootstrap: str, shoppers: Shoppers, rate: float) -> None:
        self.acknowledged: list[Acknowledged] = []
        self.unknown = 0
        self.rate = rate
        self.shoppers = shoppers
        self._bootstrap = bootstrap
        self._unanswered: set[asyncio.Future[Any]] = set()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def written(self) -> int:
        """Records written so far, answered or not."""
        return len(self.acknowledged) + self.unknown + len(self._unanswered)

    async def __aenter__(self) -> "Load":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._stop.set()
        await self._task

    async def _run(self) -> None:
        while not self._stop.is_set():
            await self._until_the_broker_is_gone()
            await self._pause(BEAT_S)

    async def _until_the_broker_is_gone(self) -> None:
        """With one producer; after an error it is given up, since its order is broken."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await producer.start()
            unknown = self.unknown
            while not self._stop.is_set() and self.unknown == unknown:
                await self._beat(producer)
        except (KafkaError, OSError):
            pass  # what was not answered is counted where its answer was awaited
        finally:
            await producer.stop()
            await self._answered()

    async def _beat(self, producer: AIOKafkaProducer) -> None:
        began = asyncio.get_running_loop().time()
        for record in self.shoppers.some(round(self.rate * BEAT_S), machine_now()):
            sent = await producer.send(EVENTS, record.value, key=record.key.encode())
            self._unanswered.add(sent)
            sent.add_done_callback(lambda done, record=record: self._note(done, record))
        while len(self._unanswered) > UNANSWERED_MAX:
            await asyncio.wait(self._unanswered, return_when=asyncio.FIRST_COMPLETED)
        spent_s = asyncio.get_running_loop().time() - began
        await self._pause(max(0.0, BEAT_S - spent_s))

    async def _pause(self, seconds: float) -> None:
        """Unless the load is to end before."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    async def _answered(self) -> None:
        if self._unanswered:
            await asyncio.wait(set(self._unanswered))

    def _note(self, done: "asyncio.Future[Any]", record: Written) -> None:
        self._unanswered.discard(done)
        if done.cancelled() or done.exception() is not None:
            self.unknown += 1
            return
        answer = done.result()
        self.acknowledged.append(
            Acknowledged(record.event_id, answer.partition, answer.offset, machine_now())
        )
