"""The HTTP front without a Kafka: whatever is answered before anything would be written."""

import base64
import hashlib
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from ingest.adapters.http import EVENT_ROUTES, SHORT_ROUTES
from ingest.app import create_app
from ingest.core.outcomes import Accepted
from ingest.settings import IngestSettings
from schemas.instants import Instant
from tests.unit.ingest.calls import outcomes_of

KEY = "wk_secret"
NOTHING: dict[str, Any] = {"batch": []}


class StoppedClock:
    def now(self) -> Instant:
        return 1_795_000_000_000

    async def wait(self, timeout_s: float) -> None:
        raise AssertionError("ingest waits for no clock")


def settings(**changes: Any) -> IngestSettings:
    keys = {"web": SecretStr(KEY), "erp": SecretStr("sha256:" + hashlib.sha256(b"erp key").hexdigest())}
    return IngestSettings(**{"kafka": "127.0.0.1:1", "write_keys": keys} | changes)


def app_of(**changes: Any) -> FastAPI:
    return create_app(settings(**changes), StoppedClock(), StoppedClock().now)


def client_of(app: FastAPI, **options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://ingest", **options)


def basic(user: str, password: str = "") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}{password}".encode()).decode()}


def assert_error(response: httpx.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    body = response.json()
    assert body["code"] == code
    return str(body["message"])


@pytest.mark.parametrize(
    ("path", "headers", "key_fields"),
    [
        ("/v1/batch", basic(KEY, ":"), {}),
        ("/v1/batch", basic(KEY), {}),
        ("/v1/batch", basic("erp key", ":"), {}),
        ("/v1/batch", {"Authorization": f"Bearer {KEY}"}, {}),
        ("/v1/batch", {"Authorization": f"bearer {KEY}"}, {}),
        ("/v1/batch", {"X-Write-Key": KEY}, {}),
        (f"/v1/batch?writeKey={KEY}", {}, {}),
        (f"/v1/batch?writekey={KEY}", {}, {}),
        ("/v1/batch", {}, {"writeKey": KEY}),
        ("/v1/batch", {"Authorization": "Bearer oauth-token"}, {"writeKey": KEY}),
    ],
)
async def test_ways_to_carry_the_key(path: str, headers: dict[str, str], key_fields: dict[str, str]) -> None:
    async with client_of(app_of()) as client:
        response = await client.post(path, headers=headers, json=NOTHING | key_fields)
    assert response.status_code == 200
    assert response.json() == {"success": True, "accepted": 0, "rejected": []}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_write_key"),
        ({"Authorization": "Basic !!!"}, "missing_write_key"),
        ({"Authorization": "Digest x"}, "missing_write_key"),
        (basic("other", ":"), "unknown_write_key"),
        (basic(KEY + "x", ":"), "unknown_write_key"),
        (basic("sha256:" + hashlib.sha256(b"erp key").hexdigest()), "unknown_write_key"),
        ({"Authorization": "Bearer "}, "unknown_write_key"),
        ({"X-Write-Key": "ç".encode()}, "unknown_write_key"),
    ],
)
async def test_wrong_keys(headers: dict[str, Any], code: str) -> None:
    async with client_of(app_of()) as client:
        response = await client.post("/v1/events", headers=headers, json=[])
    assert KEY not in assert_error(response, 401, code)
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"web": SecretStr(""), "erp": SecretStr("k")},
        {"web": SecretStr("k"), "erp": SecretStr("k")},
        {"web": SecretStr("sha256:xyz")},
        {"web": SecretStr("sha256:00ff")},
    ],
)
def test_keys_that_cannot_be_used_are_no_settings(keys: dict[str, SecretStr]) -> None:
    with pytest.raises(ValidationError):
        settings(write_keys=keys)


def test_settings_are_frozen_and_closed_and_hide_the_keys() -> None:
    with pytest.raises(ValidationError):
        settings(body_byte_max=1)
    with pytest.raises(ValidationError):
        settings().kafka = "elsewhere"
    assert KEY not in repr(settings())


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", {}, 400, "malformed_json"),
        (b'{"batch": 1}', {}, 400, "bad_body"),
        (b"x" * 2_000_000, {}, 413, "body_too_large"),
        (b'{"batch": [1,2,3,4]}', {}, 413, "too_many_events"),
        (b"{}", {"Content-Encoding": "br"}, 415, "unsupported_encoding"),
        (b"\x1f\x8b", {"Content-Encoding": "gzip"}, 400, "bad_encoding"),
    ],
)
async def test_bodies_that_cannot_be_read(
    content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    async with client_of(app_of(batch_events_max=3)) as client:
        response = await client.post("/v1/batch", headers=headers | basic(KEY), content=content)
    assert len(assert_error(response, status, code)) > 10


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", None]
)
async def test_the_content_type_does_not_count(content_type: str | None) -> None:
    headers = basic(KEY) | ({"Content-Type": content_type} if content_type else {})
    async with client_of(app_of()) as client:
        response = await client.post("/v1/batch", headers=headers, content=b'{"batch": []}')
    assert response.status_code == 200


