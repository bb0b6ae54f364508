"""The codes' route without a Kafka: whatever is answered before anything would be written."""

import re

from ingest.adapters.http import CODES_ROUTE
from ingest.core.outcomes import TakenCode
from tests.unit.ingest.test_http import KEY, app_of, assert_error, basic, client_of
from tests.unit.ingest.test_offer_codes import outcomes_of

NONE = {"pool": "cart-10", "codes": []}
ONE = NONE | {"codes": ["CART-8F2K"]}


async def test_codes_are_sent_by_post() -> None:
    async with client_of(app_of(batch_events_max=2)) as client:
        for path in (CODES_ROUTE, CODES_ROUTE + "/"):
            response = await client.post(path, headers=basic(KEY), json=NONE)
            assert (response.status_code, response.json()["accepted"]) == (200, 0)
            assert (await client.post(path, json=NONE | {"writeKey": KEY})).status_code == 200
            assert_error(await client.post(path, json=ONE), 401, "missing_write_key")
            wrong = await client.post(path, headers=basic(KEY), json=ONE | {"pool": "Cart 10"})
            assert "'Cart 10' cannot be its name" in assert_error(wrong, 400, "bad_pool")
            large = await client.post(path, headers=basic(KEY), json=NONE | {"codes": ["A", "B", "C"]})
            assert_error(large, 413, "too_many_events")
            assert_error(await client.get(path), 405, "method_not_allowed")


async def test_while_kafka_has_not_told_its_partitions_they_are_refused() -> None:
    async with client_of(app_of()) as client:
        response = await client.post(CODES_ROUTE, headers=basic(KEY), json=ONE)
        text = (await client.get("/metrics")).text
    assert "ingest has not asked Kafka yet" in assert_error(response, 503, "log_unavailable")
    assert response.headers["Retry-After"] == "5"
    assert 'tetik_ingest_requests_total{path="/v1/offer-codes",status="503"} 1.0' in text
    assert "tetik_ingest_events_accepted_total{" not in text


async def test_the_openapi_document_describes_them() -> None:
    operation = app_of().openapi()["paths"][CODES_ROUTE]["post"]
    described = operation["requestBody"]["content"]["application/json"]
    assert outcomes_of(described["example"]) == [
        TakenCode("cart-10", code) for code in described["example"]["codes"]
    ]
    assert {"200", "400", "401", "413", "415", "503"} == operation["responses"].keys()
    stated = described["schema"]["properties"]
    assert re.fullmatch(stated["pool"]["pattern"], "cart-10")
    assert re.fullmatch(stated["codes"]["items"]["pattern"], "CART_8-f2k")
    assert described["schema"]["required"] == ["pool", "codes"]
