"""Contender: Tetik's shell around the thin job.

Transport, take-over, writer, transaction and settings are those of `tetik engine`; in place of the core
stands a partition that does what docs/benchmark-jobs.md asks for and no more. As in the core, the committed
bytes of every customer are kept, those lately at work are kept decoded, and each is encoded once a flush.

Started as `python -m benchmarks.tetik_thin`; its settings are in the environment.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas.instants import Instant, parse_instant
from schemas.topics import STATE_CHANGELOG
from services.clock import SystemClock
from services.process import run_process, start_logging
from trigger_engine.adapters.collector import spare_the_long_lived
from trigger_engine.adapters.log_port import Row
from trigger_engine.adapters.ownership import Core
from trigger_engine.adapters.transaction import Portion
from trigger_engine.adapters.worker import EngineSettings, EngineWorker
from trigger_engine.core.partition import PARTITION_RECORD_KEY, Flush, Partition, Rejected
from trigger_engine.core.state import STATE_VERSION
from trigger_engine.core.working_set import LIVE_CUSTOMERS_MAX

RECENT = 20
_VERSION = bytes([STATE_VERSION])
_RECORD_KEY = PARTITION_RECORD_KEY.encode()


class _Properties(msgspec.Struct, frozen=True, gc=False):
    order_id: str = ""
    total: Any = None


class _Event(msgspec.Struct, gc=False):
    """What the job reads of an event; the decoder passes over the rest."""

    event_id: str
    type: str
    occurred_at: str
    customer_id: str | None = None
    properties: _Properties = _Properties()


class _Customer(msgspec.Struct, array_like=True, gc=False):
    """The first fields are those by which a take-over tells that nothing is due."""

    customer_key: str
    next_wake_up_at: Instant | None = None
    rules_digest: str = ""
    runs: list[str] = []
    count: int = 0
    last_at: Instant = 0
    value: float = 0.0
    recent_ids: list[str] = []
    recent_types: list[str] = []
    recent_at: list[Instant] = []


class _Output(msgspec.Struct):
    customer_key: str
    order_id: str
    count: int
    value: float


@dataclass(slots=True)
class ThinFlush(Flush):
    """A flush with the outputs of the thin job."""

    outputs: list[tuple[str, bytes]] = field(default_factory=list)


class ThinPartition(Partition):
    """One partition of the thin job."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._live: dict[str, _Customer] = {}
        self._old: dict[str, _Customer] = {}
        self._touched: dict[str, _Customer] = {}
        self._thin_flush = ThinFlush()
        self._read = msgspec.json.Decoder(_Event).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Customer).decode
        self._put_out = msgspec.json.Encoder().encode

    def apply_record(self, topic: str, offset: int, key: bytes | None, value: bytes, now: Instant) -> bool:
        """Apply one record; a broken one becomes a dead letter and changes nothing."""
        self._moved = True
        self.inputs_seen += 1
        try:
            event = self._read(value)
            at = parse_instant(event.occurred_at)
        except ValueError as error:
            self._reject(Rejected(topic, offset, key, value, str(error), None, now))
            return True
        name = event.customer_id
        if name is None:
            return True
        customer = self._live.get(name)
        if customer is None:
            customer = self._live[name] = self._old.get(name) or self._stored(name)
        recent = customer.recent_ids
        if event.event_id in recent:
            return True
        customer.count += 1
        customer.last_at = at
        recent.append(event.event_id)
        customer.recent_types.append(event.type)
        customer.recent_at.append(at)
        if len(recent) > RECENT:
            del recent[0], customer.recent_types[0], customer.recent_at[0]
        total = event.properties.total
        if type(total) is float or type(total) is int:
            customer.value += total
        self._touched[name] = customer
        if event.type == "order_completed":
            output = _Output(name, event.properties.order_id, customer.count, customer.value)
            self._thin_flush.outputs.append((name, self._put_out(output)))
        return True

    def take_flush(self) -> ThinFlush:
        """What was collected since the last flush."""
        flush = self._thin_flush
        flush.rejected = self._flush.rejected
        encode = self._encode
        flush.states = [(name, _VERSION + encode(customer)) for name, customer in self._touched.items()]
        flush.record = encode(self.record)
        return flush

    def committed(self, flush: Flush) -> None:
        """The flush is durable."""
        super().committed(flush)
        if len(self._live) > LIVE_CUSTOMERS_MAX // 2:
            self._old, self._live = self._live, {}
        self._touched = {}
        self._thin_flush = ThinFlush()

    def _stored(self, name: str) -> _Customer:
        data = self.customers.get(name)
        return _Customer(name) if data is None else self._decode(memoryview(data)[1:])


def portions_to(topic: str) -> Core:
    """The thin job as an engine's core, its outputs on this topic."""

    def portions(flush: Flush, partition: int, partitions: int) -> Iterator[Portion]:
        assert isinstance(flush, ThinFlush)
        yield Portion(topic, partition, [(key.encode(), value, []) for key, value in flush.outputs])
        states: list[Row] = [(key.encode(), value, []) for key, value in flush.states]
        yield Portion(STATE_CHANGELOG, partition, [*states, (_RECORD_KEY, flush.record, [])])

    return Core(ThinPartition, portions)


async def _run(stop: asyncio.Event) -> None:
    settings = EngineSettings(kafka=os.environ["BENCH_KAFKA"], partitions=int(os.environ["BENCH_PARTITIONS"]))
    worker = EngineWorker(settings, SystemClock(), core=portions_to(f"{os.environ['BENCH_APP']}.out"))
    await worker.run(stop)


if __name__ == "__main__":
    start_logging("INFO")
    spare_the_long_lived()  # as `tetik engine` does
    run_process(_run)
