"""The catalogue API on a real Kafka: what was answered 200 is on both topics, keyed alike, in order."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.dead_letter import DeadLetter
from schemas.product import Product
from tests.fixtures.ingest_server import KEY, IngestTopics, RunningIngest, tetik_import

TEAPOT = {"product_id": "p-9", "name": "Teapot", "price": 24.5, "currency": "EUR", "stock": 12}


@pytest.fixture
def client(ingest: RunningIngest) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=ingest.url, auth=(KEY, ""), timeout=30, trust_env=False) as client:
        yield client


def records(topics: IngestTopics, topic: str, product: str) -> list[Any]:
    """The records of one product, as the log holds them."""
    return [each for each in topics.read(topic) if each.key().decode() == f"product:{product}"]


def test_a_product_is_on_both_topics_when_it_is_answered(client: httpx.Client, topics: IngestTopics) -> None:
    response = client.post("/v1/products", json=TEAPOT)
    assert (response.status_code, response.json()) == (200, {"success": True, "accepted": 1, "rejected": []})
    (entry,), (event,) = records(topics, topics.products, "p-9"), records(topics, topics.events, "p-9")
    stored, told = Product.model_validate_json(entry.value()), json.loads(event.value())
    assert (stored.name, stored.price, stored.stock) == ("Teapot", 24.5, 12)
    assert (told["type"], told["product_id"], told["customer_id"]) == ("product_updated", "p-9", None)
    assert told["properties"] == {k: v for k, v in json.loads(entry.value()).items() if k != "product_id"}
    assert entry.partition() == event.partition(), "a product has one partition number, as a customer has"
    assert dict(entry.headers())["ce_type"] == b"tetik.product.v1"


def test_changes_and_the_deletion_keep_their_order(client: httpx.Client, topics: IngestTopics) -> None:
    changes = [TEAPOT | {"product_id": "a/b ç", "price": price} for price in (3, 2, 1)]
    assert client.post("/v1/products", json=changes).json()["accepted"] == 3
    assert client.delete("/v1/products/a/b%20%C3%A7").status_code == 200
    entries, events = records(topics, topics.products, "a/b ç"), records(topics, topics.events, "a/b ç")
    assert [each.value() and json.loads(each.value())["price"] for each in entries] == [3.0, 2.0, 1.0, None]
    told = [json.loads(each.value()) for each in events]
    assert [each["type"] for each in told] == ["product_updated"] * 3 + ["product_deleted"]
    assert [each["properties"].get("price") for each in told] == [3.0, 2.0, 1.0, None]
    assert len({each["event_id"] for each in told}) == 4


def test_one_bad_product_fails_alone_and_is_kept_with_its_reason(
    client: httpx.Client, topics: IngestTopics
) -> None:
    body = [TEAPOT | {"product_id": "good"}, TEAPOT | {"product_id": "worse", "stock": -1}]
    answer = client.post("/v1/products", json=body).json()
    assert (answer["accepted"], answer["rejected"][0]["message_id"]) == (1, "worse")
    assert len(records(topics, topics.products, "good")) == 1
    assert records(topics, topics.products, "worse") == []
    letters = [DeadLetter.model_validate_json(each.value()) for each in topics.read(topics.dead_letters)]
    (letter,) = [each for each in letters if "worse" in each.value]
    assert letter.topic == topics.products
    assert letter.reason.startswith("bad_field: stock must be a whole number")
    alone = client.post("/v1/products", json=body[1])
    assert (alone.status_code, alone.json()["code"]) == (400, "bad_field")


def test_a_deletion_that_is_refused_is_kept_with_its_reason(
    client: httpx.Client, topics: IngestTopics
) -> None:
    answer = client.delete("/v1/products/anon:device")
    assert (answer.status_code, answer.json()["code"]) == (400, "reserved_prefix")
    letters = [DeadLetter.model_validate_json(each.value()) for each in topics.read(topics.dead_letters)]
    (letter,) = [each for each in letters if "anon:device" in each.value]
    assert (letter.topic, json.loads(letter.value)) == (topics.products, {"product_id": "anon:device"})


def test_an_unknown_key_writes_nothing(client: httpx.Client, topics: IngestTopics) -> None:
    assert (
        client.post("/v1/products", json=TEAPOT | {"product_id": "x"}, auth=("other", "")).status_code == 401
    )
    assert client.delete("/v1/products/x", auth=("other", "")).status_code == 401
    assert records(topics, topics.products, "x") == []


def test_a_file_is_imported_and_imported_again(
    ingest: RunningIngest, topics: IngestTopics, tmp_path: Path
) -> None:
    file = tmp_path / "shop.csv"
    good = [f"f-{number};Teapot {number};{number},50 EUR" for number in range(1_200)]
    file.write_text("\n".join(["id;title;price", *good[:700], "f-x;Broken;-1", *good[700:]]), "utf-8")
    command = ("products", str(file))
    first, again = tetik_import(ingest, *command), tetik_import(ingest, *command)
    for result in (first, again):
        assert (result.returncode, result.stdout) == (1, "")
        reason, summary = result.stderr.splitlines()
        assert reason.startswith(f"{file}:702: price: '-1' is no price")
        assert summary == "import: 1,200 products taken, 1 row not"
    mine = [each for each in topics.read(topics.products) if each.key().startswith(b"product:f-")]
    last = {each.key().decode(): json.loads(each.value()) for each in mine}
    assert (len(mine), len(last)) == (2_400, 1_200)
    assert all(last[f"product:f-{number}"]["price"] == number + 0.5 for number in range(1_200))
    file.write_text("\n".join(["id;title;price", *good]), "utf-8")
    whole = tetik_import(ingest, *command)
    assert (whole.returncode, whole.stdout, whole.stderr) == (0, "import: 1,200 products taken\n", "")
