"""One simulated sender process: the sender's own `Sender`, with its courier, lanes, policy and templates, on
virtual time. In the place of Kafka, Redis and the relay stand the simulator's; each has an adapter's face.

`Sender` builds its adapters itself, so these are put in its module's names while it is built. It is told the
time by the shop; leases run on the ledger's clock, which is the shop's too.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from random import Random
from typing import Any, Protocol
from unittest.mock import patch

from schemas.dead_letter import DeadLetter
from schemas.instants import Instant
from schemas.records import EventRecord, encode_record
from schemas.topics import DEAD_LETTERS, DELIVERIES, EVENTS, OUTBOUND
from sender import app
from sender.adapters.kafka_in import InboxRecord
from sender.adapters.template_topic import TemplateStore
from sender.core.offsets import OffsetTracker
from sender.core.origin import Origin
from sender.core.outcomes import Outcome, delivery_of, feedback_of
from sender.settings import SenderSettings
from tests.simulation.memory_ledger import LedgerStore, MemoryLedger
from tests.simulation.memory_log import MemoryBroker
from tests.simulation.mortal import Killed, Mortal, Steps, spawn
from tests.simulation.relay import Relay, RelayLine
from tests.simulation.rule_sets import rule_sets
from tests.simulation.virtual_time import Bell, passes
from trigger_engine.adapters.partitioning import partition_of

POLL_S = 0.15
READ_MAX = 8


class Shop(Protocol):
    """The world of the senders."""

    random: Random
    noise: float
    partitions: int
    broker: MemoryBroker
    leapt: Bell

    def now(self) -> Instant: ...


class Committed(Protocol):
    """The group: where each partition is to be read from, and what is done."""

    def committed(self, number: int) -> int: ...
    def commit(self, process: "SenderProcess", number: int, offset: int) -> None: ...
    def joined(self, process: "SenderProcess") -> None: ...


class SenderProcess(Mortal):
    """`instance` is inherited by a successor of the same name."""

    def __init__(
        self,
        shop: Shop,
        group: Committed,
        number: int,
        instance: str,
        *,
        ledger: LedgerStore,
        relay: Relay,
        retry_unanswered: bool,
        ended: Callable[[Any, BaseException], None],
    ) -> None:
        super().__init__(number, shop.random, ended)
        self.instance = instance
        self.steps = _SenderSteps(self, shop)
        self.inbox = MemoryInbox(self, shop, group)
        settings = SenderSettings(
            kafka="memory",
            redis_url="memory",
            mail_from="The Shop <shop@shop.example>",
            public_url="https://mail.shop.example",
            secret="a secret of sixteen or more",
            instance=instance,
            on_ambiguous="retry_once" if retry_unanswered else "skip",
        )
        self.ledger = MemoryLedger(
            ledger,
            instance=instance,
            lease_ms=settings.lease_ms,
            retention_days=settings.ledger_days,
            pace=self.steps,
        )
        instead = {
            "RedisLedger": self.ledger,
            "SmtpPool": RelayLine(relay, self.steps, shop.random),
            "TemplateStore": _templates(),
            "Publisher": MemoryPublisher(self.steps, shop),
            "Inbox": self.inbox,
            "WebSide": _NoWeb(),
            "build_app": None,
        }
        with ExitStack() as patched:
            for name, adapter in instead.items():
                patched.enter_context(patch.object(app, name, partial(_the, adapter)))
            self.sender = app.Sender(settings, _SenderClock(self, shop))

    def start(self) -> None:
        """The life of the process; it ends with its first error, or in order."""
        spawn(self, self.sender.run(), f"sender-{self.number}").add_done_callback(self._on_done)

    @property
    def idle(self) -> bool:
        """Whether it has read what is its and mailed what is due."""
        return self.inbox.at_end and self.sender.progress() is not None

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        self.kill(error or Killed("stopped in order"))


def _the(adapter: Any, *given: Any, **named: Any) -> Any:
    return adapter


class _SenderSteps(Steps):
    """Answers of the ledger get lost as batches of the log do."""

    def __init__(self, process: Mortal, shop: Shop) -> None:
        super().__init__(process, shop.random)
        self._shop = shop

    def lost(self) -> bool:
        return self._random.random() < self._shop.noise / 5


class _SenderClock:
    """The shop's time; who waits hears when it leaps."""

    def __init__(self, process: Mortal, shop: Shop) -> None:
        self._process = process
        self._shop = shop

    def now(self) -> Instant:
        return self._shop.now()

    async def wait(self, timeout_s: float) -> None:
        await self._shop.leapt.wait(timeout_s)
        while self._process.frozen:
            await self._process.thawed.wait()


