"""Bugs of the kinds that we fear, each planted into the engine's or the sender's own classes for the time of
a simulation.

The judge never runs with a bug: what it replays is the engine as it is.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from schemas.event import CUSTOMER_ERASED
from schemas.instants import Instant
from schemas.topics import DEAD_LETTERS, EVENTS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from sender import courier
from sender.adapters.kafka_in import InboxRecord
from sender.app import Sender
from sender.core.policy import Concluded, Held, Unanswered, judge
from sender.core.requests import SendRequest
from tests.simulation.rule_sets import rule_sets
from trigger_engine.adapters import ownership, takeover
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.log_port import EngineLog
from trigger_engine.adapters.takeover import TakenOver, take_over
from trigger_engine.adapters.transaction import Portion, TransactionalLog, portions_of
from trigger_engine.app import PartitionWriter
from trigger_engine.core import endings, hand_over, mails, step, working_set
from trigger_engine.core.flush import PARTITION_RECORD_KEY, Flush
from trigger_engine.core.partition import Partition
from trigger_engine.core.state import CustomerState, decode_state

Planted = Callable[[], AbstractContextManager[Any]]
TOO_EARLY_MS = 60_000


async def _commit_apart(log: TransactionalLog, flush: Flush, belongs: Callable[[Portion], bool]) -> None:
    """A flush in two transactions: what belongs first, then the rest."""
    for first in (True, False):
        async with log._writer.transaction() as transaction:
            for portion in portions_of(flush, log._partition, log._partitions):
                if belongs(portion) == first:
                    await transaction.append(*portion)


def _record_apart(*, ahead: bool) -> AbstractContextManager[Any]:
    progress = PARTITION_RECORD_KEY.encode()

    async def commit(self: TransactionalLog, flush: Flush) -> None:
        for wanted in (ahead, not ahead):
            async with self._writer.transaction() as transaction:
                for topic, number, rows in portions_of(flush, self._partition, self._partitions):
                    kept = [row for row in rows if (row[0] == progress) == wanted]
                    await transaction.append(topic, number, kept)

    return patch.object(TransactionalLog, "commit", commit)


def record_behind() -> AbstractContextManager[Any]:
    """The partition record follows in a transaction of its own."""
    return _record_apart(ahead=False)


def record_ahead() -> AbstractContextManager[Any]:
    """The partition record goes before, in a transaction of its own."""
    return _record_apart(ahead=True)


def outputs_outside() -> AbstractContextManager[Any]:
    """Decisions and requests are committed before the states."""

    async def commit(self: TransactionalLog, flush: Flush) -> None:
        outputs = (TRIGGERS, OUTBOUND, EVENTS, DEAD_LETTERS)
        await _commit_apart(self, flush, lambda portion: portion.topic in outputs)

    return patch.object(TransactionalLog, "commit", commit)


def states_first() -> AbstractContextManager[Any]:
    """States and progress are committed before decisions and requests."""

    async def commit(self: TransactionalLog, flush: Flush) -> None:
        await _commit_apart(self, flush, lambda portion: portion.topic == STATE_CHANGELOG)

    return patch.object(TransactionalLog, "commit", commit)


def read_before_fencing() -> AbstractContextManager[Any]:
    """The changelog is read while the former owner can still write."""
    open_writer = TransactionalLog.open

    class Later:
        """Stands in for the writer until everything has been read."""

        def __init__(self, log: EngineLog, group: str, number: int, partitions: int) -> None:
            self._opened: TransactionalLog | None = None
            self._given = (log, group, number, partitions)

        async def commit(self, flush: Flush) -> None:
            if self._opened is None:
                self._opened = await open_writer(*self._given)
            await self._opened.commit(flush)

        async def close(self) -> None:
            if self._opened is not None:
                await self._opened.close()

    class Wrong(TransactionalLog):
        @classmethod
        async def open(cls, log: EngineLog, group: str, partition: int, partitions: int) -> Any:
            return Later(log, group, partition, partitions)

    return patch.object(takeover, "TransactionalLog", Wrong)


def gap_ignored() -> AbstractContextManager[Any]:
    """A batch that begins above the partition record is applied all the same."""
    apply = PartitionWriter._apply

    async def wrong(self: PartitionWriter, batch: Batch) -> None:
        if batch.start > self.next_offset:
            self.partition.advance(batch.topic, batch.start)
        await apply(self, batch)

    return patch.object(PartitionWriter, "_apply", wrong)


def overlap_applied() -> AbstractContextManager[Any]:
    """A batch that was applied already is applied again."""
    apply = PartitionWriter._apply

    async def wrong(self: PartitionWriter, batch: Batch) -> None:
        if batch.start < self.next_offset:
            self.partition.advance(batch.topic, batch.start)
        await apply(self, batch)

    return patch.object(PartitionWriter, "_apply", wrong)


def early() -> AbstractContextManager[Any]:
    """Wake-ups are performed a minute before they are due."""
    fire_due = Partition.fire_due

    def wrong(self: Partition, until: Instant, now: Instant, limit: int | None = None) -> int:
        return fire_due(self, until + TOO_EARLY_MS, now + TOO_EARLY_MS, limit)

    return patch.object(Partition, "fire_due", wrong)


def before_the_backlog() -> AbstractContextManager[Any]:
    """A wake-up does not wait until the log has been read to its end."""
    log_ended = PartitionWriter.log_ended

    def wrong(self: PartitionWriter, asked_at: Instant, end: int) -> None:
        log_ended(self, asked_at, 0)

    return patch.object(PartitionWriter, "log_ended", wrong)


def _on_recovery(forget: Callable[[CustomerState], None]) -> AbstractContextManager[Any]:
    """What is forgotten whenever a customer's state is read from its bytes."""

    def wrong(data: bytes) -> CustomerState:
        state = decode_state(data)
        forget(state)
        return state

    return patch.object(working_set, "decode_state", wrong)


