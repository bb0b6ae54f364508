"""Hand-over and erasure on a real Kafka: two partitions, kills between and inside the steps, raw records.

Engines follow the clock topic, so that nothing is due before the test says so.
"""

import asyncio
import signal
from collections import Counter
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from schemas.ids import handover_ask_id, handover_state_id, send_id
from schemas.rule_set import RuleSet
from schemas.topics import DEAD_LETTERS, EVENTS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from services.publish import publish
from services.topics import TopicMismatch, ensure_topics
from tests.fixtures.engine import PARTITIONS, Engine, EngineBench
from tests.fixtures.engine_cases import HOUR, MINUTE, T0, event, rules_from
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.core import limits
from trigger_engine.core.state import CustomerState, decode_state

WELCOME = """
id: welcome
status: live
kind: marketing
when: {event: signed_up}
steps: [{mail: welcome}]
"""
CART = """
id: cart-abandoned
status: live
kind: marketing
when: {event: product_added, where: cart.value > 0}
wait: 45m
unless: order_completed
once_per: cart.id
experiment: {variants: {calm: 50%, loud: 50%}}
steps: [{mail: {calm: cart-calm, loud: cart-loud}, id: cart-reminder}]
"""
BROWSE = """
id: browse
status: live
kind: marketing
when: {event: product_viewed}
wait: 2h
unless: order_completed
steps: [{mail: seen}]
"""
ORDER = """
id: order
status: live
kind: transactional
when: {event: order_completed}
once_per: event.properties.order_id
steps: [{mail: confirmation}]
"""
ADA, DEVICE = "dua", "d1"
"""In different partitions, and drawn into different variants of the cart's experiment."""
DEVICE_KEY = f"anon:{DEVICE}"
CLOCKED = {"TETIK_CLOCK": "topic", "TETIK_ENGINE_INSTANCE": "the-only-one"}
"""A named member gets its partitions back at once, however its forerunner died."""


def known(who: str, customer: str | None, device: str | None) -> list[tuple[str, bytes]]:
    """What makes a shopper mailable, and her registration."""
    key = customer or f"anon:{device}"
    address = f"{who}@customers.example"
    consent = {"marketing_email": True}
    return [
        (key, event("profile_updated", customer, f"{who}-1", device=device, email=address, consent=consent)),
        (key, event("signed_up", customer, f"{who}-2", device=device)),
    ]


async def start_shop(bench: EngineBench, rules: RuleSet) -> None:
    await bench.tick(T0)
    await publish(bench.kafka, rules, PARTITIONS, T0)


async def died(engine: Engine, code: int) -> None:
    assert await asyncio.to_thread(engine.process.wait, 60) == code, engine.log.read_text()


