"""The sender, as far as the engine can tell: it obeys requests in order, mails once, and reports.

Its ledger outlives it. A cancel stops what was not handed to the relay yet and leaves a mark that a request
read again obeys; what became of each mail goes back to the event log under the sender's own ids.
"""

from collections import Counter
from random import Random
from typing import Protocol

from schemas.instants import Instant, parse_instant
from schemas.records import EmailRequestRecord, decode_email_request, encode_record
from schemas.topics import EVENTS, OUTBOUND
from sender.core.outcomes import Outcome, feedback_of
from tests.simulation.memory_log import MemoryBroker
from tests.simulation.virtual_time import passes
from trigger_engine.adapters.partitioning import partition_of

_REASONS = {
    "sent": "250 ok",
    "expired": "too late",
    "suppressed": "the address is suppressed",
    "failed": "550",
}


class Shop(Protocol):
    """The world of the sender."""

    random: Random
    broker: MemoryBroker
    partitions: int

    def now(self) -> Instant: ...


class Sender:
    """`mailed` counts what really went out, by send id."""

    def __init__(self, shop: Shop) -> None:
        self.mailed: Counter[str] = Counter()
        self._shop = shop
        self._ledger: dict[str, Outcome] = {}
        self._waiting: dict[str, EmailRequestRecord] = {}
        self._committed = dict.fromkeys(range(shop.partitions), 0)
        self._positions = dict(self._committed)

    @property
    def idle(self) -> bool:
        """Whether it has read everything and mailed what it will."""
        broker = self._shop.broker
        return not self._waiting and all(
            position >= broker.partition(OUTBOUND, number).committed_end
            for number, position in self._positions.items()
        )

    def restart(self) -> None:
        """It reads again what it had not committed."""
        self._positions = dict(self._committed)
        self._shop.broker.tell()

    async def run(self) -> None:
        """Work for ever."""
        random = self._shop.random
        while True:
            for number in self._positions:
                start = self._positions[number]
                records, end = self._shop.broker.fetch(OUTBOUND, number, start, random.randint(1, 8))
                for record in records:
                    assert record.value is not None, "requests are never deleted"
                    self._obey(decode_email_request(record.value))
                self._positions[number] = end
                if random.random() < 0.5:
                    self._committed[number] = end
            for request in tuple(self._waiting.values()):
                if random.random() < 0.4:
                    self._conclude(request)
            await passes(random.random() * 0.2)
            if self.idle:
                await self._shop.broker.news()

    def _obey(self, request: EmailRequestRecord) -> None:
        """A mail waits for its turn, and until it has come it can be cancelled."""
        known = self._ledger.get(request.send_id)
        if known is not None:
            self._report(known)
        elif request.action == "cancel":
            self._conclude(request)
        else:
            self._waiting[request.send_id] = request

    def _conclude(self, request: EmailRequestRecord) -> None:
        now, chance = self._shop.now(), self._shop.random.random()
        if request.action == "cancel":
            status = "cancelled"
        elif request.expires_at is not None and now > parse_instant(request.expires_at):
            status = "expired"
        else:
            status = "suppressed" if chance < 0.03 else "failed" if chance < 0.06 else "sent"
        self._waiting.pop(request.send_id, None)
        self.mailed[request.send_id] += status == "sent"
        outcome = Outcome(
            request.send_id,
            request.customer_key,
            request.trigger_id,
            request.step,
            status,
            _REASONS.get(status, "it was cancelled before it was sent"),
            1,
            now,
        )
        self._ledger[request.send_id] = outcome
        self._report(outcome)

    def _report(self, outcome: Outcome) -> None:
        event = feedback_of(outcome)
        key = outcome.customer_key.encode()
        number = partition_of(key, self._shop.partitions)
        self._shop.broker.produce(EVENTS, number, (key, encode_record(event), []))
