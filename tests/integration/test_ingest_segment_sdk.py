"""The unmodified segment-analytics-python SDK against ingest and a real Kafka."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from segment.analytics.client import Client

from tests.fixtures.ingest_server import KEY, IngestTopics, RunningIngest


class Shop:
    """A shop's use of the SDK; `errors` is what the SDK reports through `on_error`."""

    def __init__(self, ingest: RunningIngest, key: str = KEY, **options: Any) -> None:
        self.errors: list[Exception] = []
        self.sdk = Client(key, host=ingest.url, max_retries=1, on_error=self._note, **options)

    def _note(self, error: Exception, _batch: object) -> None:
        self.errors.append(error)

    def close(self) -> None:
        self.sdk.flush()
        self.sdk.shutdown()


def stored(topics: IngestTopics, key: str) -> list[dict[str, Any]]:
    return [json.loads(r.value()) for r in topics.read(topics.events) if r.key().decode() == key]


@pytest.mark.parametrize("gzip", [False, True])
def test_what_the_sdk_sends_is_on_the_log(ingest: RunningIngest, topics: IngestTopics, gzip: bool) -> None:
    shop, customer = Shop(ingest, gzip=gzip), f"sdk-{gzip}"
    at = datetime(2026, 11, 22, 16, 52, 3, 120_000, tzinfo=UTC)
    shop.sdk.identify(customer, {"email": "ayse@example.com", "firstName": "Ayşe"}, timestamp=at)
    shop.sdk.page(customer, "Kitchen", "Teapots", {"url": "https://shop.example/teapots"}, timestamp=at)
    properties = {"cart_id": "c-1", "product_id": "p-9", "price": 24.5, "rating": float("nan")}
    shop.sdk.track(
        customer, "Product Added", properties, anonymous_id="device", timestamp=at, message_id="m-9"
    )
    shop.sdk.screen(customer, "Home")
    shop.sdk.group(customer, "club", {"name": "Club"})
    shop.sdk.alias("device", customer)
    shop.close()
    assert shop.errors == []

    events = stored(topics, customer)
    types = "profile_updated page_viewed product_added screen_viewed group_joined customer_aliased"
    assert [event["type"] for event in events] == types.split()
    profile, page, added = events[:3]
    assert profile["properties"] == {"email": "ayse@example.com", "first_name": "Ayşe"}
    assert page["properties"] == {
        "name": "Teapots",
        "category": "Kitchen",
        "url": "https://shop.example/teapots",
    }
    assert added["properties"] == {"cart_id": "c-1", "product_id": "p-9", "price": 24.5, "rating": None}
    assert (added["event_id"], added["anonymous_id"], added["source"]) == ("m-9", "device", "test")
    assert added["context"]["library"]["name"] == "analytics-python"
    assert {event["occurred_at"] for event in events[:3]} == {"2026-11-22T16:52:03.120Z"}
    assert {event["received_at"] for event in events} == {"2026-11-22T17:00:00.000Z"}


def test_anonymous_shoppers_and_batches(ingest: RunningIngest, topics: IngestTopics) -> None:
    shop = Shop(ingest, upload_size=50)
    for number in range(120):
        shop.sdk.track(event="Product Viewed", properties={"n": number}, anonymous_id="sdk-device")
    shop.close()
    assert shop.errors == []
    events = stored(topics, "anon:sdk-device")
    assert [event["properties"]["n"] for event in events] == list(range(120))


def test_an_unknown_key_reaches_on_error_without_a_retry(ingest: RunningIngest) -> None:
    shop = Shop(ingest, key="wk_other", sync_mode=False)
    shop.sdk.track("sdk-other", "Product Viewed")
    shop.close()
    (error,) = shop.errors
    assert "unknown_write_key" in str(error)


def test_a_rejected_event_reaches_on_error_with_its_reason(ingest: RunningIngest) -> None:
    shop = Shop(ingest)
    shop.sdk.track("anon:forged", "Product Viewed")
    shop.close()
    (error,) = shop.errors
    assert "reserved_prefix" in str(error)
