"""A whole run: shop, log, group, processes and sender, from a history; and what is on the log at its end.

Shop time stands still but for what the history and the loop's (much smaller) time add. When the history is
over, the faults stop, and time goes on to each pending wake-up until nothing is left to do.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from random import Random
from typing import Any
from unittest.mock import patch

from schemas.ids import marker_event_id
from schemas.instants import DAY_MS, Instant
from schemas.records import (
    EmailRequestRecord,
    EventRecord,
    Malformed,
    decode_email_request,
    decode_event,
    encode_record,
)
from schemas.rule_set import RuleSet
from schemas.topics import DEAD_LETTERS, DELIVERIES, EVENTS, OUTBOUND, RULES, STATE_CHANGELOG, TRIGGERS
from sender import app as sender_app
from sender.core import composing
from sender.core.addresses import normalise_address
from tests.fixtures.engine_cases import marker
from tests.simulation.group import Group
from tests.simulation.history import T0, Broken, Fault, Happened, History, Imported, Item, Published, Quiet
from tests.simulation.memory_log import MemoryBroker, MemoryRecord, every_topic
from tests.simulation.mortal import Killed, factory
from tests.simulation.post import Post
from tests.simulation.process import Process
from tests.simulation.rule_sets import compiled
from tests.simulation.snapshots import write_snapshot
from tests.simulation.virtual_time import Bell, passes, run
from trigger_engine.adapters import rule_book
from trigger_engine.adapters.log_port import Fenced
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.core.timer_index import NEVER

REST_MS = 60 * DAY_MS
"""How long the wake-ups that are left are followed after the last event."""
CUT_OFF_MAX_S = 2.0
TURN_S = 0.02
HOUSEKEEPING_S = 1.0
"""Of the senders: in the loop's time everything lies close together."""
PATIENT_TURNS = 6
TURNS_MAX = 3_000
"""A minute of the loop's time: longer than any watchdog, seek or rebalance takes."""


class NeverSettles(AssertionError):
    """The faults are over, and the system does not come to rest."""


@dataclass(slots=True)
class Log:
    """What was committed, record by record, nothing de-duplicated."""

    events: list[list[MemoryRecord]]
    decisions: list[list[MemoryRecord]]
    requests: list[list[MemoryRecord]]
    states: list[list[MemoryRecord]]
    dead_letters: list[MemoryRecord]
    deliveries: list[MemoryRecord]

    def events_of(self, number: int) -> Iterator[tuple[MemoryRecord, EventRecord]]:
        """The events of a partition that can be read."""
        for record in self.events[number]:
            with suppress(Malformed):
                yield record, decode_event(record.value or b"")

    def asked_for(self) -> Iterator[EmailRequestRecord]:
        """Every request."""
        for records in self.requests:
            for record in records:
                yield decode_email_request(record.value or b"")


@dataclass(slots=True)
class Outcome:
    """A run's end. `slowest_clock`: by partition and offset, a time that no process's clock was behind when
    that event was committed; `fastest_clock`: one that none had passed when it was written. `ahead`: how far
    clocks jumped. `copies`: what the relay took, by send id. `lost_settling`: mails that a sender had handed
    to the relay and not settled when it died."""

    history: History
    rule_sets: Sequence[RuleSet]
    log: Log
    now: Instant
    copies: dict[str, list[bytes]]
    failures: list[str] = field(default_factory=list)
    slowest_clock: list[dict[int, Instant]] = field(default_factory=list)
    fastest_clock: list[dict[int, Instant]] = field(default_factory=list)
    ahead: int = 0
    deaths: int = 0
    zombies: int = 0
    sender_deaths: int = 0
    lost_settling: int = 0


