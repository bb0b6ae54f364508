"""The sender: requests in, mails out, what became of them back.

`Sender.run` is the life of the process; `_read_requests` is the path, and `courier.py` the path of one
request. Nothing here decides anything about a mail.
"""

import asyncio
import logging
from functools import partial

from schemas.ids import stable_hash
from schemas.instants import SECOND_MS, Instant, format_instant
from schemas.keys import ids_of_key
from schemas.records import EventRecord
from sender.adapters.http import WebSide, build_app
from sender.adapters.kafka_in import Inbox, InboxRecord
from sender.adapters.kafka_out import Publisher
from sender.adapters.lanes import Lanes
from sender.adapters.metrics import SenderMetrics
from sender.adapters.redis_ledger import RedisLedger
from sender.adapters.smtp import SmtpPool
from sender.adapters.template_topic import TemplateStore
from sender.core.addresses import display_name, normalise_address
from sender.core.composing import Identity
from sender.core.origin import Origin
from sender.core.outcomes import SOURCE
from sender.core.requests import lane_of
from sender.core.tokens import Subscription
from sender.courier import Courier
from sender.settings import Clock, SenderSettings

log = logging.getLogger("tetik.sender")

DUE_CHECK_S = 1.0
HOUSEKEEPING_S = 15.0
DRAIN_S = 20.0
ANSWER_S = 8.0


