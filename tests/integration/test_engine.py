"""The engine on a real Kafka: what comes in, what comes out, and what survives a kill.

Records are counted raw as a read-committed reader sees them; nothing is de-duplicated first.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import httpx

from schemas.topics import DEAD_LETTERS, EVENTS, OUTBOUND, TRIGGERS
from services.publish import publish
from tests.fixtures.engine import PARTITIONS, EngineBench
from tests.fixtures.engine_cases import CART, CONFIRMATION, added, event, ordered, profile, rule_set

QUICK_CART = {**CART, "wait": "3s", "steps": [{"mail": "cart-reminder"}]}


def now() -> int:
    return time.time_ns() // 1_000_000


async def publish_rules(bench: EngineBench, *triggers: dict) -> str:
    return (await publish(bench.kafka, rule_set(*triggers), PARTITIONS, now())).digest


def orders(customers: int, events: int, at: int) -> Iterator[tuple[str, bytes]]:
    """A profile for each customer, then views with an order among every ten events."""
    for number in range(customers):
        yield f"c{number}", profile(f"c{number}", f"profile-{number}", at)
    for number in range(events):
        name = f"c{number % customers}"
        if number % 10 == 0:
            yield name, ordered(name, f"e{number}", at)
        else:
            yield name, event("product_viewed", name, f"e{number}", at, product_id="p1")


def doubled(records: list[dict], field: str) -> list[str]:
    return [name for name, count in Counter(record[field] for record in records).items() if count > 1]


async def test_an_order_is_confirmed_and_an_abandoned_cart_reminded_when_due(bench: EngineBench) -> None:
    digest = await publish_rules(bench, CONFIRMATION, QUICK_CART)
    bench.start()
    at = now()
    await bench.produce(
        [
            ("ada", profile("ada", "1", at)),
            ("ada", added("ada", "2", at)),
            ("bob", profile("bob", "3", at)),
            ("bob", added("bob", "4", at)),
            ("bob", ordered("bob", "5", at + 1)),
        ]
    )
    requests = await bench.until(OUTBOUND, lambda found: len(found) >= 2)
    assert {(r["customer_key"], r["step"]) for r in requests} == {
        ("ada", "cart-reminder"),
        ("bob", "order-confirmation"),
    }
    decisions = await bench.committed(TRIGGERS)
    assert Counter((d["customer_key"], d["trigger_id"], d["outcome"]) for d in decisions) == {
        ("ada", "cart-abandoned", "started"): 1,
        ("ada", "cart-abandoned", "fired"): 1,
        ("bob", "cart-abandoned", "started"): 1,
        ("bob", "cart-abandoned", "cancelled"): 1,
        ("bob", "order-confirmation", "started"): 1,
        ("bob", "order-confirmation", "fired"): 1,
    }
    assert {d["rules_digest"] for d in decisions} == {digest}
    (reminder,) = (d for d in decisions if d["step"] == "cart-reminder")
    assert reminder["due_at"] <= reminder["decided_at"]
    assert reminder["cause"]["kind"] == "wake_up"


async def test_kill_9_in_mid_stream_loses_and_doubles_nothing(bench: EngineBench) -> None:
    await publish_rules(bench, CONFIRMATION)
    customers, events = 400, 40_000
    producing = asyncio.create_task(bench.produce(orders(customers, events, now())))
    for share in (0.1, 0.35, 0.6):
        engine = bench.start()
        await bench.until(OUTBOUND, lambda found, share=share: len(found) >= share * events / 10)
        engine.kill()
    await producing
    bench.start()
    requests = await bench.until(OUTBOUND, lambda found: len(found) >= events // 10)
    decisions = await bench.until(TRIGGERS, lambda found: len(found) >= events // 5)
    assert doubled(requests, "send_id") == []
    assert doubled(decisions, "decision_id") == []
    assert len(requests) == events // 10
    assert Counter(d["outcome"] for d in decisions) == {"started": events // 10, "fired": events // 10}


async def test_workers_that_join_die_and_leave_lose_and_double_nothing(bench: EngineBench) -> None:
    await publish_rules(bench, CONFIRMATION)
    customers, events = 400, 40_000
    producing = asyncio.create_task(bench.produce(orders(customers, events, now())))
    first = bench.start()
    await bench.until(OUTBOUND, lambda found: len(found) >= 0.1 * events / 10)
    second = bench.start()
    await owning(second)
    second.kill()
    third = bench.start()
    await owning(third)
    assert first.terminate() == 0
    await producing
    requests = await bench.until(OUTBOUND, lambda found: len(found) >= events // 10)
    assert doubled(requests, "send_id") == []
    assert len(requests) == events // 10


async def owning(engine) -> None:
    """Until the engine owns partitions."""
    async with httpx.AsyncClient() as client, asyncio.timeout(60):
        while True:
            try:
                metrics = await client.get(f"http://127.0.0.1:{engine.http_port}/metrics")
            except httpx.TransportError:
                metrics = None
            if metrics is not None and "tetik_partitions_owned 0.0" not in metrics.text:
                return
            await asyncio.sleep(0.1)


async def test_a_frozen_worker_that_wakes_up_again_writes_nothing_more(bench: EngineBench) -> None:
    await publish_rules(bench, CONFIRMATION)
    at = now()
    first = bench.start()
    await bench.produce([("ada", profile("ada", "1", at)), ("ada", ordered("ada", "2", at))])
    await bench.until(OUTBOUND, lambda found: len(found) == 1)
    first.freeze()
    second = bench.start()
    await bench.produce([("ada", ordered("ada", "3", at))])
    await bench.until(OUTBOUND, lambda found: len(found) == 2)
    first.thaw()
    await bench.produce([(f"c{n}", ordered(f"c{n}", f"o{n}", at)) for n in range(200)])
    await bench.produce([(f"c{n}", profile(f"c{n}", f"p{n}", at)) for n in range(200)])
    await bench.until(TRIGGERS, lambda found: len(found) >= 4 + 400)
    assert second.process.poll() is None
    decisions = await bench.committed(TRIGGERS)
    assert doubled(decisions, "decision_id") == []


async def test_a_poison_message_goes_to_the_dead_letters_and_the_line_goes_on(bench: EngineBench) -> None:
    await publish_rules(bench, CONFIRMATION)
    bench.start()
    at = now()
    await bench.produce(
        [
            ("ada", profile("ada", "1", at)),
            ("ada", b"{poison"),
            ("ada", b"\xff" * 900_000),
            ("ada", b'{"event_id":"x","type":"page_viewed"}'),
            ("ada", ordered("ada", "2", at)),
        ]
    )
    await bench.until(OUTBOUND, lambda found: len(found) == 1)
    letters = await bench.until(DEAD_LETTERS, lambda found: len(found) >= 3, partitions=1)
    assert len(letters) == 3
    assert {letter["stage"] for letter in letters} == {"engine"}
    assert {letter["topic"] for letter in letters} == {EVENTS}
    assert all(letter["reason"] for letter in letters)
    assert {letter["value_encoding"] for letter in letters} == {"utf-8", "base64"}


async def test_a_stopped_engine_leaves_with_code_0_and_its_successor_goes_on(bench: EngineBench) -> None:
    await publish_rules(bench, CONFIRMATION, QUICK_CART)
    at = now()
    first = bench.start()
    await bench.produce([("ada", profile("ada", "1", at)), ("ada", added("ada", "2", at + 20_000))])
    await bench.until(TRIGGERS, lambda found: len(found) == 1)
    assert first.terminate() == 0, bench.logs()
    bench.start()
    await bench.until(OUTBOUND, lambda found: len(found) == 1)


async def test_rules_published_while_it_runs_apply_from_the_marker_on(bench: EngineBench) -> None:
    old = await publish_rules(bench, CONFIRMATION)
    bench.start()
    await bench.produce([("ada", profile("ada", "1", now())), ("ada", ordered("ada", "2", now()))])
    await bench.until(OUTBOUND, lambda found: len(found) == 1)
    new = await publish_rules(bench, {**CONFIRMATION, "expires_after": "1d"})
    await bench.produce([("ada", ordered("ada", "3", now()))])
    await bench.until(OUTBOUND, lambda found: len(found) == 2)
    decisions = [d for d in await bench.committed(TRIGGERS) if d["outcome"] == "fired"]
    assert [d["rules_digest"] for d in decisions] == [old, new]
