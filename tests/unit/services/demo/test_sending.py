"""What the shop's backend asks of ingest: few requests, none too large, in order."""

import json
from collections.abc import Sequence

import httpx
import pytest

from schemas.instants import DAY_MS
from services.demo.errors import Refused
from services.demo.goods import codes, entry
from services.demo.script import MONDAY, ScriptedEvent, since_start
from services.demo.sending import REQUEST_BYTES_MAX, REQUEST_ITEMS_MAX, Backend


class Ingest:
    """Takes every request, or rejects what it is told to."""

    def __init__(self, rejected: Sequence[str] = ()) -> None:
        self.requests: list[tuple[str, bytes]] = []
        self._rejected = list(rejected)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request.url.path, request.content))
        return httpx.Response(200, json={"success": True, "rejected": self._rejected})


def backend(ingest: Ingest) -> Backend:
    return Backend("http://ingest.example", "key", transport=httpx.MockTransport(ingest))


def order(number: int, size: int = 10) -> ScriptedEvent:
    return ScriptedEvent(
        at=MONDAY, path="native", event_id=f"o{number}", type="order_completed", customer_id="ada",
        properties={"note": "x" * size},
    )  # fmt: skip


async def test_history_goes_in_a_few_requests_in_order() -> None:
    ingest = Ingest()
    await backend(ingest).send([order(number) for number in range(REQUEST_ITEMS_MAX + 5)])
    bodies = [json.loads(body) for _, body in ingest.requests]
    assert [len(body) for body in bodies] == [REQUEST_ITEMS_MAX, 5]
    assert [each["event_id"] for body in bodies for each in body] == [f"o{n}" for n in range(2_005)]


async def test_no_request_is_too_large() -> None:
    ingest = Ingest()
    await backend(ingest).send([order(number, 30_000) for number in range(100)])
    assert sum(len(json.loads(body)) for _, body in ingest.requests) == 100
    assert len(ingest.requests) == 4
    assert all(len(body) < REQUEST_BYTES_MAX + 1_000 for _, body in ingest.requests)


async def test_history_says_when_it_happened() -> None:
    ingest = Ingest()
    event = ScriptedEvent(
        at=MONDAY - DAY_MS, path="native", event_id="e", type="signed_up", customer_id="ada"
    )
    await backend(ingest).send([since_start(event)])
    (sent,) = json.loads(ingest.requests[0][1])
    assert (sent["occurred_at"], sent["backfill"]) == ("2011-03-13T00:00:00.000Z", True)


async def test_goods_and_codes_have_routes_of_their_own() -> None:
    ingest = Ingest()
    product = {"product_id": "p1", "name": "A", "category": "Home", "price": 1.0, "url": "https://s.example"}
    await backend(ingest).supply([entry(product, MONDAY), codes("cart-10", MONDAY)])
    assert [route for route, _ in ingest.requests] == ["/v1/products", "/v1/offer-codes"]
    assert json.loads(ingest.requests[0][1])[0]["product_id"] == "p1"
    assert json.loads(ingest.requests[1][1])["pool"] == "cart-10"


async def test_what_is_rejected_stops_the_demo() -> None:
    with pytest.raises(Refused, match="bad_type"):
        await backend(Ingest(["bad_type"])).send([order(1)])
