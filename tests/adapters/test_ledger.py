"""What the sender relies on, held against its ledger in a real Redis and against the simulator's alike."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from itertools import count
from random import Random
from time import time
from typing import NamedTuple

import pytest

from schemas.instants import DAY_MS
from sender.adapters.redis_ledger import RedisLedger
from sender.core.ledger import ClaimAnswer, Claimed, Elsewhere, Final, Interrupted
from sender.core.outcomes import Outcome, after_silence
from sender.core.policy import Concluded, Held, SuppressionScope
from tests.adapters.conftest import Dawdling
from tests.simulation.memory_ledger import Ledger, LedgerStore, MemoryLedger, Prompt

LEASE_MS = 3_600_000
NOW = 1_700_000_000_000
_numbers = count()


class Sender(NamedTuple):
    """A client of the ledger, as a test speaks with it."""

    ledger: Ledger

    async def claim(
        self, mail: str = "m1", *, wire: bytes = b"wire", now: int = NOW, to: str = "address"
    ) -> ClaimAnswer:
        """The request tells what was asked for, the origin where."""
        return await self.ledger.claim(
            mail, to, request=b"request of " + mail.encode(), origin="0:7", wire=wire, now=now
        )

    async def claimed(self, mail: str = "m1", *, now: int = NOW, to: str = "address") -> Claimed:
        """It must be free."""
        answer = await self.claim(mail, now=now, to=to)
        assert isinstance(answer, Claimed)
        return answer

    async def finish(
        self, mail: str, owner: str, status: str, suppress: SuppressionScope | None = None
    ) -> bool:
        """With an outcome of that status."""
        return await self.ledger.finish(
            mail, owner, "address", Concluded(outcome(mail, status), suppress=suppress)
        )

    async def sent(self, mail: str = "m1") -> None:
        """Claimed and finished."""
        assert await self.finish(mail, (await self.claimed(mail)).owner, "sent")


class Bench(ABC):
    """One ledger, empty at first, and any number of senders on it."""

    @abstractmethod
    def client(self, instance: str, lease_ms: int, retention_days: int) -> Ledger:
        """Not opened yet."""

    async def sender(
        self, instance: str = "one", *, lease_ms: int = LEASE_MS, retention_days: int = 30
    ) -> Sender:
        """A sender of that name; a second one is its successor."""
        ledger = self.client(instance, lease_ms, retention_days)
        await ledger.open()
        return Sender(ledger)


class MemoryBench(Bench):
    """In memory; `dawdling`: everything is torn apart, and answers are lost."""

    def __init__(self, *, dawdling: bool) -> None:
        self._store = LedgerStore(lambda: int(time() * 1000))
        self._pace = Losing() if dawdling else Prompt()

    def client(self, instance: str, lease_ms: int, retention_days: int) -> Ledger:
        return MemoryLedger(
            self._store, instance=instance, lease_ms=lease_ms, retention_days=retention_days, pace=self._pace
        )


class Losing(Dawdling):
    """Every other answer does not arrive."""

    def __init__(self) -> None:
        super().__init__()
        self._chance = Random(2)

    def lost(self) -> bool:
        return self._chance.random() < 0.5


class RedisBench(Bench):
    """A real Redis."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._prefix = f"ledger-suite-{next(_numbers)}:"
        self.opened: list[RedisLedger] = []

    def client(self, instance: str, lease_ms: int, retention_days: int) -> Ledger:
        self.opened.append(
            RedisLedger(
                self._url,
                instance=instance,
                lease_ms=lease_ms,
                retention_days=retention_days,
                prefix=self._prefix,
                connections=2,
            )
        )
        return self.opened[-1]


