"""Product notices on a real Kafka: who looked at a product is told once when it is back, and mailed, whatever
dies in the middle."""

import time
from typing import Any

from schemas.topics import DEAD_LETTERS, EVENTS, INTERESTS, OUTBOUND
from services.publish import publish
from tests.fixtures.engine import PARTITIONS, EngineBench
from tests.fixtures.engine_cases import event, profile, rule_set
from tests.fixtures.fan_out import run_fan_out
from tests.fixtures.products import ON_NOTICE, told

CUSTOMERS = 5_000
DEADLINE_S = 120


def now() -> int:
    return time.time_ns() // 1_000_000


async def test_a_fan_out_that_is_killed_three_times_tells_everybody_once(bench: EngineBench) -> None:
    found = await run_fan_out(bench, CUSTOMERS, DEADLINE_S)
    assert found.notices == {f"customer-{number}": 1 for number in range(CUSTOMERS)}
    assert found.after_kills == [1_000, 2_000, 3_000], "each of them died in the middle"
    assert await bench.committed(DEAD_LETTERS, partitions=1) == []


async def test_who_looked_at_a_product_is_mailed_when_it_is_cheaper(bench: EngineBench) -> None:
    mail = {"event": "product_notice", "where": "event.properties.kind == 'price_drop'"}
    await publish(bench.kafka, rule_set({**ON_NOTICE, "when": mail}), PARTITIONS, now())
    bench.start()
    at = now()
    lantern = "product:lantern"
    await bench.produce(
        [
            (lantern, told("lantern", "e1", at, price=10.0, currency="EUR", stock=4, name="Lantern")),
            *(("ada", value) for value in (profile("ada", "1", at), view("ada", "2", at))),
            *(("bob", value) for value in (profile("bob", "3", at), view("bob", "4", at, product="rug"))),
            ("anon:d1", event("product_viewed", None, "5", at, device="d1", product_id="lantern")),
        ]
    )
    noted = await bench.until(INTERESTS, lambda found: len(found) >= 2)
    assert {(one["customer_id"], one["product_id"], one["action"]) for one in noted} == {
        ("ada", "lantern", "note"),
        ("bob", "rug", "note"),
    }
    await bench.produce([(lantern, told("lantern", "e2", now(), price=8.0, currency="EUR", name="Lantern"))])
    (request,) = await bench.until(OUTBOUND, lambda found: len(found) >= 1)
    assert (request["customer_key"], request["step"]) == ("ada", "product-news")
    notices = [one for one in await bench.committed(EVENTS) if one["type"] == "product_notice"]
    assert [(one["customer_id"], properties_of(one)) for one in notices] == [
        ("ada", ("price_drop", "lantern", "Lantern", 8.0, 10.0, "EUR", 4))
    ]


def view(customer: str, event_id: str, at: int, product: str = "lantern") -> bytes:
    return event("product_viewed", customer, event_id, at, product_id=product)


def properties_of(notice: dict[str, Any]) -> tuple[Any, ...]:
    names = ("kind", "product_id", "name", "price", "old_price", "currency", "stock")
    return tuple(notice["properties"][name] for name in names)