class World:
    """Everything that is not the engine's code."""

    def __init__(self, history: History, rule_sets: Sequence[RuleSet]) -> None:
        self.random = Random(history.seed)
        self.noise = history.noise
        self.partitions = history.partitions
        self.read_to: dict[int, int] = {}
        self._history = history
        self._rule_sets = rule_sets
        self._shift = T0
        self._numbers = count()
        self._late: dict[asyncio.Task[None], None] = {}
        self._over = False
        self._ahead = 0
        self._behind = 0
        self.outcome: Outcome | None = None
        self.failures: list[str] = []
        self.deaths = self.zombies = 0
        self.broker = MemoryBroker(every_topic(history.partitions), now=self.now)
        self.group = Group(self.random, history.partitions)
        self.leapt = Bell()
        self.post = Post(self, history.senders, retry_unanswered=history.retry_unanswered)

    def now(self) -> Instant:
        """Shop time."""
        return self._shift + int(asyncio.get_running_loop().time() * 1000)

    async def play(self) -> Outcome:
        """The whole history, then rest."""
        asyncio.get_running_loop().set_task_factory(factory)
        self.broker.set_pace(_Coordinator(self.random))
        group = asyncio.create_task(self.group.run())
        self.post.start()
        for _ in range(self._history.workers):
            self._start_process()
        for item in self._history.items:
            await self._advance(item)
            await self._do(item)
            await passes(self.random.random() * 0.012)
        await self._rest()
        group.cancel()
        return self._collect()

    def ended(self, process: Process, reason: BaseException) -> None:
        """A process has ended; the group finds out in a while, and another one is started."""
        self.deaths += 1
        if isinstance(reason, Fenced):
            self.zombies += 1
        elif not isinstance(reason, Killed):
            self.failures.append(f"{type(reason).__name__}: {reason}")
        self.later(self._replace())

    async def _replace(self) -> None:
        await passes(self.random.random() * 0.5)
        self.group.rebalance()
        await passes(self.random.random() * 0.5)
        self._start_process()

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Something that goes on beside; nothing is quiet until it has ended."""
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._late[task] = None
        task.add_done_callback(lambda done: self._late.pop(done, None))

    def _start_process(self) -> None:
        process = Process(self, next(self._numbers))
        self.group.members.append(process)
        process.start()
        self.group.rebalance()

    async def _advance(self, item: Item) -> None:
        """Let the time of an item come: wake-up by wake-up, unless there is an outage."""
        target = self._shift + item.gap
        if item.gap and not (isinstance(item, Quiet) and item.outage):
            for _ in range(40):
                due = self._next_due_at() - int(asyncio.get_running_loop().time() * 1000)
                if due >= target:
                    break
                self._leap(due + self.random.randrange(2_000))
                await self._until_quiet(PATIENT_TURNS)
        self._leap(target)

    def _leap(self, shift: Instant) -> None:
        """The shop's time goes on at once."""
        if shift > self._shift:
            self._shift = shift
            held = self.post.next_due_at()
            if held is not None and held <= self.now():
                self.leapt.ring()

    def _next_due_at(self) -> Instant:
        """In shop time: the clock of the process that waits for it may be behind or ahead."""
        alive = [member for member in self.group.members if member.alive]
        held = self.post.next_due_at()
        dues = [
            writer.next_due_at - member.clock.offset
            for member in alive
            for writer in member.owned.writers.values()
        ]
        return min([*dues, NEVER if held is None else held])

    async def _do(self, item: Item) -> None:
        if isinstance(item, Happened):
            if item.held:
                self.later(self._hold(item))
            else:
                self._append(item, self.now())
        elif isinstance(item, Broken):
            self._write(item.customer, item.text.encode())
        elif isinstance(item, Published):
            self._publish(self._rule_sets[item.number % len(self._rule_sets)])
        elif isinstance(item, Imported):
            value = encode_record(item.record(self.now()))
            self.broker.produce(EVENTS, item.partition % self.partitions, (None, value, []))
        elif isinstance(item, Quiet):
            await self._until_quiet(PATIENT_TURNS * 4)
        else:
            self._go_wrong(item)

    async def _hold(self, item: Happened) -> None:
        received_at = self.now()
        await passes(item.held / 1000)
        self._append(item, received_at)

    def _append(self, item: Happened, received_at: Instant) -> None:
        self._write(item.customer or f"anon:{item.device}", encode_record(item.record(received_at)))

    def _write(self, customer: str, value: bytes) -> None:
        key = customer.encode()
        self.broker.produce(EVENTS, partition_of(key, self.partitions), (key, value, []))

    def _publish(self, rule_set: RuleSet) -> None:
        """The set first, then the markers, as `tetik triggers publish` writes them."""
        self.broker.produce(RULES, 0, (rule_set.digest.encode(), rule_set.model_dump_json().encode(), []))
        for number in range(self.partitions):
            value = marker(rule_set.digest, marker_event_id(rule_set.digest, number), self.now())
            self.broker.produce(EVENTS, number, (None, value, []))
        write_snapshot(self.broker, f"beside-{rule_set.digest}", self.partitions, self.now())

    def _go_wrong(self, fault: Fault) -> None:
        if fault.kind.startswith("sender_"):
            self.post.go_wrong(fault)
            return
        alive = [member for member in self.group.members if member.alive]
        if not alive:
            return
        process = alive[fault.worker % len(alive)]
        if fault.kind == "kill":
            process.doom(fault.amount)
        elif fault.kind == "rebalance":
            self.group.rebalance()
        elif fault.kind == "clock":
            process.clock.offset += fault.amount
            self._ahead += max(0, fault.amount)
            self._behind += max(0, -fault.amount)
        elif fault.kind in ("freeze", "isolate"):
            self._cut_off(process, frozen=fault.kind == "freeze")
        else:
            self._bring_back(process)

    def _cut_off(self, process: Process, *, frozen: bool) -> None:
        if frozen:
            process.freeze()
        process.leave()
        self.group.rebalance()
        self.later(self._recover(process))

    async def _recover(self, process: Process) -> None:
        """Nobody stays cut off for ever: it finds out by itself that it was left out."""
        await passes(self.random.random() * CUT_OFF_MAX_S)
        if process.alive:
            self._bring_back(process)

    def _bring_back(self, process: Process) -> None:
        process.thaw()
        if not process.member:
            process.join()
            self.group.rebalance()

    async def _until_quiet(self, turns: int) -> bool:
        """Whether all that is known was worked off in so many turns."""
        for _ in range(turns):
            if self._quiet():
                return True
            await passes(TURN_S)
        return False

    def _quiet(self) -> bool:
        if not self.group.settled or self._late or self.broker.deciding:
            return False
        owned = set()
        for member in self.group.members:
            if not (member.alive and member.member and member.flowing):
                continue
            for number, writer in member.owned.writers.items():
                if not writer.settled(member.clock.now()) or not member.has_read(number):
                    return False
                owned.add(number)
        return len(owned) == self.partitions and self.post.idle

    async def _rest(self) -> None:
        """The faults stop; every wake-up has its time; then nothing is left."""
        self.noise = 0.0
        for process in self.group.members:
            if process.alive:
                self._bring_back(process)
        self.post.bring_back()
        until = self.now() + REST_MS
        while True:
            if not await self._until_quiet(TURNS_MAX):
                raise NeverSettles(f"after {TURNS_MAX} turns: {self._state_of_things()}")
            due = self._next_due_at()
            if due > until:
                return
            self._leap(due - int(asyncio.get_running_loop().time() * 1000))

    def _state_of_things(self) -> str:
        lines = [
            f"group settled: {self.group.settled}, senders idle: {self.post.idle}, late: {len(self._late)}"
        ]
        for member in self.group.members:
            for number, writer in member.owned.writers.items():
                lines.append(
                    f"process {member.number} (alive {member.alive}, member {member.member}, flowing "
                    f"{member.flowing}, last step {member.point!r}): partition {number} at "
                    f"{writer.next_offset} of {self.broker.partition(EVENTS, number).end}"
                )
        return "\n".join([*lines, *self.failures])

    def _collect(self) -> Outcome:
        def all_of(topic: str, partitions: int) -> list[list[MemoryRecord]]:
            return [self.broker.fetch(topic, number, 0, 2**62)[0] for number in range(partitions)]

        log = Log(
            events=all_of(EVENTS, self.partitions),
            decisions=all_of(TRIGGERS, self.partitions),
            requests=all_of(OUTBOUND, self.partitions),
            states=all_of(STATE_CHANGELOG, self.partitions),
            dead_letters=all_of(DEAD_LETTERS, 1)[0],
            deliveries=[record for records in all_of(DELIVERIES, self.partitions) for record in records],
        )
        slowest = [{r.offset: (r.visible_at or 0) - self._behind for r in records} for records in log.events]
        fastest = [{r.offset: r.written_at + self._ahead for r in records} for records in log.events]
        return Outcome(
            history=self._history,
            rule_sets=self._rule_sets,
            log=log,
            now=self.now() + self._ahead,
            copies=dict(self.post.relay.copies),
            failures=self.failures,
            slowest_clock=slowest,
            fastest_clock=fastest,
            ahead=self._ahead,
            deaths=self.deaths,
            zombies=self.zombies,
            sender_deaths=self.post.deaths,
            lost_settling=self.post.lost_settling,
        )


class _Coordinator:
    """The broker takes its time between a transaction's end and its markers."""

    def __init__(self, random: Random) -> None:
        self._random = random

    async def at(self, point: str) -> None:
        chance = self._random.random()
        await passes(0 if chance < 0.6 else chance * 0.01)

    def slice(self, available: int) -> int:
        return available


_normalised_once = cache(normalise_address)
"""The same few customers are mailed over and over."""


def simulate(history: History, rule_sets: Sequence[RuleSet]) -> Outcome:
    """Run a history to its end. Raises NeverSettles, and Deadlock."""
    with (
        patch.object(rule_book, "load_rules", compiled),
        patch.object(sender_app, "HOUSEKEEPING_S", HOUSEKEEPING_S),
        patch.object(composing, "normalise_address", _normalised_once),
    ):
        return run(lambda: World(history, rule_sets).play())
