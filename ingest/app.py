"""Ingest: HTTP in, events, catalogue entries and codes on the log out. `Ingest._take` is the whole path.

A request is answered 200 only after the broker has acknowledged every record made of it, dead letters
included. Time comes from outside twice: `clock` is the product's (a demo moves it) and stamps
`received_at`; `machine_now` is the machine's own and is compared with the clients' `sentAt` alone.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from fastapi import FastAPI
from starlette.requests import Request

from ingest.adapters.bodies import read_body
from ingest.adapters.event_log import EventLog
from ingest.adapters.http import build_http
from ingest.adapters.metrics import IngestMetrics
from ingest.adapters.request_ids import draw_request_id
from ingest.adapters.write_keys import WriteKeys
from ingest.core.accept import accept
from ingest.core.envelopes import Envelope, Item, open_codes, open_deletion, open_envelope, open_products
from ingest.core.inflating import inflate
from ingest.core.offer_codes import accept_code
from ingest.core.outcomes import Arrival, Form, Limits, Outcome, TakenCode
from ingest.core.products import accept_deletion, accept_product
from ingest.core.records import LogRecord, LogTopics, code_records, records_of
from ingest.core.replies import Reply, reply_to
from ingest.settings import IngestSettings
from schemas.instants import Instant

Progress = tuple[dict[str, int], Instant | None]
Open = Callable[[bytes], Envelope]
Accept = Callable[[int, Item, Envelope, Arrival, Limits], Outcome]


class Clock(Protocol):
    """The product's clock."""

    def now(self) -> Instant:
        """Epoch milliseconds."""

    async def wait(self, timeout_s: float) -> None:
        """Return when the clock has moved, or after `timeout_s` of the machine's time."""


class Ingest:
    """The stage. `log` and `metrics` are the HTTP front's too."""

    def __init__(self, settings: IngestSettings, clock: Clock, machine_now: Callable[[], Instant]) -> None:
        self._settings = settings
        self._clock = clock
        self._machine_now = machine_now
        self._keys = WriteKeys(settings.write_key_digests())
        self._limits = settings.limits()
        self._topics = LogTopics(settings.events_topic, settings.dead_letters_topic, settings.products_topic)
        self._open_requests = 0
        self.retry_after_s = settings.retry_after_s
        self.log = EventLog(settings)
        self.metrics = IngestMetrics(lambda: self.log.in_flight, lambda: self.log.problem is None)

    async def receive(self, request: Request, form: Form) -> Reply:
        """Take events; returns when all that the request holds is on the log. Raises Refused, Unavailable."""
        batch_max = self._limits.batch_events_max
        opened = partial(open_envelope, form=form, batch_events_max=batch_max)
        return await self._take(request, opened, accept, self._topics.events)

    async def receive_products(self, request: Request) -> Reply:
        """Take products into the catalogue; otherwise as `receive`."""
        opened = partial(open_products, batch_events_max=self._limits.batch_events_max)
        return await self._take(request, opened, accept_product, self._topics.products)

    async def delete_product(self, request: Request, product_id: str) -> Reply:
        """Take a product out of the catalogue; otherwise as `receive`."""
        return await self._take(
            request, lambda _body: open_deletion(product_id), accept_deletion, self._topics.products
        )

    async def receive_codes(self, request: Request) -> Reply:
        """Take codes into a pool; otherwise as `receive`."""
        opened = partial(open_codes, batch_events_max=self._limits.batch_events_max)
        return await self._take(request, opened, accept_code, self._topics.events)

    async def _take(self, request: Request, opened: Open, decide: Accept, meant_for: str) -> Reply:
        received_at, machine_now = self._clock.now(), self._machine_now()
        self._open_requests += 1
        try:
            body = await read_body(request, self._settings.body_bytes_max)
            plain = inflate(
                body, request.headers.get("content-encoding", ""), self._settings.inflated_bytes_max
            )
            envelope = opened(plain)
            source = self._keys.source_of(request, envelope.write_key)
            arrival = Arrival(received_at, machine_now, draw_request_id(), source, request.scope["path"])
            outcomes = [
                decide(index, item, envelope, arrival, self._limits)
                for index, item in enumerate(envelope.items)
            ]
            await self.log.append(self._records(envelope.items, outcomes, meant_for, arrival))
            self.metrics.count_outcomes(source, outcomes)
            return reply_to(outcomes)
        finally:
            self._open_requests -= 1

    def _records(
        self, items: Sequence[Item], outcomes: Sequence[Outcome], meant_for: str, arrival: Arrival
    ) -> list[LogRecord]:
        records = [
            record
            for index, (item, outcome) in enumerate(zip(items, outcomes, strict=True))
            for record in records_of(index, item, outcome, self._topics, meant_for, arrival, self._limits)
        ]
        codes = [outcome for outcome in outcomes if isinstance(outcome, TakenCode)]
        if codes:
            records += code_records(codes, self.log.event_partitions(), self._topics, arrival)
        return records

    def progress(self) -> Progress | None:
        """None while a request is open or a record without its ack; ingest itself falls due never."""
        if self._open_requests or self.log.in_flight:
            return None
        return {}, None


def create_app(settings: IngestSettings, clock: Clock, machine_now: Callable[[], Instant]) -> FastAPI:
    """The app that uvicorn runs; `app.state.ingest` is the `Ingest` behind it."""
    ingest = Ingest(settings, clock, machine_now)
    app = build_http(ingest)
    app.state.ingest = ingest
    return app
