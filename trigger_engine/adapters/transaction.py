"""One transaction per flush: outputs, touched customers and partition record become durable together.

Each partition has a writer of its own, named `<group>-<partition>`: opening it fences whoever owned the
partition before.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from schemas.contract import Contract
from schemas.decision import Decision
from schemas.email_request import EmailRequest
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.instants import parse_instant
from schemas.records import encode_record
from schemas.topics import DEAD_LETTERS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from trigger_engine.adapters.dead_letters import SOURCE, dead_letter_of
from trigger_engine.adapters.log_port import EngineLog, LogWriter, Row
from trigger_engine.core.effects import Decide
from trigger_engine.core.partition import PARTITION_RECORD_KEY, Flush

_NO_HEADERS: KafkaHeaders = []


class Portion(NamedTuple):
    """Records of a flush that go to one partition of a topic, in order."""

    topic: str
    partition: int
    rows: Iterator[Row]


class TransactionalLog:
    """Writes flushes of one partition. Raises Fenced and what the log raises; then it is unusable."""

    def __init__(self, writer: LogWriter, partition: int) -> None:
        self._writer = writer
        self._partition = partition

    @classmethod
    async def open(cls, log: EngineLog, group: str, partition: int) -> "TransactionalLog":
        """Fence the former owner of the partition and become its only writer."""
        return cls(await log.open_writer(f"{group}-{partition}"), partition)

    async def commit(self, flush: Flush) -> None:
        """Make a flush durable; when it returns, all of it is, and before that, none."""
        async with self._writer.transaction() as transaction:
            for portion in portions_of(flush, self._partition):
                await transaction.append(*portion)

    async def close(self) -> None:
        """Give the writer up."""
        await self._writer.close()


def portions_of(flush: Flush, partition: int) -> Iterator[Portion]:
    """What a flush of `partition` writes, and where."""
    # Customer-keyed topics have the same partition count, and so the customer the same partition.
    yield Portion(TRIGGERS, partition, _decision_rows(flush))
    yield Portion(OUTBOUND, partition, _request_rows(flush))
    yield Portion(STATE_CHANGELOG, partition, _state_rows(flush))
    yield Portion(DEAD_LETTERS, 0, _dead_letter_rows(flush, partition))


def _decision_rows(flush: Flush) -> Iterator[Row]:
    for effect in flush.effects:
        if isinstance(effect, Decide):
            record = effect.record
            headers = _headers(Decision, record.decision_id, record.decided_at)
            yield record.customer_key.encode(), encode_record(record), headers


def _request_rows(flush: Flush) -> Iterator[Row]:
    for effect in flush.effects:
        if not isinstance(effect, Decide):
            record = effect.record
            headers = _headers(EmailRequest, f"{record.send_id}-{record.action}", record.decided_at)
            yield record.customer_key.encode(), encode_record(record), headers


def _state_rows(flush: Flush) -> Iterator[Row]:
    for key, value in flush.states:
        yield key.encode(), value, _NO_HEADERS
    yield PARTITION_RECORD_KEY.encode(), flush.record, _NO_HEADERS


def _dead_letter_rows(flush: Flush, partition: int) -> Iterator[Row]:
    for rejected in flush.rejected:
        yield dead_letter_of(rejected, partition, flush.rules_digest)


def _headers(contract: type[Contract], record_id: str, decided_at: str) -> KafkaHeaders:
    """Thousands of decisions share one `decided_at`, and so all of their headers but the id."""
    return [("ce_id", record_id.encode()), *_shared_headers(contract, decided_at)]


@lru_cache(maxsize=64)
def _shared_headers(contract: type[Contract], decided_at: str) -> tuple[tuple[str, bytes], ...]:
    headers = cloud_event_headers(contract, record_id="", source=SOURCE, time=parse_instant(decided_at))
    return tuple(header for header in headers if header[0] != "ce_id")
