"""All senders of a run, their group, their ledger and the relay; what goes wrong with them.

A sender that ends is followed by another, most often of its name. One that is frozen or cut off is left out
by the group and goes on all the same: a zombie, which only the ledger stops.
"""

from collections.abc import Coroutine
from itertools import count
from typing import Any, Protocol

from schemas.instants import Instant
from schemas.topics import OUTBOUND
from tests.simulation.history import Fault
from tests.simulation.memory_ledger import LedgerStore
from tests.simulation.mortal import Killed
from tests.simulation.relay import Relay
from tests.simulation.sender import SenderProcess, Shop
from tests.simulation.virtual_time import passes

CUT_OFF_MAX_S = 2.0


class World(Shop, Protocol):
    """What the post needs of it."""

    failures: list[str]

    def later(self, work: Coroutine[Any, Any, None]) -> None: ...


class Post:
    """`deaths`: senders that ended; `lost_settling`: mails that had been handed to the relay and not settled
    by then."""

    def __init__(self, world: World, senders: int, *, retry_unanswered: bool) -> None:
        self.relay = Relay()
        self.ledger = LedgerStore(world.now)
        self.deaths = self.lost_settling = 0
        self._world = world
        self._retry_unanswered = retry_unanswered
        self._wanted = senders
        self._members: list[SenderProcess] = []
        self._numbers = count()
        self._committed = dict.fromkeys(range(world.partitions), 0)
        self._owners: dict[int, SenderProcess] = {}

    def start(self) -> None:
        """The first senders."""
        for _ in range(self._wanted):
            self._start(None)

    @property
    def idle(self) -> bool:
        """Whether every request was read and every mail that is due is done with."""
        broker, now = self._world.broker, self._world.now()
        unread = any(
            offset < broker.partition(OUTBOUND, number).committed_end and number not in self._owners
            for number, offset in self._committed.items()
        )
        owned = len(self._owners) == self._world.partitions
        left = self.ledger.next_lease_end()
        silent = left is not None and left <= now
        alive = [member for member in self._members if member.alive]
        return owned and not unread and not silent and all(member.idle for member in alive)

    def next_due_at(self) -> Instant | None:
        """Of the held mails, and of those in the hands of senders that have ended."""
        known = (min(self.ledger.deferred.values(), default=None), self.ledger.next_lease_end())
        return min((at for at in known if at is not None), default=None)

    def go_wrong(self, fault: Fault) -> None:
        """One of them is hit."""
        alive = [member for member in self._members if member.alive]
        if not alive:
            return
        process = alive[fault.worker % len(alive)]
        if fault.kind == "sender_kill":
            process.doom(fault.amount, fault.point)
        elif fault.kind == "sender_stop":
            process.sender.stop()
        elif fault.kind in ("sender_freeze", "sender_isolate"):
            if fault.kind == "sender_freeze":
                process.freeze()
            process.leave()
            self._rebalance()
            self._world.later(self._recover(process))
        else:
            self._rebalance()

    def bring_back(self) -> None:
        """Nobody is cut off any more."""
        for process in self._members:
            if process.alive and not process.member:
                process.thaw()
                process.join()
        self._rebalance()

    # --- the group, as its members see it

    def committed(self, number: int) -> int:
        """Where a partition is read from."""
        return self._committed[number]

    def commit(self, process: SenderProcess, number: int, offset: int) -> None:
        """Who was left out is not heard."""
        if self._owners.get(number) is process:
            self._committed[number] = max(self._committed[number], offset)

    def joined(self, process: SenderProcess) -> None:
        """One more."""
        self._members.append(process)
        self._rebalance()

    def _rebalance(self) -> None:
        self._members = [member for member in self._members if member.alive]
        present = [member for member in self._members if member.member]
        self._owners = {}
        for number in self._committed:
            if present:
                self._owners[number] = self._world.random.choice(present)
        for member in present:
            member.inbox.assign({number for number, owner in self._owners.items() if owner is member})

    # --- coming and going

    def _start(self, instance: str | None) -> None:
        number = next(self._numbers)
        SenderProcess(
            self._world,
            self,
            number,
            instance or f"sender-{number}",
            ledger=self.ledger,
            relay=self.relay,
            retry_unanswered=self._retry_unanswered,
            ended=self._ended,
        ).start()

    def _ended(self, process: SenderProcess, reason: BaseException) -> None:
        self.deaths += 1
        if not isinstance(reason, Killed):
            self._world.failures.append(f"a sender: {_first(reason)}")
        mine = process.ledger.owns
        self.lost_settling += sum(
            entry.at_dot and mine(entry) and bool(self.relay.copies.get(send_id))
            for send_id, entry in self.ledger.entries.items()
        )
        self._world.later(self._replace(process))

    async def _replace(self, process: SenderProcess) -> None:
        random = self._world.random
        await passes(random.random() * 0.5)
        self._rebalance()
        await passes(random.random() * 0.5)
        self._start(process.instance if random.random() < 0.75 else None)

    async def _recover(self, process: SenderProcess) -> None:
        await passes(self._world.random.random() * CUT_OFF_MAX_S)
        if process.alive:
            process.thaw()
            process.join()
            self._rebalance()


def _first(reason: BaseException) -> str:
    while isinstance(reason, BaseExceptionGroup):
        reason = reason.exceptions[0]
    return f"{type(reason).__name__}: {reason}"
