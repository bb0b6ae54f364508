"""Ingest on a real Kafka: what was answered 200 is on the log, keyed, in order; all bad input is answered."""

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest
from aiokafka.partitioner import DefaultPartitioner

from schemas.dead_letter import DeadLetter
from schemas.event import Event
from tests.fixtures.ingest_server import (
    KEY,
    PARTITIONS,
    IngestTopics,
    RunningIngest,
    eventually,
)

AUTH = (KEY, "")
LONG = "x" * 40_000


@pytest.fixture
async def client(ingest: RunningIngest) -> Any:
    async with httpx.AsyncClient(base_url=ingest.url, auth=AUTH, timeout=30, trust_env=False) as client:
        yield client


def events_of(topics: IngestTopics, customer: str) -> list[Any]:
    """The records of one customer, as the log holds them."""
    return [record for record in topics.read(topics.events) if record.key().decode() == customer]


def letters_of(topics: IngestTopics, mark: str) -> list[DeadLetter]:
    records = topics.read(topics.dead_letters)
    letters = [DeadLetter.model_validate_json(record.value()) for record in records]
    return [letter for letter in letters if mark in letter.value]


async def test_an_event_is_on_the_log_when_it_is_answered(
    client: httpx.AsyncClient, topics: IngestTopics
) -> None:
    event = {"event_id": "e-1", "type": "order_completed", "customer_id": "acked", "properties": {"total": 4}}
    response = await client.post("/v1/events", json=event)
    assert (response.status_code, response.json()) == (200, {"success": True, "accepted": 1, "rejected": []})
    (record,) = events_of(topics, "acked")
    stored = Event.model_validate_json(record.value())
    assert (stored.event_id, stored.type, stored.source) == ("e-1", "order_completed", "test")
    headers = dict(record.headers())
    assert headers["ce_type"] == b"tetik.event.v1"
    assert headers["ce_source"] == b"/tetik/ingest"
    assert headers["content-type"] == b"application/json"


async def test_received_at_is_the_products_clock(
    client: httpx.AsyncClient, ingest: RunningIngest, topics: IngestTopics
) -> None:
    ingest.clock.instant += 86_400_000
    await client.post("/v1/events", json={"type": "page_viewed", "customer_id": "clocked"})
    (record,) = events_of(topics, "clocked")
    assert json.loads(record.value())["received_at"] == "2026-11-23T17:00:00.000Z"


async def test_keys_meet_the_partition_that_javas_partitioner_gives(
    client: httpx.AsyncClient, topics: IngestTopics
) -> None:
    customers = [f"müşteri-{number}" for number in range(60)]
    events = [{"type": "page_viewed", "customer_id": customer} for customer in customers]
    events.append({"type": "page_viewed", "anonymous_id": "device"})
    events.append({"type": "price_changed", "product_id": "teapot"})
    assert (await client.post("/v1/events", json={"events": events})).json()["accepted"] == len(events)
    partitions = list(range(PARTITIONS))
    seen = {}
    for record in topics.read(topics.events):
        seen[record.key().decode()] = record.partition()
    for key in [*customers, "anon:device", "product:teapot"]:
        assert seen[key] == DefaultPartitioner()(key.encode(), partitions, partitions), key


async def test_the_order_of_a_customer_is_kept_within_and_across_requests(
    client: httpx.AsyncClient, topics: IngestTopics
) -> None:
    for start in range(0, 300, 100):
        events = [
            {"type": "page_viewed", "customer_id": f"ordered-{number % 3}", "event_id": str(number)}
            for number in range(start, start + 100)
        ]
        assert (await client.post("/v1/events", json=events)).status_code == 200
    records = topics.read(topics.events)
    for customer in range(3):
        own = [each for each in records if each.key().decode() == f"ordered-{customer}"]
        ids = [json.loads(each.value())["event_id"] for each in own]
        assert ids == [str(number) for number in range(300) if number % 3 == customer]


async def test_many_clients_at_once(
    client: httpx.AsyncClient, topics: IngestTopics, ingest: RunningIngest
) -> None:
    calls = [
        client.post("/v1/track", json={"userId": "crowd", "event": "Page Seen", "messageId": f"m-{number}"})
        for number in range(200)
    ]
    responses = await asyncio.gather(*calls)
    assert {response.status_code for response in responses} == {200}
    ids = [json.loads(record.value())["event_id"] for record in events_of(topics, "crowd")]
    assert sorted(ids) == sorted(f"m-{number}" for number in range(200))
    assert ingest.stage.progress() == ({}, None)