class Sender:
    """One sender process. Building it raises PortTaken; `run` waits for peers that are down."""

    def __init__(self, settings: SenderSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.metrics = SenderMetrics()
        self._ledger = RedisLedger(
            settings.redis_url,
            instance=settings.instance,
            lease_ms=settings.lease_ms,
            retention_days=settings.ledger_days,
            prefix=settings.key_prefix,
            connections=settings.concurrency + 8,
        )
        self._relay = SmtpPool(settings.smtp)
        self._templates = TemplateStore(settings.kafka, settings.topics.rules, check_crcs=settings.check_crcs)
        self._publisher = Publisher(settings.kafka, settings.topics)
        self._inbox = Inbox(
            settings.kafka,
            settings.topics.outbound,
            settings.group,
            settings.instance,
            check_crcs=settings.check_crcs,
        )
        self._lanes = Lanes(concurrency=settings.concurrency, pending_max=settings.pending_max)
        self._courier = Courier(
            identity=_identity(settings),
            clock=clock,
            ledger=self._ledger,
            relay=self._relay,
            templates=self._templates,
            publisher=self._publisher,
            metrics=self.metrics,
            retry_unanswered=settings.on_ambiguous == "retry_once",
            topic=settings.topics.outbound,
        )
        self._stop = asyncio.Event()
        self._started = False
        self._next_due_at: Instant | None = None
        app = build_app(
            secret=settings.secret,
            brand=settings.brand,
            unsubscribe=self._unsubscribe,
            readiness=self._readiness,
            metrics=self.metrics,
        )
        self._web = WebSide(app, settings.http_host, settings.http_port)

    @property
    def http_port(self) -> int:
        """The port of the web side (for port 0)."""
        return self._web.port

    async def run(self) -> None:
        """Until `stop` or cancelled; what is in work is finished or left to the ledger."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._web.run())
                tasks.create_task(self._templates.run())
                path = tasks.create_task(self._work())
                await self._until_stopped(path)
                path.cancel()
                await self._finish_work()
                self._web.stop()
                self._templates.stop()
        finally:
            self._stop.set()
            await self._lanes.cancel()
            await self._close()

    def stop(self) -> None:
        """Asks `run` to end in order."""
        self._stop.set()

    def progress(self) -> tuple[dict[str, int], Instant | None] | None:
        """None while anything known is to be done at the clock's now, else the next offsets read and done,
        and the instant of the earliest held mail."""
        due_at = self._due_at()
        if not self._started or self._lanes.pending or (due_at is not None and due_at <= self._clock.now()):
            return None
        positions = self._inbox.positions()
        return None if positions is None else (positions, due_at)

    async def ambiguous(self) -> list[str]:
        """The send ids of all mails that ended ambiguous."""
        return await self._ledger.ambiguous_ids()

    async def _work(self) -> None:
        await self._ledger.open()
        await self._inbox.open()
        await self._report_left_over()
        await self._adopt()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_requests())
            tasks.create_task(self._send_due())
            tasks.create_task(self._keep_house())

    async def _read_requests(self) -> None:
        """The path."""
        while not self._stop.is_set():
            room = await self._lanes.wait_for_room()
            for record in await self._inbox.read(room):
                self._lanes.submit(lane_of(record.value), partial(self._take, record))
            await self._inbox.commit()

    async def _take(self, record: InboxRecord) -> None:
        await self._courier.take(record.value, record.origin, record.key)
        record.done()

    async def _send_due(self) -> None:
        """Brings held mails up when the clock passes their instant."""
        while not self._stop.is_set():
            ids = await self._ledger.due_ids(self._clock.now())
            await self._bring_up(ids)
            await self._note_next_due()
            due_at = self._due_at()
            wait_s = DUE_CHECK_S
            if due_at is not None:
                wait_s = min(wait_s, max(0.01, (due_at - self._clock.now()) / SECOND_MS))
            await self._clock.wait(wait_s)

    async def _keep_house(self) -> None:
        """Idle connections end; claims whose owner fell silent are taken over when their lease is over."""
        while not self._stop.is_set():
            await asyncio.sleep(HOUSEKEEPING_S)
            await self._relay.close_idle()
            await self._adopt()
            self.metrics.in_work.set(self._lanes.pending)
            self.metrics.relay_up.set(self._relay.reachable is not False)

    async def _adopt(self) -> None:
        """Claims of a predecessor of this name, and others' whose lease is over; live ones answer busy."""
        await self._bring_up(await self._ledger.claimed_ids())

    async def _bring_up(self, send_ids: list[str]) -> None:
        """Through the same path as a record, and waits for all of them."""
        finished = []
        for send_id in send_ids:
            kept = await self._ledger.request_of(send_id)
            if kept is None:
                continue
            value, origin = kept
            done = asyncio.Event()
            finished.append(done)
            await self._lanes.wait_for_room()
            self._lanes.submit(lane_of(value), partial(self._take_again, value, Origin.parse(origin), done))
        for done in finished:
            await done.wait()

    async def _take_again(self, value: bytes, origin: Origin, done: asyncio.Event) -> None:
        try:
            await self._courier.take(value, origin, None)
        finally:
            done.set()

    async def _report_left_over(self) -> None:
        """Outcomes that were recorded, but perhaps not told, before the last end; with the same ids."""
        while left_over := await self._ledger.unreported():
            for outcome in left_over:
                await self._courier.report(outcome)

    async def _note_next_due(self) -> None:
        """What tasks noted meanwhile is kept: the ledger may have answered before it knew."""
        notes = self._courier.notes
        self._next_due_at = await self._ledger.next_due_at()
        self._courier.forget_due(notes)
        self._started = True

    def _due_at(self) -> Instant | None:
        known = [at for at in (self._next_due_at, self._courier.earliest_due_at) if at is not None]
        return min(known, default=None)

    async def _unsubscribe(self, who: Subscription, way: str) -> None:
        """Suppressed at once, then told to the engine. Raises LedgerUnavailable, KafkaUnavailable."""
        now = self._clock.now()
        at = format_instant(now)
        await self._ledger.suppress(who.address_hash, "marketing", f"unsubscribed at {at}")
        if who.customer_key is None:
            return
        customer_id, anonymous_id = ids_of_key(who.customer_key)
        event = EventRecord(
            event_id=stable_hash("unsubscribed", who.send_id, who.address_hash, at),
            type="unsubscribed",
            customer_id=customer_id,
            anonymous_id=anonymous_id,
            occurred_at=at,
            received_at=at,
            source=SOURCE,
            properties={"send_id": who.send_id, "way": way},
        )
        await self._publisher.publish_event(event, who.customer_key, now, timeout_s=ANSWER_S)

    async def _readiness(self) -> dict[str, bool]:
        return {
            "kafka": self._inbox.connected and self._publisher.available,
            "redis": await self._ledger.ping(),
            "templates": self._templates.caught_up,
        }

    async def _until_stopped(self, path: asyncio.Task[None]) -> None:
        """Returns when `stop` was called; raises what ended the path."""
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([stopped, path], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if path.done():
            path.result()

    async def _finish_work(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._lanes.drain()
        except TimeoutError:
            log.info("%d mails still in work are left to the ledger", self._lanes.pending)

    async def _close(self) -> None:
        await self._inbox.close()
        await self._relay.close()
        await self._publisher.close()
        await self._ledger.close()


def _identity(settings: SenderSettings) -> Identity:
    return Identity(
        address=normalise_address(settings.mail_from),
        name=display_name(settings.mail_from) or settings.brand,
        brand=settings.brand,
        public_url=settings.public_url,
        secret=settings.secret,
        feedback_id_sender=settings.feedback_id_sender,
        reply_to=settings.reply_to,
        shop_url=settings.shop_url,
        survey_url=settings.survey_url,
        utm_source=settings.utm_source,
    )
