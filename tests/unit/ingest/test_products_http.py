"""The catalogue's routes without a Kafka: whatever is answered before anything would be written."""

import pytest

from ingest.adapters.http import PRODUCT_ROUTE, PRODUCTS_ROUTE
from ingest.core.outcomes import Catalogued
from tests.unit.ingest.test_http import KEY, app_of, assert_error, basic, client_of
from tests.unit.ingest.test_products import outcomes_of

TEAPOT = {"product_id": "p-9", "name": "Teapot"}


@pytest.mark.parametrize("path", [PRODUCTS_ROUTE, PRODUCTS_ROUTE + "/"])
async def test_products_are_sent_by_post(path: str) -> None:
    async with client_of(app_of()) as client:
        response = await client.post(path, headers=basic(KEY), json=[])
        assert (response.status_code, response.json()["accepted"]) == (200, 0)
        assert_error(await client.post(path, headers=basic(KEY), content=b"{"), 400, "malformed_json")
        assert_error(await client.post(path, json=[]), 401, "missing_write_key")
        assert_error(await client.post(path, json=[], headers=basic("other")), 401, "unknown_write_key")
        assert "by POST" in assert_error(await client.get(path), 405, "method_not_allowed")


async def test_too_many_products_are_refused() -> None:
    async with client_of(app_of(batch_events_max=2)) as client:
        response = await client.post(PRODUCTS_ROUTE, headers=basic(KEY), json=[TEAPOT] * 3)
    assert_error(response, 413, "too_many_events")


@pytest.mark.parametrize("path", ["/p-9", "/a/b", "/p%20-%C3%A7", "/"])
async def test_products_are_deleted_by_id(path: str) -> None:
    async with client_of(app_of()) as client:
        assert_error(await client.delete(PRODUCTS_ROUTE + path), 401, "missing_write_key")
        wrong = await client.delete(PRODUCTS_ROUTE + path, headers=basic("other"))
        assert_error(wrong, 401, "unknown_write_key")
        assert_error(await client.get(PRODUCTS_ROUTE + path), 405, "method_not_allowed")


async def test_without_kafka_they_answer_503_and_are_counted() -> None:
    app = app_of(delivery_deadline_ms=100)
    async with client_of(app) as client:
        await app.state.ingest.log.start()
        try:
            sent = await client.post(PRODUCTS_ROUTE, headers=basic(KEY), json=TEAPOT)
            gone = await client.delete(PRODUCTS_ROUTE + "/p-9", headers=basic(KEY))
            text = (await client.get("/metrics")).text
        finally:
            await app.state.ingest.log.close()
    for response in (sent, gone):
        assert_error(response, 503, "log_unavailable")
        assert response.headers["Retry-After"] == "5"
    assert 'tetik_ingest_requests_total{path="/v1/products",status="503"} 1.0' in text
    assert 'tetik_ingest_requests_total{path="/v1/products/{product_id}",status="503"} 1.0' in text


async def test_the_openapi_document_describes_them() -> None:
    document = app_of().openapi()
    operation = document["paths"][PRODUCTS_ROUTE]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert all(isinstance(outcome, Catalogued) for outcome in outcomes_of(example))
    assert {"200", "400", "401", "413", "415", "503"} == operation["responses"].keys()
    assert "503" in document["paths"][PRODUCT_ROUTE]["delete"]["responses"]
    schema = document["components"]["schemas"]["Product"]
    assert schema["required"] == ["product_id", "name"]
    assert "updated_at" not in schema["properties"]