async def test_progress_waits_for_an_open_request(ingest: RunningIngest) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", ingest.port)
    writer.write(b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\nX-Write-Key: wk_test\r\n\r\n{")
    await writer.drain()
    await eventually(lambda: ingest.stage.progress() is None, "the request is open")
    writer.write(b'"batch": []}')
    assert b"200 OK" in await reader.readline()
    await eventually(lambda: ingest.stage.progress() == ({}, None), "nothing is left to do")
    writer.close()


async def test_a_client_that_goes_away_leaves_nothing_open(ingest: RunningIngest) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", ingest.port)
    writer.write(b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    await eventually(lambda: ingest.stage.progress() is None, "the request is open")
    writer.close()
    await eventually(lambda: ingest.stage.progress() == ({}, None), "the request is given up")


async def test_one_bad_event_fails_alone_and_is_kept_with_its_reason(
    client: httpx.AsyncClient, topics: IngestTopics
) -> None:
    batch = [
        {"type": "track", "event": "Product Added", "userId": "batched", "messageId": "m-1"},
        {"type": "track", "event": "Product Added", "messageId": "m-2", "properties": {"mark": "nobody"}},
        {
            "type": "track",
            "event": "Big",
            "userId": "batched",
            "properties": {"mark": "big", "a": "x" * 40_000},
        },
        {"type": "track", "event": "Product Removed", "userId": "batched", "messageId": "m-4"},
    ]
    response = await client.post("/v1/batch/", content=gzip.compress(json.dumps({"batch": batch}).encode()))
    body = response.json()
    assert (response.status_code, body["success"], body["accepted"]) == (200, True, 2)
    assert [(bad["index"], bad["code"]) for bad in body["rejected"]] == [
        (1, "no_identity"),
        (2, "event_too_large"),
    ]
    types = [json.loads(record.value())["type"] for record in events_of(topics, "batched")]
    assert types == ["product_added", "product_removed"]
    (nobody,) = letters_of(topics, '"mark": "nobody"')
    assert json.loads(nobody.value) == batch[1]
    assert (nobody.stage, nobody.topic) == ("ingest", topics.events)
    assert nobody.reason.startswith("no_identity: ")
    (big,) = letters_of(topics, '"mark": "big"')
    assert len(big.value) == 32_768


BAD_REQUESTS = [
    ("/v1/events", b'{"type": ', 400, "malformed_json", "JSON"),
    ("/v1/batch", b'{"batch": [}', 400, "malformed_json", "JSON"),
    (
        "/v1/events",
        json.dumps({"type": "a", "customer_id": "1", "x": "y" * 2_000_000}),
        413,
        "body_too_large",
        "1000000",
    ),
    ("/v1/batch", json.dumps({"batch": [{"x": LONG}] * 50}), 413, "body_too_large", "1000000"),
    ("/v1/events", json.dumps({"type": "cart_viewed"}), 400, "no_identity", "customer id"),
    ("/v1/track", json.dumps({"event": "Cart Viewed"}), 400, "no_identity", "customer id"),
    ("/v1/events", json.dumps({"type": "a", "custmer_id": "1"}), 400, "unknown_field", "'customer_id'"),
    (
        "/v1/events",
        json.dumps({"type": "a", "customer_id": "1", "occurred_at": "1970-01-01T00:00:00Z"}),
        400,
        "implausible_timestamp",
        "2000-01-01",
    ),
    (
        "/v1/track",
        json.dumps({"event": "A", "userId": "1", "timestamp": "1970-01-01T00:00:00Z"}),
        400,
        "implausible_timestamp",
        "2000-01-01",
    ),
    ("/v1/nothing", b"{}", 404, "not_found", "/docs"),
]


@pytest.mark.parametrize(
    ("path", "content", "status", "code", "says"),
    [pytest.param(*each, id=f"{each[0]}-{each[3]}") for each in BAD_REQUESTS],
)
async def test_bad_requests_are_answered_clearly(
    client: httpx.AsyncClient, path: str, content: bytes, status: int, code: str, says: str
) -> None:
    response = await client.post(path, content=content)
    assert response.status_code == status
    body = response.json()
    assert body["code"] == code
    assert says in body["message"]
    assert "Traceback" not in response.text


async def test_a_single_bad_event_is_kept_too(client: httpx.AsyncClient, topics: IngestTopics) -> None:
    event = {"event": "A", "properties": {"mark": "single"}, "writeKey": KEY}
    assert (await client.post("/v1/track", json=event)).status_code == 400
    (letter,) = letters_of(topics, '"mark":"single"')
    assert KEY not in letter.value


async def test_an_event_of_2100_is_clamped(client: httpx.AsyncClient, topics: IngestTopics) -> None:
    event = {"type": "a", "customer_id": "future", "occurred_at": "2100-01-01T00:00:00Z"}
    assert (await client.post("/v1/events", json=event)).status_code == 200
    (record,) = events_of(topics, "future")
    stored = json.loads(record.value())
    assert stored["occurred_at"] == stored["received_at"]
    assert stored["context"] == {"clamped_from": "2100-01-01T00:00:00Z"}


async def test_unknown_keys_write_nothing(client: httpx.AsyncClient, topics: IngestTopics) -> None:
    event = {"type": "a", "customer_id": "intruder"}
    response = await client.post("/v1/events", json=event, auth=("wk_other", ""))
    assert (response.status_code, response.json()["code"]) == (401, "unknown_write_key")
    assert events_of(topics, "intruder") == []


async def test_it_says_that_it_is_ready_and_counts(client: httpx.AsyncClient) -> None:
    await client.post("/v1/events", json={"type": "a", "customer_id": "counted"})
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    text = (await client.get("/metrics")).text
    assert "tetik_ingest_kafka_up 1.0" in text
    assert 'tetik_ingest_events_accepted_total{source="test"}' in text
    assert "tetik_ingest_records_in_flight 0.0" in text
