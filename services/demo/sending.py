"""The two ways in: the shop's backend over the native API, shoppers through Segment's own Python SDK.

The backend sends what it has in as few requests as ingest takes: the months before the week go in a handful.
The SDK is used as it comes: `sync_mode`, each message with its `timestamp`; `sentAt` is its own, the
machine's. Neither client heeds proxy settings: ingest is on this machine.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
from segment.analytics.client import Client
from segment.analytics.request import APIError

from schemas.instants import datetime_of, format_instant
from services.demo.errors import Refused
from services.demo.script import Moment, ScriptedEvent

TIMEOUT_S = 20.0
REQUEST_BYTES_MAX = 900_000
REQUEST_ITEMS_MAX = 2_000
"""Below what ingest takes in one request, the brackets around it included."""


class Backend:
    """The shop's own server: its events, its catalogue, and codes for offers."""

    def __init__(self, url: str, write_key: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"X-Write-Key": write_key},
            timeout=TIMEOUT_S,
            trust_env=False,
            transport=transport,
        )

    async def send(self, events: Sequence[ScriptedEvent]) -> None:
        """One request after the other, so that each customer's events keep their order. Raises Refused."""
        for batch in _batches([_native(event) for event in events]):
            await self._post("/v1/events", batch)

    async def supply(self, events: Sequence[ScriptedEvent]) -> None:
        """What the catalogue says now, and codes for offers. Raises Refused."""
        products = [_product(event) for event in events if event.path == "catalogue"]
        for batch in _batches(products):
            await self._post("/v1/products", batch)
        for event in events:
            if event.path == "codes":
                await self._post("/v1/offer-codes", json.dumps(event.properties).encode())

    async def _post(self, route: str, body: bytes) -> None:
        try:
            answer = await self._client.post(route, content=body)
        except httpx.HTTPError as error:
            raise Refused(f"ingest did not answer: {error!r}. Look at its log.") from error
        if answer.status_code != httpx.codes.OK or answer.json()["rejected"]:
            raise Refused(
                f"ingest answered {answer.status_code} to {route} {body[:80]!r}: {answer.text[:300]}"
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class Devices:
    """The shoppers' devices: one SDK call an event, in the order of the script."""

    def __init__(self, url: str, write_key: str) -> None:
        self._client = Client(
            write_key=write_key, host=url, sync_mode=True, timeout=TIMEOUT_S, proxies={"no_proxy": "*"}
        )

    async def send(self, events: Sequence[ScriptedEvent]) -> None:
        """In a thread: the SDK blocks. Raises Refused."""
        if events:
            await asyncio.to_thread(self._send_all, events)

    def _send_all(self, events: Sequence[ScriptedEvent]) -> None:
        for event in events:
            try:
                self._send(event)
            except APIError as error:
                raise Refused(
                    f"ingest answered {error.status} to {event.event_id}: {error.message}"
                ) from error
            except OSError as error:
                raise Refused(f"ingest did not answer: {error!r}. Look at its log.") from error

    def _send(self, event: ScriptedEvent) -> None:
        common: dict[str, Any] = {
            "user_id": event.customer_id,
            "anonymous_id": event.anonymous_id,
            "timestamp": datetime_of(event.at),
            "message_id": event.event_id,
        }
        if event.type == "profile_updated":
            self._client.identify(traits=event.properties, **common)
        else:
            self._client.track(event=sdk_name(event.type), properties=event.properties, **common)


class Sources:
    """Both of them."""

    def __init__(self, url: str, shop_key: str, sdk_key: str) -> None:
        self._backend = Backend(url, shop_key)
        self._devices = Devices(url, sdk_key)

    async def send(self, moment: Moment) -> None:
        """All events of a moment, each customer's in their order, the shop's goods first; returns when ingest
        has answered for all.

        Raises Refused.
        """
        await self._backend.supply([event for event in moment.events if event.is_supply])
        native = [event for event in moment.events if event.path == "native"]
        sdk = [event for event in moment.events if event.path == "sdk"]
        await asyncio.gather(self._backend.send(native), self._devices.send(sdk))

    async def close(self) -> None:
        """Close the connections."""
        await self._backend.close()


def sdk_name(event_type: str) -> str:
    """`product_added` as Segment's e-commerce spec spells it: `Product Added`."""
    return event_type.replace("_", " ").title()


def _native(event: ScriptedEvent) -> dict[str, Any]:
    named = {"customer_id": event.customer_id, "anonymous_id": event.anonymous_id}
    return {
        "event_id": event.event_id,
        "type": event.type,
        **{name: value for name, value in named.items() if value is not None},
        "occurred_at": format_instant(event.occurred_at),
        "properties": event.properties,
        "backfill": event.backfill,
    }


def _product(event: ScriptedEvent) -> dict[str, Any]:
    return {"product_id": event.product_id, **event.properties}


def _batches(items: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """JSON lists of them, none larger than a request may be."""
    batch: list[str] = []
    size = 0
    for item in items:
        text = json.dumps(item)
        if batch and (size + len(text) > REQUEST_BYTES_MAX or len(batch) == REQUEST_ITEMS_MAX):
            yield f"[{','.join(batch)}]".encode()
            batch, size = [], 0
        batch.append(text)
        size += len(text) + 1
    if batch:
        yield f"[{','.join(batch)}]".encode()
