"""A ledger in memory that answers as the sender's in Redis does: `tests/adapters` holds both to one suite.

`LedgerStore` is what outlives every sender; each change of it happens at one instant. A client passes a
`Pace` before it asks and before it hears the answer: in between a sender may die, and so may the connection.
Then the client asks again, as `RedisLedger` does, and must hear the same.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from schemas.instants import DAY_MS, Instant
from sender.core.ledger import ClaimAnswer, Claimed, Elsewhere, Final, Interrupted
from sender.core.outcomes import Outcome, after_silence
from sender.core.policy import Concluded, Held, SuppressionScope
from tests.simulation.memory_log import NoPace

T = TypeVar("T")
BATCH = 200


class Pace(Protocol):
    """What comes between a client and the ledger."""

    async def at(self, point: str) -> None:
        """The client is about to do `point`."""

    def lost(self) -> bool:
        """Whether this answer does not arrive."""


class Prompt(NoPace):
    """Everything at once, and every answer arrives."""

    def lost(self) -> bool:
        return False


class Ledger(Protocol):
    """What the sender asks of a ledger."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def claim(
        self, send_id: str, address_hash: str, *, request: bytes, origin: str, wire: bytes, now: Instant
    ) -> ClaimAnswer: ...
    async def advance(self, send_id: str, owner: str) -> bool: ...
    async def finish(self, send_id: str, owner: str, address_hash: str, result: Concluded) -> bool: ...
    async def defer(self, send_id: str, owner: str, result: Held) -> bool: ...
    async def cancel(self, send_id: str, outcome: Outcome) -> Final | None: ...
    async def mark_reported(self, send_id: str) -> None: ...
    async def due_ids(self, now: Instant) -> list[str]: ...
    async def next_due_at(self) -> Instant | None: ...
    async def claimed_ids(self) -> list[str]: ...
    async def unreported(self) -> list[Outcome]: ...
    async def request_of(self, send_id: str) -> tuple[bytes, str] | None: ...
    async def ambiguous_ids(self) -> list[str]: ...
    async def suppress(self, address_hash: str, scope: SuppressionScope, reason: str) -> None: ...
    async def ping(self) -> bool: ...


@dataclass(slots=True)
class Entry:
    """One mail. `state`: in_flight, deferred, or its outcome's status. `tried`: tries that ended."""

    state: str = ""
    owner: str = ""
    at_dot: bool = False
    lease_until: Instant = 0
    tried: int = 0
    repeated: bool = False
    request: bytes | None = None
    origin: str = ""
    wire: bytes = b""
    due_at: Instant = 0
    outcome: Outcome | None = None
    reported: bool = False
    forgotten_at: Instant | None = None


@dataclass(slots=True)
class LedgerStore:
    """What senders share. `now` is the store's own clock: leases run on it."""

    now: Callable[[], Instant]
    incarnation: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    suppressed: dict[str, dict[str, str]] = field(default_factory=dict)
    claimed: dict[str, Instant] = field(default_factory=dict)
    deferred: dict[str, Instant] = field(default_factory=dict)
    unreported: dict[str, Instant] = field(default_factory=dict)
    ambiguous: dict[str, Instant] = field(default_factory=dict)

    def entry(self, send_id: str) -> Entry | None:
        """A mail that is not forgotten."""
        entry = self.entries.get(send_id)
        if entry is not None and entry.forgotten_at is not None and entry.forgotten_at <= self.now():
            del self.entries[send_id]
            return None
        return entry

    def next_lease_end(self) -> Instant | None:
        """When the next mail may be taken from whoever has it."""
        return min(self.claimed.values(), default=None)