@pytest.mark.parametrize("path", [*EVENT_ROUTES, *SHORT_ROUTES])
async def test_every_route_answers_with_and_without_a_slash(path: str) -> None:
    async with client_of(app_of()) as client:
        for spelling in (path, path + "/"):
            assert_error(await client.post(spelling, content=b"{"), 400, "malformed_json")
            assert_error(await client.get(spelling), 405, "method_not_allowed")


async def test_unknown_paths_are_answered_in_our_form() -> None:
    async with client_of(app_of()) as client:
        assert "/docs" in assert_error(await client.post("/v1/tracks"), 404, "not_found")
        assert_error(await client.put("/healthz"), 405, "method_not_allowed")


async def test_a_bug_is_answered_in_our_form() -> None:
    def broken() -> Instant:
        raise RuntimeError("secret detail")

    app = create_app(settings(), StoppedClock(), broken)
    async with client_of(app) as client:
        response = await client.post("/v1/batch", headers=basic(KEY), json=NOTHING)
    assert "secret detail" not in assert_error(response, 500, "internal_error")
    assert app.state.ingest.progress() == ({}, None)


ORIGIN = {"Origin": "https://shop.example"}


async def test_a_preflight_is_mirrored() -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "anonymousid,authorization,content-type,sentat,rsa-retry-attempt",
    }
    async with client_of(app_of()) as client:
        response = await client.options("/v1/t", headers=ORIGIN | asked)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert response.headers["access-control-allow-headers"] == asked["Access-Control-Request-Headers"]
    assert response.headers["access-control-allow-credentials"] == "true"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert 900 <= int(response.headers["access-control-max-age"]) <= 86_400
    assert response.headers["vary"] == "Origin"


async def test_answers_to_browsers_are_marked_errors_too() -> None:
    async with client_of(app_of()) as client:
        good = await client.post("/v1/b", headers=ORIGIN | basic(KEY), json=NOTHING)
        bad = await client.post("/v1/b", headers=ORIGIN, json=NOTHING)
        inside = await client.get("/metrics", headers=ORIGIN)
        server = await client.post("/v1/b", headers=basic(KEY), json=NOTHING)
    for response in (good, bad):
        assert response.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    for response in (inside, server):
        assert "access-control-allow-origin" not in response.headers


async def test_the_metrics_count_requests() -> None:
    async with client_of(app_of()) as client:
        await client.post("/v1/batch", headers=basic(KEY), json=NOTHING)
        await client.post("/v1/batch", json=NOTHING)
        text = (await client.get("/metrics")).text
    assert 'tetik_ingest_requests_total{path="/v1/batch",status="200"} 1.0' in text
    assert 'tetik_ingest_requests_total{path="/v1/batch",status="401"} 1.0' in text
    assert 'tetik_ingest_request_seconds_count{path="/v1/batch"} 2.0' in text
    assert "tetik_ingest_kafka_up 0.0" in text


async def test_the_openapi_document_names_every_route_with_an_example() -> None:
    async with client_of(app_of()) as client:
        document = (await client.get("/openapi.json")).json()
        assert (await client.get("/docs")).status_code == 200
    for path in EVENT_ROUTES:
        operation = document["paths"][path]["post"]
        assert operation["requestBody"]["content"]["application/json"]["example"]
        assert {"200", "400", "401", "413"} <= operation["responses"].keys()
    assert {"/healthz", "/readyz", "/metrics"} <= document["paths"].keys()
    native = document["components"]["schemas"]["NativeEvent"]
    assert "received_at" not in native["properties"]
    assert native["required"] == ["type"]


async def test_the_examples_of_the_document_are_taken() -> None:
    document = app_of().openapi()
    for path, form in EVENT_ROUTES.items():
        example = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert all(isinstance(outcome, Accepted) for outcome in outcomes_of(example, form))
