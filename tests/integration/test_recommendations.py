"""Recommendations on a real Kafka: the catalogue imported, orders made, and the products in the mails.

The engine is a process, and so is ingest; mails are composed from the raw requests by the sender's own code.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.rule_set import RuleSet
from schemas.topics import EVENTS, OUTBOUND, SNAPSHOTS
from sender.adapters.template_files import read_templates
from sender.core.composing import Identity, compose
from sender.core.rendering import CompiledTemplate
from sender.core.requests import SendRequest, read_request
from services.publish import publish
from tests.fixtures.engine import PARTITIONS, Engine, EngineBench
from tests.fixtures.engine_cases import event, profile
from tests.fixtures.platform import free_ports
from tests.integration.test_engine import now
from trigger_engine.core.trigger_file import parse_trigger

BROWSE = """
id: browse
status: live
kind: marketing
when: {event: article_read}
steps:
  - mail: browse-category
    recommend: {from: [bought_together, similar, best_sellers], at_most: 2}
"""
CATALOGUE = [
    {"product_id": "black", "name": "Black tea", "category": "Tea", "price": 10.0, "stock": 9},
    {"product_id": "green", "name": "Green tea", "category": "Tea", "price": 12.0},
    {"product_id": "oolong", "name": "Oolong", "category": "Tea", "price": 30.0, "stock": 0},
    {"product_id": "white", "name": "White tea", "category": "Tea", "price": 40.0},
    {"product_id": "mug", "name": "Blue mug", "category": "Cups", "price": 8.0},
    {"product_id": "bowl", "name": "Red bowl", "category": "Cups", "price": 9.0},
    {"product_id": "tray", "name": "Oak tray", "category": "Trays", "price": 25.0},
]
CATALOGUE = [product | {"currency": "TRY"} for product in CATALOGUE]
QUICK = {"TETIK_SNAPSHOT_EVERY_S": "1"}
KEY = "wk_test"
WHO_MAILS = Identity(
    address="shop@mail.example",
    name="Shop",
    brand="Shop",
    public_url="https://mail.example",
    secret="0123456789abcdef",
    feedback_id_sender="shop",
)


@asynccontextmanager
async def ingest(bench: EngineBench) -> AsyncIterator[str]:
    """`tetik ingest` as a process; its address."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    settings = {
        "TETIK_KAFKA": bench.kafka,
        "TETIK_PARTITIONS": str(PARTITIONS),
        "TETIK_INGEST_PORT": str(port),
        "TETIK_WRITE_KEYS": f"shop={KEY}",
    }
    command = [sys.executable, "-m", "services.cli", "ingest"]
    process = await asyncio.to_thread(subprocess.Popen, command, env={**os.environ, **settings})
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    if (await client.get(f"{url}/health")).status_code < 500:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


async def import_products(bench: EngineBench, products: list[dict[str, Any]]) -> None:
    """By `tetik import products`, from a file."""
    file = bench.directory / "products.jsonl"
    file.write_text("\n".join(map(json.dumps, products)), "utf-8")
    async with ingest(bench) as url:
        command = [sys.executable, "-m", "services.cli", "import", "products", str(file), "--url", url]
        environment = {**os.environ, "TETIK_WRITE_KEY": KEY}
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr


async def publish_browse(bench: EngineBench) -> None:
    templates = [each for each in read_templates() if each.name == "browse-category"]
    rules = RuleSet.of([parse_trigger(BROWSE, "browse.yaml")], templates=templates)
    await publish(bench.kafka, rules, PARTITIONS, now())


def bought(customer: str, number: int, *products: str) -> tuple[str, bytes]:
    lines = [{"product_id": product_id} for product_id in products]
    return customer, event("order_completed", customer, f"{customer}-{number}", now(), products=lines)


def reader(customer: str, seen: str, category: str) -> Iterator[tuple[str, bytes]]:
    """Somebody who looked at a product and then reads something, which brings her a mail."""
    yield customer, profile(customer, f"{customer}-p", now())
    yield (
        customer,
        event("product_viewed", customer, f"{customer}-v", now(), product_id=seen, category=category),
    )
    yield customer, event("article_read", customer, f"{customer}-r", now())


async def snapshots(bench: EngineBench) -> list[dict[str, Any]]:
    """Every snapshot on its topic, raw, in order."""
    return [
        json.loads(record.value)
        async for record in bench.records(SNAPSHOTS, 1)
        if record.value and not record.key.startswith(b"part:")
    ]


async def markers(bench: EngineBench) -> list[tuple[int, str]]:
    """(partition, version) of every marker of a snapshot, raw."""
    found = []
    async for record in bench.records(EVENTS):
        value = json.loads(record.value)
        if value["type"] == "snapshot_activated":
            found.append((record.partition, value["properties"]["version"]))
    return found


async def snapshot_with(bench: EngineBench, **wanted: Any) -> str:
    """The version of the first snapshot that says this, once it is activated everywhere."""
    async with asyncio.timeout(90):
        while True:
            for each in await snapshots(bench):
                version = each["version"]
                if all(each[name] == value for name, value in wanted.items()):
                    found = await markers(bench)
                    if {partition for partition, name in found if name == version} == set(range(PARTITIONS)):
                        return str(version)
            await asyncio.sleep(0.2)


