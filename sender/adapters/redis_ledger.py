"""The ledger in Redis: who may send which mail, what became of it, and who may not be mailed.

Every change is one Lua script, so a killed sender leaves an entry before or after it, never between. A
call whose answer got lost is repeated: a claim, an advance or a finish by the same owner answers the same
again. While Redis is away, calls wait and retry; nothing is sent without a claim.
"""

import asyncio
import itertools
import logging
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from schemas.instants import DAY_MS, Instant
from sender.adapters import ledger_scripts
from sender.core.ledger import ClaimAnswer, Claimed, Elsewhere, Final, Interrupted
from sender.core.outcomes import Outcome, after_silence, decode_outcome, encode_outcome
from sender.core.policy import Concluded, Held, SuppressionScope

log = logging.getLogger("tetik.sender")
ScriptArgument: TypeAlias = str | bytes | int

WIRE_COMPRESSION = 1
RETRY_S_MAX = 2.0
BATCH = 200


class LedgerUnavailable(ConnectionError):
    """Redis does not answer."""


class RedisLedger:
    """The mails' states, the index of what to bring up again, the suppression list."""

    def __init__(
        self, url: str, *, instance: str, lease_ms: int, retention_days: int, prefix: str, connections: int
    ) -> None:
        self._url = url
        pool = BlockingConnectionPool.from_url(
            url, max_connections=connections, timeout=None, socket_timeout=10, socket_connect_timeout=5
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._instance = instance
        self._incarnation = 0
        self._claims = itertools.count(1)
        self._lease_ms = lease_ms
        self._retention_s = retention_days * DAY_MS // 1000
        self._prefix = prefix
        self.available = False
        register = self._redis.register_script
        self._claim = register(ledger_scripts.CLAIM)
        self._advance = register(ledger_scripts.ADVANCE)
        self._finish = register(ledger_scripts.FINISH)
        self._defer = register(ledger_scripts.DEFER)
        self._cancel = register(ledger_scripts.CANCEL)
        self._reported = register(ledger_scripts.REPORTED)
        self._claimed, self._deferred = prefix + "claimed", prefix + "deferred"
        self._unreported, self._ambiguous = prefix + "unreported", prefix + "ambiguous"

    async def open(self) -> None:
        """Takes the next incarnation number of this instance; waits until Redis is there."""
        self._incarnation = await self._patiently(lambda: self._redis.incr(self._prefix + "incarnation"))

    async def close(self) -> None:
        """Ends all connections."""
        await self._redis.aclose(close_connection_pool=True)

    async def claim(
        self, send_id: str, address_hash: str, *, request: bytes, origin: str, wire: bytes, now: Instant
    ) -> ClaimAnswer:
        """Takes the mail if it is free, due, or left by a dead owner; see `core/ledger.py`."""
        owner = f"{self._instance}:{self._incarnation}:{next(self._claims)}"
        keys = [self._entry(send_id), self._suppression(address_hash), self._claimed, self._deferred]
        packed = zlib.compress(wire, WIRE_COMPRESSION) if wire else b""
        args: list[ScriptArgument] = [send_id, owner, self._lease_ms, now, request, packed, origin]
        answer = await self._patiently(lambda: self._claim(keys=keys, args=args))
        kind = answer[0].decode()
        if kind == "claimed":
            _, attempt, repeated, kept, suppressed_all, suppressed_marketing = answer
            return Claimed(
                owner=owner,
                attempt=int(attempt) + 1,
                repeated=repeated == b"1",
                wire=zlib.decompress(kept) if kept else wire,
                suppressed_all=suppressed_all.decode() or None,
                suppressed_marketing=suppressed_marketing.decode() or None,
            )
        if kind == "interrupted":
            return Interrupted(owner, int(answer[1]) + 1, answer[2] == b"1")
        if kind == "final":
            return Final(decode_outcome(answer[1]), answer[2] == b"1")
        if kind == "deferred":
            return Elsewhere("deferred", int(answer[1]))
        return Elsewhere("busy")

    async def advance(self, send_id: str, owner: str) -> bool:
        """Before the final dot. False if the mail was cancelled or taken over: then no dot may go out."""
        keys = [self._entry(send_id), self._claimed]
        args: list[ScriptArgument] = [send_id, owner, self._lease_ms]
        return bool(await self._patiently(lambda: self._advance(keys=keys, args=args)) == b"ok")

    async def finish(self, send_id: str, owner: str, address_hash: str, result: Concluded) -> bool:
        """Records the outcome. False if the claim was lost: whoever took it reports."""
        keys = [
            self._entry(send_id), self._suppression(address_hash),
            self._claimed, self._unreported, self._ambiguous,
        ]  # fmt: skip
        outcome = result.outcome
        args: list[ScriptArgument] = [
            send_id, owner, outcome.status, encode_outcome(outcome), result.suppress or "", outcome.reason,
        ]  # fmt: skip
        return bool(await self._patiently(lambda: self._finish(keys=keys, args=args)) == b"ok")

    async def defer(self, send_id: str, owner: str, result: Held) -> bool:
        """Keeps the mail until its due instant. False if the claim was lost."""
        keys = [self._entry(send_id), self._claimed, self._deferred]
        args: list[ScriptArgument] = [
            send_id,
            owner,
            result.due_at,
            str(int(result.tried)),
            str(int(result.repeats)),
        ]
        return bool(await self._patiently(lambda: self._defer(keys=keys, args=args)) == b"ok")

    async def cancel(self, send_id: str, outcome: Outcome) -> Final | None:
        """Cancels if the final dot isn't out; the mark outlives a re-read `send`. None: it is too late.

        If a second try is due, the first may have gone out, and it ends as ambiguous.
        """
        keys = [self._entry(send_id), self._claimed, self._deferred, self._unreported, self._ambiguous]
        doubtful = encode_outcome(after_silence(outcome))
        args: list[ScriptArgument] = [send_id, encode_outcome(outcome), doubtful]
        answer = await self._patiently(lambda: self._cancel(keys=keys, args=args))
        return None if answer[0] == b"too_late" else Final(decode_outcome(answer[1]), answer[2] == b"1")

    async def mark_reported(self, send_id: str) -> None:
        """The topics know the outcome; from now the entry only guards against repetition, then expires."""
        keys = [self._entry(send_id), self._unreported]
        await self._patiently(lambda: self._reported(keys=keys, args=[send_id, self._retention_s]))

    async def due_ids(self, now: Instant) -> list[str]:
        """Held mails whose instant has come, the earliest first, one batch."""
        found = await self._patiently(
            lambda: self._redis.zrangebyscore(self._deferred, "-inf", now, start=0, num=BATCH)
        )
        return [member.decode() for member in found]

    async def next_due_at(self) -> Instant | None:
        """The instant of the earliest held mail."""
        found = await self._patiently(lambda: self._redis.zrange(self._deferred, 0, 0, withscores=True))
        return int(found[0][1]) if found else None

    async def claimed_ids(self) -> list[str]:
        """Mails in anybody's hands, the oldest lease first: bounded by the senders' concurrency."""
        return [
            member.decode()
            for member in await self._patiently(lambda: self._redis.zrange(self._claimed, 0, -1))
        ]

    async def unreported(self) -> list[Outcome]:
        """Recorded outcomes that the topics may not know, the oldest first, one batch."""
        ids = await self._patiently(lambda: self._redis.zrange(self._unreported, 0, BATCH - 1))
        outcomes = []
        for member in ids:
            value = await self._patiently(partial(self._redis.hget, self._entry(member.decode()), "outcome"))
            if value is not None:
                outcomes.append(decode_outcome(value))
        return outcomes

    async def request_of(self, send_id: str) -> tuple[bytes, str] | None:
        """The request as it was read, kept until its outcome is reported, and its `partition:offset`."""
        entry = self._entry(send_id)
        value, origin = await self._patiently(lambda: self._redis.hmget(entry, ["request", "origin"]))
        return None if value is None else (bytes(value), origin.decode())

    async def ambiguous_ids(self) -> list[str]:
        """Every mail that ended ambiguous, the oldest first."""
        return [member.decode() for member in await self._redis.zrange(self._ambiguous, 0, -1)]

    async def suppress(self, address_hash: str, scope: SuppressionScope, reason: str) -> None:
        """At once and for good; a person waits, so it does not. Raises LedgerUnavailable."""
        try:
            await self._once(lambda: self._redis.hset(self._suppression(address_hash), scope, reason))
        except (RedisError, OSError) as error:
            raise LedgerUnavailable(f"Redis at {self._url} does not answer: {error}") from error

    async def ping(self) -> bool:
        """Whether Redis answers now."""
        try:
            return bool(await self._once(self._redis.ping))
        except (RedisError, OSError):
            return False

    def _entry(self, send_id: str) -> str:
        return f"{self._prefix}mail:{send_id}"

    def _suppression(self, address_hash: str) -> str:
        return f"{self._prefix}suppressed:{address_hash}"

    async def _once(self, call: Callable[[], Any]) -> Any:
        return await call()

    async def _patiently(self, call: Callable[[], Any]) -> Any:
        """Repeats a call until Redis answers; says so once when it goes and once when it is back."""
        delay_s = 0.1
        while True:
            try:
                answer = await call()
            except (RedisError, OSError) as error:
                if self.available or delay_s == 0.1:
                    log.warning(
                        "Redis at %s does not answer (%s); trying again until it does", self._url, error
                    )
                self.available = False
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_S_MAX)
                continue
            if not self.available:
                self.available = True
                log.info("Redis at %s answers", self._url)
            return answer