def cooldown_forgotten() -> AbstractContextManager[Any]:
    """After a take-over, nobody knows when a trigger mailed last."""

    def forget(state: CustomerState) -> None:
        for memory in state.memories.values():
            memory.last_mailed_at = None

    return _on_recovery(forget)


def alias_forgotten() -> AbstractContextManager[Any]:
    """After a take-over, devices that became customers are strangers again."""

    def forget(state: CustomerState) -> None:
        state.alias = None

    return _on_recovery(forget)


def cap_not_returned() -> AbstractContextManager[Any]:
    """A mail that was not sent keeps its place under the caps."""
    return patch.object(mails, "return_slot", lambda state, send_id: None)


def cancel_ignored() -> AbstractContextManager[Any]:
    """A purchase after the request takes no mail back."""
    return patch.object(endings, "take_back", lambda turn, mail, why: None)


def erasure_ignored() -> AbstractContextManager[Any]:
    """Who is erased goes on as before."""
    return patch.object(step, "erase", lambda turn, event: None)


def device_left() -> AbstractContextManager[Any]:
    """The devices of who is erased keep what they know."""
    return patch.object(hand_over, "erase_device", lambda turn, event: event.type == CUSTOMER_ERASED)


def offer_not_returned() -> AbstractContextManager[Any]:
    """An offer counts as given though its mail was not sent."""
    return patch.object(mails, "return_offer", lambda state, send_id: None)


def codes_forgotten() -> AbstractContextManager[Any]:
    """How many codes of a pool were given is not kept."""

    async def wrong(*asked: Any, **more: Any) -> TakenOver:
        taken = await take_over(*asked, **more)
        taken.record.codes_taken.clear()
        return taken

    return patch.object(ownership, "take_over", wrong)


def stale_rules() -> AbstractContextManager[Any]:
    """After a take-over, the rules are those that were published first."""

    async def wrong(*asked: Any, **more: Any) -> TakenOver:
        taken = await take_over(*asked, **more)
        if taken.record.rules_digest:
            taken.record.rules_digest = rule_sets()[0].digest
        return taken

    return patch.object(ownership, "take_over", wrong)


def done_too_soon() -> AbstractContextManager[Any]:
    """A request counts as done when it was read."""
    take = Sender._take

    async def wrong(self: Sender, record: InboxRecord) -> None:
        record.done()
        await take(self, record)

    return patch.object(Sender, "_take", wrong)


def dot_repeated() -> AbstractContextManager[Any]:
    """A mail whose final dot was not answered is simply tried again."""

    def wrong(request: SendRequest, answer: Any, *, now: Instant, **more: Any) -> Concluded | Held:
        if isinstance(answer, Unanswered):
            return Held(now, answer.reason)
        return judge(request, answer, now=now, **more)

    return patch.object(courier, "judge", wrong)


def told_before_kept() -> AbstractContextManager[Any]:
    """An outcome is told, then recorded; the ledger may know better by then."""
    settle = courier.Courier._settle

    async def wrong(self: courier.Courier, request: SendRequest, claim: Any, result: Any) -> None:
        if isinstance(result, Concluded):
            await self._publisher.report(result.outcome)
        await settle(self, request, claim, result)

    return patch.object(courier.Courier, "_settle", wrong)


BUGS: dict[str, Planted] = {
    "partition record outside the transaction, behind": record_behind,
    "partition record outside the transaction, ahead": record_ahead,
    "outputs outside the transaction": outputs_outside,
    "states before the outputs": states_first,
    "changelog read before fencing": read_before_fencing,
    "a gap in a batch ignored": gap_ignored,
    "an overlap applied again": overlap_applied,
    "fire before due": early,
    "wake-up before the backlog": before_the_backlog,
    "cooldown forgotten on recovery": cooldown_forgotten,
    "cap not returned": cap_not_returned,
    "alias forgotten": alias_forgotten,
    "cancel ignored": cancel_ignored,
    "codes given again after a restart": codes_forgotten,
    "stale rules after a restart": stale_rules,
    "an erasure ignored": erasure_ignored,
    "the devices of who is erased left": device_left,
    "an offer not returned": offer_not_returned,
    "a request done before its mail": done_too_soon,
    "an unanswered dot repeated": dot_repeated,
    "an outcome told before it is kept": told_before_kept,
}