async def mails(bench: EngineBench, customers: set[str]) -> dict[str, SendRequest]:
    """The last request for each of them."""

    def all_there(found: list[dict[str, Any]]) -> bool:
        return customers <= {each["customer_key"] for each in found}

    requests: dict[str, SendRequest] = {}
    for raw in await bench.until(OUTBOUND, all_there):
        request = read_request(json.dumps(raw).encode())
        assert isinstance(request, SendRequest)
        requests[request.customer_key] = request
    return requests


def products_in(request: SendRequest) -> list[str]:
    return [item["product_id"] for item in request.data["recommended"]["items"]]


def as_read(request: SendRequest) -> str:
    """The text of the mail as it goes out."""
    (template,) = [each for each in read_templates() if each.name == request.template]
    text = template.locales["en"]
    compiled = CompiledTemplate(template.name, "en", subject=text.subject, html=text.html, text=text.text)
    message = message_from_bytes(compose(request, compiled, WHO_MAILS), policy=default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_shoppers_get_what_goes_with_what_they_looked_at_and_orders_change_it(
    bench: EngineBench,
) -> None:
    await publish_browse(bench)
    bench.start(**QUICK)
    await import_products(bench, CATALOGUE)
    history = [bought(f"buyer-{number}", 1, "black", "mug") for number in range(3)]
    history += [bought(f"buyer-{number}", 2, "bowl", "tray") for number in range(3)]
    await bench.produce(history)
    first = await snapshot_with(bench, orders=6)
    # eve looks at what nobody bought; dan has all that was bought together with what he looks at
    await bench.produce([bought("dan", 1, "tray", "bowl")])
    for customer, seen, category in (
        ("ada", "black", "Tea"),
        ("bob", "bowl", "Cups"),
        ("eve", "white", "Tea"),
    ):
        await bench.produce(list(reader(customer, seen, category)))
    await bench.produce(list(reader("dan", "bowl", "Cups")))
    found = await mails(bench, {"ada", "bob", "dan", "eve"})
    assert products_in(found["ada"]) == ["mug"]
    assert found["ada"].data["recommended"]["reason"] == "bought_together"
    assert products_in(found["bob"]) == ["tray"]
    assert (products_in(found["eve"]), found["eve"].data["recommended"]["reason"]) == (
        ["green", "black"],
        "similar",
    )
    assert products_in(found["dan"]) == ["mug"], "never what he just bought"
    assert first in {request.data["recommended"]["snapshot"] for request in found.values()}
    for customer, shown, not_shown in (("ada", "Blue mug", "Oak tray"), ("bob", "Oak tray", "Blue mug")):
        text = as_read(found[customer])
        assert shown in text
        assert not_shown not in text

    await bench.produce([bought(f"buyer-{number}", 3, "black", "tray") for number in range(9)])
    await snapshot_with(bench, orders=16)
    await bench.produce(list(reader("flo", "black", "Tea")))
    assert products_in((await mails(bench, {"flo"}))["flo"]) == ["tray", "mug"]

    await import_products(bench, [each | {"stock": 0} for each in CATALOGUE if each["product_id"] == "tray"])
    async with asyncio.timeout(90):
        while not any("tray" not in each["best_sellers"] for each in (await snapshots(bench))[-1:]):
            await asyncio.sleep(0.2)
    await snapshot_with(bench, version=(await snapshots(bench))[-1]["version"])
    await bench.produce(list(reader("gus", "black", "Tea")))
    assert products_in((await mails(bench, {"gus"}))["gus"]) == ["mug"], "the tray is sold out"


@pytest.mark.parametrize("moment", ["between", "inside", "after"])
async def test_kill_9_at_a_snapshot_leaves_it_with_all_its_markers(bench: EngineBench, moment: str) -> None:
    await publish_browse(bench)
    await import_products(bench, CATALOGUE)
    await bench.produce([bought(f"buyer-{number}", 1, "black", "mug") for number in range(3)])
    dying = bench.start(module="tests.fixtures.dying_recommender", TEST_DIE=moment, **QUICK)
    assert await died_of(dying) == -signal.SIGKILL
    made = 1 if moment == "after" else 0
    async with asyncio.timeout(30):  # Kafka acknowledges a commit before all of its partitions show it
        while (len(await snapshots(bench)), len(await markers(bench))) != (made, made * PARTITIONS):
            await asyncio.sleep(0.1)
    bench.start(**QUICK)
    version = await snapshot_with(bench, orders=3)
    await bench.produce(list(reader("ada", "black", "Tea")))
    request = (await mails(bench, {"ada"}))["ada"]
    assert (products_in(request), request.data["recommended"]["snapshot"]) == (["mug"], version)
    versions = [each["version"] for each in await snapshots(bench)]
    pairs = await markers(bench)
    assert sorted(pairs) == sorted((number, each) for number in range(PARTITIONS) for each in versions)


async def died_of(engine: Engine) -> int:
    """The exit code of a process that ends by itself."""
    return await asyncio.to_thread(engine.process.wait, 90)


async def test_another_worker_goes_on_recommending_by_the_snapshot_of_before(
    bench: EngineBench, tmp_path: Path
) -> None:
    await publish_browse(bench)
    first = bench.start(**QUICK)
    await import_products(bench, CATALOGUE)
    await bench.produce([bought(f"buyer-{number}", 1, "black", "mug") for number in range(3)])
    version = await snapshot_with(bench, orders=3)
    first.kill()
    bench.start(TETIK_SNAPSHOT_EVERY_S="86400")
    await bench.produce(list(reader("ada", "black", "Tea")))
    request = (await mails(bench, {"ada"}))["ada"]
    assert (products_in(request), request.data["recommended"]["snapshot"]) == (["mug"], version)