class MemoryInbox:
    """The requests of the partitions that the group gave; commits only count while it is a member."""

    connected = True

    def __init__(self, process: SenderProcess, shop: Shop, group: Committed) -> None:
        self._process = process
        self._shop = shop
        self._group = group
        self._trackers: dict[int, OffsetTracker] = {}

    @property
    def at_end(self) -> bool:
        """Whether everything was read and is done."""
        broker = self._shop.broker
        return all(
            not tracker.busy and (tracker.position or 0) >= broker.partition(OUTBOUND, number).committed_end
            for number, tracker in self._trackers.items()
        )

    def assign(self, numbers: set[int]) -> None:
        """The group has decided: everything is read on from where it was committed."""
        self._trackers = {number: OffsetTracker(self._group.committed(number)) for number in sorted(numbers)}

    async def open(self) -> None:
        """Join the group."""
        await self._process.steps.at("join")
        self._group.joined(self._process)

    async def close(self) -> None:
        """The group notices."""

    async def read(self, room: int) -> list[InboxRecord]:
        """The next records; returns soon, and empty if there are none."""
        await self._process.steps.at("poll")
        found: list[InboxRecord] = []
        numbers = list(self._trackers)
        self._shop.random.shuffle(numbers)
        for number in numbers:
            tracker = self._trackers[number]
            limit = min(room - len(found), self._shop.random.randint(1, READ_MAX))
            start = tracker.position or 0
            records, tracker.position = self._shop.broker.fetch(OUTBOUND, number, start, limit)
            for record in records:
                assert record.value is not None, "requests are never deleted"
                tracker.begin(record.offset)
                origin = Origin(number, record.offset)
                done = partial(tracker.done, record.offset)
                found.append(InboxRecord(record.key, record.value, origin, done))
        if not found:
            await passes(POLL_S * self._shop.random.random())
        return found

    async def commit(self) -> None:
        """Now and then, as once a second."""
        if self._shop.random.random() < 0.5:
            for number, tracker in self._trackers.items():
                if tracker.next_offset is not None:
                    self._group.commit(self._process, number, tracker.next_offset)

    def positions(self) -> dict[str, int] | None:
        """None while a record is in work."""
        if any(tracker.busy for tracker in self._trackers.values()):
            return None
        return {str(number): tracker.position or 0 for number, tracker in self._trackers.items()}


class MemoryPublisher:
    """Deliveries, then events; the process may end between the two."""

    available = True

    def __init__(self, steps: Steps, shop: Shop) -> None:
        self._steps = steps
        self._shop = shop

    async def report(self, outcome: Outcome) -> None:
        """Both records of an outcome."""
        delivery, event = encode_record(delivery_of(outcome)), encode_record(feedback_of(outcome))
        key = outcome.customer_key.encode()
        for topic, value in ((DELIVERIES, delivery), (EVENTS, event)):
            await self._steps.at(f"report to {topic}")
            self._write(topic, key, value)
        await self._steps.at("reported")

    async def bury(self, letter: DeadLetter, key: bytes | None) -> None:
        """A dead letter."""
        await self._steps.at("bury")
        self._shop.broker.produce(DEAD_LETTERS, 0, (key, letter.model_dump_json().encode(), []))

    async def publish_event(self, event: EventRecord, key: str, at: Instant, *, timeout_s: float) -> None:
        """An event of a reader."""
        await self._steps.at("publish")
        self._write(EVENTS, key.encode(), encode_record(event))

    async def close(self) -> None:
        """There is no connection."""

    def _write(self, topic: str, key: bytes, value: bytes) -> None:
        self._shop.broker.produce(topic, partition_of(key, self._shop.partitions), (key, value, []))


class _NoWeb:
    """Nobody visits."""

    port = 0

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        await self._stopped.wait()

    def stop(self) -> None:
        self._stopped.set()


class _Templates(TemplateStore):
    """Every template is there before anybody decides by it."""

    caught_up = True

    async def run(self) -> None:
        """Nothing is read."""


@cache
def _templates() -> _Templates:
    """Of all rule sets, compiled once for all senders."""
    store = _Templates("memory", "memory")
    for rule_set in rule_sets():
        for template in rule_set.templates:
            store.add(template)
    return store