def outcomes(decisions: list[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    return Counter((each["customer_key"], each["trigger_id"], each["outcome"]) for each in decisions)


async def test_a_hand_over_goes_on_where_a_kill_cut_it_off(bench: EngineBench) -> None:
    """A cart's run, places under the cap and the arm of an experiment come over, once, through four kills."""
    assert len({partition_of(key.encode(), PARTITIONS) for key in (ADA, DEVICE_KEY)}) == 2
    await start_shop(
        bench, rules_from(WELCOME, CART, BROWSE, policy={"caps": [{"at_most": 3, "within": "7d"}]})
    )
    await bench.produce([*known("ada", ADA, None), *known("device", None, DEVICE)])
    product = {"product_id": "p1", "name": "Lantern", "price": 10.0, "quantity": 1, "cart_id": "k1"}
    await bench.produce(
        [
            (DEVICE_KEY, event("product_viewed", None, "seen", T0 + MINUTE, device=DEVICE, **product)),
            (DEVICE_KEY, event("product_added", None, "added", T0 + 2 * MINUTE, device=DEVICE, **product)),
        ]
    )  # fmt: skip
    dying = {"module": "tests.fixtures.dying_engine", **CLOCKED}
    first = bench.start(TEST_DIE_AT="asked", TEST_DIE="after", **dying)
    await bench.until(TRIGGERS, lambda found: len(found) >= 6)
    await bench.tick(T0 + 10 * MINUTE)
    await bench.produce([(ADA, event("page_viewed", ADA, "login", T0 + 10 * MINUTE, device=DEVICE))])
    await died(first, -signal.SIGKILL)
    await bench.produce(
        [(DEVICE_KEY, event("page_viewed", None, "in flight", T0 + 11 * MINUTE, device=DEVICE))]
    )
    for step, moment in (("state", "inside"), ("state", "after"), ("merged", "inside")):
        await died(bench.start(TEST_DIE_AT=step, TEST_DIE=moment, **dying), -signal.SIGKILL)
    bench.start(**CLOCKED)
    await bench.tick(T0 + 47 * MINUTE)
    await bench.until(OUTBOUND, lambda found: len(found) >= 3)
    await bench.tick(T0 + 3 * HOUR)
    decisions = await bench.until(TRIGGERS, lambda found: len(found) >= 8)

    assert outcomes(decisions) == {
        (ADA, "welcome", "started"): 1,
        (ADA, "welcome", "fired"): 1,
        (DEVICE_KEY, "welcome", "started"): 1,
        (DEVICE_KEY, "welcome", "fired"): 1,
        (DEVICE_KEY, "browse", "started"): 1,
        (DEVICE_KEY, "cart-abandoned", "started"): 1,
        (ADA, "cart-abandoned", "fired"): 1,
        (ADA, "browse", "capped"): 1,
    }
    requests = await bench.committed(OUTBOUND)
    (reminder,) = (each for each in requests if each["trigger_id"] == "cart-abandoned")
    assert len(requests) == 3
    assert reminder["send_id"] == send_id("cart-abandoned", f"{DEVICE_KEY}/k1", "cart-reminder")
    assert (reminder["customer_key"], reminder["to"]) == (ADA, "ada@customers.example")
    assert reminder["template"] == "cart-calm"
    ask = handover_ask_id(DEVICE_KEY, ADA, "login")
    written = Counter(each["event_id"] for each in await bench.committed(EVENTS))
    assert written[ask] == written[handover_state_id(ask)] == written["login"] == 1
    assert written["in flight"] == 2, "as it came, and forwarded"
    assert await bench.committed(DEAD_LETTERS, 1) == []


async def test_a_state_too_large_for_the_topic_stops_the_engine_with_the_fix(bench: EngineBench) -> None:
    """The events topic of an installation from before hand-overs takes Kafka's default of 1 MB a record."""
    await limit_events(bench, 1_048_588)
    with pytest.raises(TopicMismatch, match=r"--add-config max\.message\.bytes=16777216"):
        await ensure_topics(bench.kafka, PARTITIONS)
    await start_shop(bench, rules_from(ORDER))
    await bench.produce(
        [(DEVICE_KEY, of_bulk(kind, number)) for kind, lines in FULL for number in range(lines)]
    )
    await bench.produce([(ADA, event("page_viewed", ADA, "login", device=DEVICE))])
    stopped = bench.start(**CLOCKED)
    await died(stopped, 1)
    said = stopped.log.read_text()
    assert "Traceback" not in said
    assert f"{EVENTS} refuses a record" in said
    assert "--add-config max.message.bytes=16777216" in said

    await limit_events(bench, 16_777_216)
    assert await ensure_topics(bench.kafka, PARTITIONS) == []
    bench.start(**CLOCKED)
    state = handover_state_id(handover_ask_id(DEVICE_KEY, ADA, "login"))
    found = await bench.until(EVENTS, lambda found: any(each["event_id"] == state for each in found))
    (answer,) = (each for each in found if each["event_id"] == state)
    assert len(answer["properties"]["state"]) > 1_048_588
    await bench.produce(
        [(ADA, event("order_completed", ADA, "order", order_id="A-1", total=1.0, currency="EUR"))]
    )
    decisions = await bench.until(TRIGGERS, lambda found: len(found) >= 2)
    assert outcomes(decisions)[ADA, "order", "started"] == 1


FULL = (("product_added", limits.CART_ITEMS_MAX), ("product_viewed", limits.VIEWS_MAX))
"""As many lines of a cart and products looked at as are kept."""


def of_bulk(kind: str, number: int) -> bytes:
    """An event of the device about a product with as long texts as are kept, of four bytes a character."""
    text = "\N{SHOPPING TROLLEY}" * limits.TEXT_LENGTH_MAX
    address = "https://shop.example/" + text * 3
    texts = dict.fromkeys(("name", "category", "brand"), text) | dict.fromkeys(("url", "image_url"), address)
    product = {"product_id": f"p{number}", "price": 1.0, "quantity": 1, **texts}
    return event(kind, None, f"{kind} {number}", T0 + number, device=DEVICE, **product)


async def limit_events(bench: EngineBench, size: int) -> None:
    """Set the events topic's largest record, in bytes."""
    limit = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ResourceType.TOPIC, EVENTS, incremental_configs=[limit])
    admin = AdminClient({"bootstrap.servers": bench.kafka})
    for done in admin.incremental_alter_configs([changed]).values():
        await asyncio.to_thread(done.result, 30)
    async with asyncio.timeout(30):  # the broker follows its controller a moment later
        while await events_limit(admin) != size:
            await asyncio.sleep(0.05)


async def events_limit(admin: AdminClient) -> int:
    """The events topic's largest record as the broker holds it, in bytes."""
    (described,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, EVENTS)]).values()
    settings = await asyncio.to_thread(described.result, 30)
    return int(settings["max.message.bytes"].value)