@pytest.fixture(params=["memory", "dawdling memory", "redis"])
async def ledgers(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each test runs over both."""
    if request.param != "redis":
        yield MemoryBench(dawdling=request.param == "dawdling memory")
        return
    bench = RedisBench(request.getfixturevalue("redis_url"))
    yield bench
    for ledger in bench.opened:
        await ledger.close()


def outcome(mail: str, status: str) -> Outcome:
    return Outcome(mail, "c1", "cart", "reminder", status, f"it was {status}", 1, NOW)


def held(due_at: int, *, tried: bool = True, repeats: bool = False) -> Held:
    return Held(due_at, "later", tried=tried, repeats=repeats)


async def test_a_mail_is_claimed_once(ledgers: Bench) -> None:
    one, other = await ledgers.sender("one"), await ledgers.sender("other")
    claim = await one.claimed()
    assert (claim.attempt, claim.repeated, claim.wire) == (1, False, b"wire")
    assert (claim.suppressed_all, claim.suppressed_marketing) == (None, None)
    assert await one.claim() == Elsewhere("busy")
    assert await other.claim() == Elsewhere("busy")
    assert await one.ledger.claimed_ids() == ["m1"]
    assert await one.ledger.request_of("m1") == (b"request of m1", "0:7")
    assert isinstance(await other.claim("m2"), Claimed)


async def test_a_successor_of_the_same_name_inherits_a_claim_at_once(ledgers: Bench) -> None:
    dead = await (await ledgers.sender("one")).claimed()
    successor = await ledgers.sender("one")
    alive = await successor.claim(wire=b"composed anew")
    assert isinstance(alive, Claimed)
    assert alive.owner != dead.owner
    assert alive.wire == b"wire", "the bytes of the first try stay"


async def test_a_predecessor_takes_nothing_back(ledgers: Bench) -> None:
    before = await ledgers.sender("one")
    claim = await before.claimed()
    await (await ledgers.sender("one")).claimed()
    assert await before.claim() == Elsewhere("busy")
    assert not await before.ledger.advance("m1", claim.owner)
    assert not await before.finish("m1", claim.owner, "sent")
    assert not await before.ledger.defer("m1", claim.owner, held(NOW))


async def test_others_take_a_claim_over_when_its_lease_is_over(ledgers: Bench) -> None:
    silent, other = await ledgers.sender("silent", lease_ms=0), await ledgers.sender("other")
    claim = await silent.claimed()
    taken = await other.claim()
    assert isinstance(taken, Claimed)
    assert await other.ledger.advance("m1", taken.owner)
    assert not await silent.ledger.advance("m1", claim.owner)


async def test_a_lease_holds_after_the_dot_too(ledgers: Bench) -> None:
    one, other = await ledgers.sender("one"), await ledgers.sender("other", lease_ms=0)
    claim = await one.claimed()
    assert await one.ledger.advance("m1", claim.owner)
    assert await other.claim() == Elsewhere("busy")


@pytest.mark.parametrize("successor", ["one", "other"])
async def test_who_fell_silent_after_the_dot_leaves_the_one_ambiguous_case(
    ledgers: Bench, successor: str
) -> None:
    first = await ledgers.sender("one", lease_ms=0)
    claim = await first.claimed()
    assert await first.ledger.advance("m1", claim.owner)
    second = await ledgers.sender(successor)
    found = await second.claim()
    assert isinstance(found, Interrupted)
    assert (found.attempt, found.repeated) == (1, False)
    assert not await first.finish("m1", claim.owner, "sent")
    assert await second.finish("m1", found.owner, "ambiguous")
    assert await second.ledger.ambiguous_ids() == ["m1"]


async def test_an_outcome_stands_and_waits_to_be_told(ledgers: Bench) -> None:
    one, other = await ledgers.sender("one"), await ledgers.sender("other")
    claim = await one.claimed()
    assert await one.ledger.advance("m1", claim.owner)
    assert await one.finish("m1", claim.owner, "sent")
    assert await one.finish("m1", claim.owner, "sent"), "an answer that got lost is asked for again"
    assert not await one.finish("m1", claim.owner, "failed")
    assert await other.claim() == Final(outcome("m1", "sent"), reported=False)
    assert await other.ledger.unreported() == [outcome("m1", "sent")]
    assert await other.ledger.claimed_ids() == []
    assert await other.ledger.request_of("m1") == (b"request of m1", "0:7")
    await one.ledger.mark_reported("m1")
    assert await other.claim() == Final(outcome("m1", "sent"), reported=True)
    assert await other.ledger.unreported() == []
    assert await other.ledger.request_of("m1") is None


async def test_an_entry_is_forgotten_some_days_after_it_was_told(ledgers: Bench) -> None:
    one = await ledgers.sender(retention_days=0)
    await one.sent()
    assert isinstance(await one.claim(), Final)
    await one.ledger.mark_reported("m1")
    assert isinstance(await one.claim(), Claimed)


async def test_to_tell_of_a_mail_that_is_forgotten_is_no_harm(ledgers: Bench) -> None:
    one = await ledgers.sender()
    await one.ledger.mark_reported("m1")
    assert isinstance(await one.claim(), Claimed)


async def test_a_held_mail_comes_up_at_its_instant_and_keeps_its_bytes(ledgers: Bench) -> None:
    one, other = await ledgers.sender("one"), await ledgers.sender("other")
    owner = (await one.claimed()).owner
    assert await one.ledger.defer("m1", owner, held(NOW + 50))
    assert await one.ledger.defer("m1", owner, held(NOW + 50)), "an answer that got lost is asked for again"
    assert await other.claim(now=NOW + 49) == Elsewhere("deferred", NOW + 50)
    assert await other.ledger.next_due_at() == NOW + 50
    assert await other.ledger.claimed_ids() == []
    again = await other.claim(now=NOW + 50, wire=b"composed anew")
    assert isinstance(again, Claimed)
    assert (again.attempt, again.repeated, again.wire) == (2, False, b"wire")
    assert await other.ledger.next_due_at() is None


async def test_what_was_no_try_counts_as_none(ledgers: Bench) -> None:
    one = await ledgers.sender()
    owner = (await one.claimed()).owner
    assert await one.ledger.defer("m1", owner, held(NOW, tried=False))
    assert (await one.claimed()).attempt == 1


async def test_a_second_copy_is_known_as_one(ledgers: Bench) -> None:
    one = await ledgers.sender("one", lease_ms=0)
    claim = await one.claimed()
    assert await one.ledger.advance("m1", claim.owner)
    assert await one.ledger.defer("m1", claim.owner, held(NOW, repeats=True))
    again = await one.claimed()
    assert again.repeated
    assert await one.ledger.advance("m1", again.owner)
    found = await (await ledgers.sender("other")).claim()
    assert isinstance(found, Interrupted)
    assert found.repeated


async def test_a_cancel_while_the_second_copy_waits_is_ambiguous(ledgers: Bench) -> None:
    one = await ledgers.sender()
    claim = await one.claimed()
    assert await one.ledger.advance("m1", claim.owner)
    assert await one.ledger.defer("m1", claim.owner, held(NOW + 50, repeats=True))
    told = await one.ledger.cancel("m1", outcome("m1", "cancelled"))
    assert isinstance(told, Final)
    assert told.outcome == after_silence(outcome("m1", "cancelled"))
    assert await one.ledger.cancel("m1", outcome("m1", "cancelled")) == told, "an answer that got lost"
    assert await one.claim(now=NOW + 50) == told
    assert await one.ledger.ambiguous_ids() == ["m1"]
    assert await one.ledger.due_ids(NOW + 50) == []


async def test_what_is_due_comes_earliest_first(ledgers: Bench) -> None:
    one = await ledgers.sender()
    for mail, due_at in (("m1", NOW + 30), ("m2", NOW + 10), ("m3", NOW + DAY_MS)):
        assert await one.ledger.defer(mail, (await one.claimed(mail)).owner, held(due_at))
    assert await one.ledger.due_ids(NOW) == []
    assert await one.ledger.due_ids(NOW + 30) == ["m2", "m1"]
    assert await one.ledger.next_due_at() == NOW + 10


@pytest.mark.parametrize("before", ["nothing", "claimed", "held"])
async def test_a_cancel_stops_what_is_not_out_and_leaves_a_mark(ledgers: Bench, before: str) -> None:
    one, other = await ledgers.sender("one"), await ledgers.sender("other")
    owner = "" if before == "nothing" else (await one.claimed()).owner
    if before == "held":
        assert await one.ledger.defer("m1", owner, held(NOW + 50))
    cancelled = outcome("m1", "cancelled")
    assert await other.ledger.cancel("m1", cancelled) == Final(cancelled, reported=False)
    assert not await one.ledger.advance("m1", owner)
    assert not await one.finish("m1", owner, "sent")
    assert not await one.ledger.defer("m1", owner, held(NOW))
    assert await one.claim(now=NOW + 50) == Final(cancelled, reported=False)
    assert await one.ledger.unreported() == [cancelled]
    assert await one.ledger.claimed_ids() == await one.ledger.due_ids(NOW + 50) == []


async def test_a_cancel_after_the_dot_is_too_late(ledgers: Bench) -> None:
    one = await ledgers.sender()
    claim = await one.claimed()
    assert await one.ledger.advance("m1", claim.owner)
    assert await one.ledger.cancel("m1", outcome("m1", "cancelled")) is None
    assert await one.finish("m1", claim.owner, "sent")
    told = await one.ledger.cancel("m1", outcome("m1", "cancelled"))
    assert told == Final(outcome("m1", "sent"), reported=False)


async def test_who_is_suppressed_is_known_at_each_claim(ledgers: Bench) -> None:
    one = await ledgers.sender()
    assert await one.finish("m1", (await one.claimed("m1")).owner, "failed", "all")
    assert await one.finish("m2", (await one.claimed("m2")).owner, "suppressed", "all")
    claim = await one.claimed("m3")
    assert (claim.suppressed_all, claim.suppressed_marketing) == ("it was failed", None)
    await one.ledger.suppress("address", "marketing", "unsubscribed")
    await one.ledger.suppress("address", "marketing", "unsubscribed again")
    assert (await one.claimed("m4")).suppressed_marketing == "unsubscribed again"
    assert (await one.claimed("m5", to="somebody else")).suppressed_all is None


async def test_it_answers(ledgers: Bench) -> None:
    assert await (await ledgers.sender()).ledger.ping()
