"""The path of one request: read, composed, claimed, mailed, settled, reported.

The order of what lasts: the ledger first, then deliveries and events acknowledged, then the entry marked
reported; only then is the caller done and may commit. Whatever is cut off in between is brought up again
from the ledger or by reading the request again, and gets the same ids.
"""

import hashlib
import logging
import traceback
from dataclasses import replace

from schemas.instants import Instant
from schemas.records import Malformed
from sender.adapters.kafka_out import Publisher, dead_letter
from sender.adapters.metrics import SenderMetrics
from sender.adapters.redis_ledger import RedisLedger
from sender.adapters.smtp import DotRefused, SmtpPool
from sender.adapters.template_topic import TemplateStore, TemplateUnknown
from sender.core.addresses import AddressRefused, address_hash
from sender.core.composing import Identity, compose, recipient_of
from sender.core.ledger import Claimed, Elsewhere, Final, Interrupted, check_suppression
from sender.core.origin import Origin
from sender.core.outcomes import Outcome, after_silence
from sender.core.policy import (
    Concluded,
    Held,
    Unanswered,
    Unreachable,
    check_before_sending,
    judge,
    outcome_of,
)
from sender.core.rendering import RenderFailed
from sender.core.replies import Reply, ReplyClass, classify
from sender.core.requests import CancelRequest, SendRequest, identity_of, read_request
from sender.settings import Clock

log = logging.getLogger("tetik.sender")


