"""The two ways in: the shop's backend over the native API, shoppers through Segment's own Python SDK.

The SDK is used as it comes: `sync_mode`, each message with its `timestamp`; `sentAt` is its own, the
machine's. Neither client heeds proxy settings: ingest is on this machine.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
from segment.analytics.client import Client
from segment.analytics.request import APIError

from schemas.instants import datetime_of, format_instant
from services.demo.errors import Refused
from services.demo.script import Moment, ScriptedEvent

TIMEOUT_S = 20.0


class Backend:
    """The shop's own server: one request for all its events of a moment."""

    def __init__(self, url: str, write_key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"X-Write-Key": write_key}, timeout=TIMEOUT_S, trust_env=False
        )

    async def send(self, events: Sequence[ScriptedEvent]) -> None:
        """Raises Refused."""
        if not events:
            return
        try:
            answer = await self._client.post("/v1/events", json=[_native(event) for event in events])
        except httpx.HTTPError as error:
            raise Refused(f"ingest did not answer: {error!r}. Look at its log.") from error
        if answer.status_code != httpx.codes.OK:
            raise Refused(
                f"ingest answered {answer.status_code} to {events[0].event_id}: {answer.text[:300]}"
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
        """All events of a moment, each customer's in their order; returns when ingest has answered for all.

        Raises Refused.
        """
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
        "occurred_at": format_instant(event.at),
        "properties": event.properties,
    }