async def test_who_is_erased_is_forgotten_with_both_devices(bench: EngineBench) -> None:
    """Her runs end, her mail is taken back, her devices are strangers again; a kill changes nothing of it."""
    devices = ("d1", "d2")
    rules = rules_from(WELCOME, CART, BROWSE)
    await start_shop(bench, rules)
    first = bench.start(**CLOCKED)
    await bench.produce(known("ada", ADA, None))
    for number, device in enumerate(devices):
        login = event("page_viewed", ADA, f"login {device}", T0 + number, device=device)
        await bench.produce([(ADA, login)])
    await bench.produce([(ADA, event("product_viewed", ADA, "seen", T0 + MINUTE, product_id="p1"))])
    alias = [handover_ask_id(f"anon:{device}", ADA, f"login {device}") for device in devices]
    await bench.until(EVENTS, lambda found: set(alias) <= {each["event_id"] for each in found})
    await bench.until(TRIGGERS, lambda found: len(found) >= 3)
    forwarded = [(f"anon:{each}", event("page_viewed", None, f"by {each}", device=each)) for each in devices]
    await bench.produce(forwarded)
    await bench.until(
        EVENTS,
        lambda found: sum(each["event_id"].startswith("by d") for each in found) == 2 * len(devices),
    )

    await bench.tick(T0 + HOUR)
    await bench.produce([(ADA, event("customer_erased", ADA, "erasure", T0 + HOUR))])
    await bench.until(EVENTS, lambda found: len(erasures(found)) >= 3)
    first.kill()
    bench.start(**CLOCKED)
    await bench.settled()
    found = await bench.committed(EVENTS)
    assert erasures(found) == Counter({(ADA, None): 1, (None, "d1"): 1, (None, "d2"): 1})
    for key in (ADA, *(f"anon:{device}" for device in devices)):
        state = await last_state(bench, key)
        assert state.erased_at == T0 + HOUR
        assert (state.profile.email, state.alias, state.runs, state.devices) == (None, None, [], [])
    ended = outcomes(await bench.committed(TRIGGERS))
    assert ended[ADA, "browse", "exited"] == 1
    asked = Counter((each["trigger_id"], each["action"]) for each in await bench.committed(OUTBOUND))
    assert asked == {("welcome", "send"): 1, ("welcome", "cancel"): 1}

    await bench.tick(T0 + 2 * HOUR)
    await bench.produce(
        [
            (f"anon:{each}", event("page_viewed", None, f"again {each}", T0 + 2 * HOUR, device=each))
            for each in devices
        ]
    )
    await bench.settled()
    written = Counter(each["event_id"] for each in await bench.committed(EVENTS))
    assert [written[f"again {each}"] for each in devices] == [1, 1], "not forwarded any more"
    assert len(await bench.committed(OUTBOUND)) == 2


def erasures(events: list[dict[str, Any]]) -> Counter[tuple[str | None, str | None]]:
    """Who was told to be forgotten: (customer, device)."""
    return Counter(
        (each.get("customer_id"), each.get("anonymous_id"))
        for each in events
        if each["type"] == "customer_erased"
    )


async def last_state(bench: EngineBench, key: str) -> CustomerState:
    """A customer's state as it was last made durable."""
    values = [each.value async for each in bench.records(STATE_CHANGELOG) if each.key == key.encode()]
    return decode_state(values[-1])