class Courier:
    """Carries requests out. `earliest_due_at` is the earliest instant for which this one held a mail."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        ledger: RedisLedger,
        relay: SmtpPool,
        templates: TemplateStore,
        publisher: Publisher,
        metrics: SenderMetrics,
        retry_unanswered: bool,
        topic: str,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._ledger = ledger
        self._relay = relay
        self._templates = templates
        self._publisher = publisher
        self._metrics = metrics
        self._retry_unanswered = retry_unanswered
        self._topic = topic
        self.earliest_due_at: Instant | None = None
        self.notes = 0

    async def take(self, value: bytes, origin: Origin, key: bytes | None) -> None:
        """One record of `tetik.outbound`, to its end for now: an outcome reported, or held in the ledger."""
        try:
            request = read_request(value)
        except Malformed as error:
            await self._put_aside(value, origin, key, str(error))
            return
        if isinstance(request, CancelRequest):
            await self.cancel(request)
        else:
            await self.send(request, value, origin)

    async def send(self, request: SendRequest, value: bytes, origin: Origin) -> None:
        """The sending policy, in order."""
        early = check_before_sending(request, self._clock.now(), attempt=0)
        message = await self._compose(request, value, origin) if early is None else b""
        recipient = _recipient_or_none(request)
        claim = await self._ledger.claim(
            request.send_id,
            address_hash(recipient or request.to),
            request=value,
            origin=str(origin),
            wire=message if isinstance(message, bytes) else b"",
            now=self._clock.now(),
        )
        if isinstance(claim, Final):
            self._metrics.repeated.inc()
            await self._report_once(claim)
        elif isinstance(claim, Elsewhere):
            self.note_due(claim.due_at)
        elif isinstance(claim, Interrupted):
            silence = Unanswered("a sender ended between the final dot and the relay's answer")
            await self._settle(request, claim, self._judge(request, silence, claim))
        elif isinstance(message, Concluded):
            await self._settle(request, claim, message)
        else:
            await self._send_claimed(request, claim, recipient or request.to, message)

    async def cancel(self, request: CancelRequest) -> None:
        """Stops the mail if its final dot isn't out, and leaves the mark for a `send` that is read later."""
        outcome = outcome_of(request, "cancelled", "cancelled by the engine", 0, self._clock.now())
        final = await self._ledger.cancel(request.send_id, outcome)
        if final is not None:
            await self._report_once(final)

    async def report(self, outcome: Outcome) -> None:
        """Tells the topics, then the ledger that they know."""
        await self._publisher.report(outcome)
        await self._ledger.mark_reported(outcome.send_id)
        self._metrics.outcomes.labels(outcome.status).inc()

    def forget_due(self, notes: int) -> None:
        """Forgets `earliest_due_at` unless something was noted since `notes` was read."""
        if self.notes == notes:
            self.earliest_due_at = None

    def note_due(self, due_at: Instant | None) -> None:
        """A mail is held until `due_at`."""
        if due_at is not None:
            self.notes += 1
            known = self.earliest_due_at
            self.earliest_due_at = due_at if known is None else min(known, due_at)

    async def _send_claimed(
        self, request: SendRequest, claim: Claimed, recipient: str, message: bytes
    ) -> None:
        now = self._clock.now()
        result = check_before_sending(request, now, claim.attempt) or check_suppression(request, claim, now)
        if result is None:
            result = await self._mail(request, claim, recipient, claim.wire or message)
        if result is not None:
            await self._settle(request, claim, result)

    async def _mail(
        self, request: SendRequest, claim: Claimed, recipient: str, message: bytes
    ) -> Concluded | Held | None:
        """One try; None if the mail was cancelled or taken over before its final dot."""
        try:
            answer = await self._relay.send(
                self._identity.address,
                recipient,
                message,
                before_dot=lambda: self._ledger.advance(request.send_id, claim.owner),
            )
        except DotRefused:
            self._metrics.lost_claims.inc()
            return None
        if isinstance(answer, Unreachable | Unanswered):
            self._metrics.replies.labels(type(answer).__name__.lower()).inc()
        else:
            self._metrics.replies.labels(classify(answer)).inc()
            if classify(answer) is ReplyClass.ACCEPTED:
                self._relay.resume()
                self._metrics.latency.observe(max(0, self._clock.now() - request.decided_at) / 1000)
        return self._judge(request, answer, claim)

    def _judge(
        self, request: SendRequest, answer: Reply | Unreachable | Unanswered, claim: Claimed | Interrupted
    ) -> Concluded | Held:
        may_repeat = self._retry_unanswered and not claim.repeated
        return judge(request, answer, attempt=claim.attempt, may_repeat=may_repeat, now=self._clock.now())

    async def _settle(
        self, request: SendRequest, claim: Claimed | Interrupted, result: Concluded | Held
    ) -> None:
        """Into the ledger first; a claim that was lost meanwhile is somebody else's to settle."""
        if isinstance(result, Held):
            if result.stop_stream:
                self._relay.pause(result.reason)
            self._metrics.held.inc()
            kept = await self._ledger.defer(request.send_id, claim.owner, result)
            self.note_due(result.due_at)
        else:
            if claim.repeated:
                result = replace(result, outcome=after_silence(result.outcome))
            hashed = address_hash(_recipient_or_none(request) or request.to)
            kept = await self._ledger.finish(request.send_id, claim.owner, hashed, result)
            if kept:
                await self.report(result.outcome)
        if not kept:
            self._metrics.lost_claims.inc()

    async def _compose(self, request: SendRequest, value: bytes, origin: Origin) -> bytes | Concluded:
        """The mail's bytes, or the outcome `failed` with a dead letter that says why."""
        digest = None
        try:
            template = await self._templates.get(request.template, request.template_digest, request.locale)
            return compose(request, template, self._identity)
        except (TemplateUnknown, RenderFailed, AddressRefused) as error:
            reason = str(error)
        except Exception as error:  # a fault of ours in pure code must not stop everybody's mail
            reason = f"{type(error).__name__} while composing: {error}"
            digest = hashlib.sha256("".join(traceback.format_tb(error.__traceback__)).encode()).hexdigest()[
                :16
            ]
        await self._bury(value, origin, request.customer_key.encode(), reason, digest)
        return Concluded(outcome_of(request, "failed", reason, 0, self._clock.now()))

    async def _put_aside(self, value: bytes, origin: Origin, key: bytes | None, reason: str) -> None:
        """A record that is no request; the engine is answered if the record still names the mail."""
        await self._bury(value, origin, key, reason, None)
        known = identity_of(value)
        if known is not None:
            send_id, customer_key = known
            await self._publisher.report(
                Outcome(send_id, customer_key, "", "", "failed", reason, 0, self._clock.now())
            )
            self._metrics.outcomes.labels("failed").inc()

    async def _bury(
        self, value: bytes, origin: Origin, key: bytes | None, reason: str, digest: str | None
    ) -> None:
        log.warning("%s %s put aside: %s", self._topic, origin, reason)
        letter = dead_letter(
            topic=self._topic, partition=origin.partition, offset=origin.offset, key=key, value=value,
            reason=reason, now=self._clock.now(), traceback_digest=digest,
        )  # fmt: skip
        await self._publisher.bury(letter, key)
        self._metrics.dead_letters.inc()

    async def _report_once(self, final: Final) -> None:
        if not final.reported:
            await self.report(final.outcome)


def _recipient_or_none(request: SendRequest) -> str | None:
    try:
        return recipient_of(request)
    except AddressRefused:
        return None