class MemoryLedger:
    """One sender's client."""

    def __init__(
        self,
        store: LedgerStore,
        *,
        instance: str,
        lease_ms: int,
        retention_days: int,
        pace: Pace | None = None,
    ) -> None:
        self._store = store
        self._instance = instance
        self._incarnation = 0
        self._claims = itertools.count(1)
        self._lease_ms = lease_ms
        self._retention_ms = retention_days * DAY_MS
        self._pace: Pace = pace or Prompt()

    def owns(self, entry: Entry) -> bool:
        """Whether a mail is in this sender's hands."""
        mine = f"{self._instance}:{self._incarnation}:"
        return entry.state == "in_flight" and entry.owner.startswith(mine)

    async def open(self) -> None:
        """The next incarnation."""

        def count() -> int:
            self._store.incarnation += 1
            return self._store.incarnation

        self._incarnation = await self._ask("open", count)

    async def close(self) -> None:
        """There is no connection."""

    async def claim(
        self, send_id: str, address_hash: str, *, request: bytes, origin: str, wire: bytes, now: Instant
    ) -> ClaimAnswer:
        """Free, due, or left by somebody who is dead or silent."""
        owner = f"{self._instance}:{self._incarnation}:{next(self._claims)}"

        def change() -> ClaimAnswer:
            entry = self._store.entry(send_id) or Entry()
            refused = self._refusal(entry, owner, now)
            if refused is not None:
                return refused
            interrupted = entry.state == "in_flight" and entry.at_dot
            self._store.entries[send_id] = entry
            entry.state, entry.owner, entry.request, entry.origin = "in_flight", owner, request, origin
            self._lease(send_id, entry)
            self._store.deferred.pop(send_id, None)
            if interrupted:
                return Interrupted(owner, entry.tried + 1, entry.repeated)
            entry.at_dot = False
            entry.wire = entry.wire or wire
            blocked = self._store.suppressed.get(address_hash, {})
            return Claimed(
                owner=owner,
                attempt=entry.tried + 1,
                repeated=entry.repeated,
                wire=entry.wire,
                suppressed_all=blocked.get("all"),
                suppressed_marketing=blocked.get("marketing"),
            )

        return await self._ask("claim", change)

    def _refusal(self, entry: Entry, owner: str, now: Instant) -> Final | Elsewhere | None:
        if entry.state == "in_flight":
            free = entry.owner == owner or self._inherits(entry.owner)
            return None if free or entry.lease_until <= self._store.now() else Elsewhere("busy")
        if entry.state == "deferred":
            return Elsewhere("deferred", entry.due_at) if entry.due_at > now else None
        return None if entry.outcome is None else Final(entry.outcome, entry.reported)

    def _inherits(self, owner: str) -> bool:
        instance, incarnation, _ = owner.split(":")
        return instance == self._instance and int(incarnation) < self._incarnation

    def _lease(self, send_id: str, entry: Entry) -> None:
        entry.lease_until = self._store.now() + self._lease_ms
        self._store.claimed[send_id] = entry.lease_until

    async def advance(self, send_id: str, owner: str) -> bool:
        """Before the final dot."""

        def change() -> bool:
            entry = self._store.entry(send_id)
            if entry is None or (entry.state, entry.owner) != ("in_flight", owner):
                return False
            entry.at_dot = True
            self._lease(send_id, entry)
            return True

        return await self._ask("advance", change)

    async def finish(self, send_id: str, owner: str, address_hash: str, result: Concluded) -> bool:
        """The outcome; to say it again is no harm."""
        outcome = result.outcome

        def change() -> bool:
            entry = self._store.entry(send_id)
            if entry is None or entry.owner != owner:
                return False
            if entry.state != "in_flight":
                return entry.state == outcome.status
            self._conclude(send_id, entry, outcome)
            if result.suppress is not None:
                self._store.suppressed.setdefault(address_hash, {}).setdefault(
                    result.suppress, outcome.reason
                )
            return True

        return await self._ask("finish", change)

    def _conclude(self, send_id: str, entry: Entry, outcome: Outcome) -> None:
        entry.state, entry.outcome, entry.wire = outcome.status, outcome, b""
        self._store.claimed.pop(send_id, None)
        self._store.unreported[send_id] = self._store.now()
        if outcome.status == "ambiguous":
            self._store.ambiguous[send_id] = self._store.now()

    async def defer(self, send_id: str, owner: str, result: Held) -> bool:
        """Until its due instant."""

        def change() -> bool:
            entry = self._store.entry(send_id)
            if entry is None or entry.owner != owner:
                return False
            if entry.state != "in_flight":
                return entry.state == "deferred"
            entry.state, entry.due_at = "deferred", result.due_at
            entry.tried += result.tried
            entry.repeated = entry.repeated or result.repeats
            self._store.claimed.pop(send_id, None)
            self._store.deferred[send_id] = result.due_at
            return True

        return await self._ask("defer", change)

    async def cancel(self, send_id: str, outcome: Outcome) -> Final | None:
        """Before the final dot, or before anything; None: too late."""

        def change() -> Final | None:
            entry = self._store.entry(send_id)
            if entry is not None and entry.state == "in_flight" and entry.at_dot:
                return None
            if entry is not None and entry.outcome is not None:
                return Final(entry.outcome, entry.reported)
            entry = self._store.entries.setdefault(send_id, Entry())
            entry.owner = ""
            became = after_silence(outcome) if entry.repeated else outcome
            self._conclude(send_id, entry, became)
            self._store.deferred.pop(send_id, None)
            return Final(became, False)

        return await self._ask("cancel", change)

    async def mark_reported(self, send_id: str) -> None:
        """From now it only guards against repetition, for so many days."""

        def change() -> None:
            entry = self._store.entry(send_id)
            if entry is None:
                return
            entry.reported, entry.request, entry.origin = True, None, ""
            entry.forgotten_at = self._store.now() + self._retention_ms
            self._store.unreported.pop(send_id, None)

        await self._ask("reported", change)

    async def due_ids(self, now: Instant) -> list[str]:
        """The earliest first."""
        return await self._look("due", lambda: _sorted(self._store.deferred, until=now)[:BATCH])

    async def next_due_at(self) -> Instant | None:
        """Of the earliest held mail."""
        return await self._look("next due", lambda: min(self._store.deferred.values(), default=None))

    async def claimed_ids(self) -> list[str]:
        """The oldest lease first."""
        return await self._look("claimed", lambda: _sorted(self._store.claimed))

    async def unreported(self) -> list[Outcome]:
        """The oldest first."""

        def found() -> list[Outcome]:
            entries = [self._store.entry(id) for id in _sorted(self._store.unreported)[:BATCH]]
            return [entry.outcome for entry in entries if entry is not None and entry.outcome is not None]

        return await self._look("unreported", found)

    async def request_of(self, send_id: str) -> tuple[bytes, str] | None:
        """As it was read, until its outcome is reported."""

        def found() -> tuple[bytes, str] | None:
            entry = self._store.entry(send_id)
            return None if entry is None or entry.request is None else (entry.request, entry.origin)

        return await self._look("request", found)

    async def ambiguous_ids(self) -> list[str]:
        """The oldest first."""
        return await self._look("ambiguous", lambda: _sorted(self._store.ambiguous))

    async def suppress(self, address_hash: str, scope: SuppressionScope, reason: str) -> None:
        """At once and for good."""

        def change() -> None:
            self._store.suppressed.setdefault(address_hash, {})[scope] = reason

        await self._ask("suppress", change)

    async def ping(self) -> bool:
        """It answers."""
        return True

    async def _look(self, what: str, found: Callable[[], T]) -> T:
        """What changes nothing is asked once: that its answer arrives makes no difference."""
        await self._pace.at(f"ledger {what}")
        return found()

    async def _ask(self, what: str, change: Callable[[], T]) -> T:
        """Again and again until the answer arrives."""
        while True:
            await self._pace.at(f"ledger {what}")
            answer = change()
            await self._pace.at(f"ledger answers {what}")
            if not self._pace.lost():
                return answer


def _sorted(index: dict[str, Instant], until: Instant | None = None) -> list[str]:
    """By instant, then by name, as a sorted set of Redis."""
    return sorted(
        (id for id, at in index.items() if until is None or at <= until), key=lambda id: (index[id], id)
    )
