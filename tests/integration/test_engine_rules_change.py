"""Rules that change under running engines on a real Kafka: paused and resumed, a trigger taken away. Two
engines follow the clock topic, so that the test says when what is due.
"""

from typing import Any

from schemas.topics import OUTBOUND, TRIGGERS
from services.publish import publish
from tests.fixtures.engine import PARTITIONS, EngineBench
from tests.fixtures.engine_cases import MINUTE, T0, added, ordered, profile, rules_from

CART = """
id: cart-abandoned
status: live
kind: marketing
when: {event: product_added, where: cart.value > 0}
wait: 45m
unless: order_completed
steps: [{mail: cart-reminder}]
"""
PAUSED = CART.replace("live", "paused")
ORDER = """
id: order
status: live
kind: transactional
when: {event: order_completed}
once_per: event.properties.order_id
steps: [{mail: confirmation}]
"""
SHOPPERS = ("ada", "bob", "cem", "dua", "eve")


def of(decisions: list[dict[str, Any]], trigger: str, outcome: str) -> set[str]:
    """Whose decisions these are; nobody may have two."""
    found = [
        each["customer_key"]
        for each in decisions
        if (each["trigger_id"], each["outcome"]) == (trigger, outcome)
    ]
    assert len(found) == len(set(found))
    return set(found)


async def test_paused_runs_go_on_when_resumed_and_end_with_their_trigger(bench: EngineBench) -> None:
    async def activate(*texts: str, at: int) -> str:
        await bench.tick(at)
        return (await publish(bench.kafka, rules_from(*texts), PARTITIONS, at)).digest

    live = await activate(CART, ORDER, at=T0)
    for _ in range(2):
        bench.start(TETIK_CLOCK="topic")
    everybody = set(SHOPPERS)
    await bench.produce([(who, profile(who, f"profile {who}")) for who in SHOPPERS])
    await bench.produce([(who, added(who, f"added {who}", T0 + MINUTE)) for who in SHOPPERS])
    await bench.until(TRIGGERS, lambda found: of(found, "cart-abandoned", "started") == everybody)

    await activate(PAUSED, ORDER, at=T0 + 10 * MINUTE)
    await bench.tick(T0 + 50 * MINUTE)
    await bench.produce([("ada", ordered("ada", "order", T0 + 50 * MINUTE))])
    await bench.settled()
    decisions = await bench.committed(TRIGGERS)
    assert of(decisions, "cart-abandoned", "cancelled") == {"ada"}, "endings act on frozen runs"
    assert of(decisions, "cart-abandoned", "fired") == set()

    assert await activate(CART, ORDER, at=T0 + 60 * MINUTE) == live
    rest = everybody - {"ada"}
    decisions = await bench.until(TRIGGERS, lambda found: of(found, "cart-abandoned", "fired") == rest)
    reminders = [each for each in decisions if each["outcome"] == "fired" and each["step"] == "cart-reminder"]
    assert {each["decided_at"] for each in reminders} == {"2023-11-14T23:13:20.000Z"}, "at once"
    assert {each["rules_digest"] for each in reminders} == {live}

    await bench.produce(
        [(who, added(who, f"more {who}", T0 + 61 * MINUTE, cart_id="second")) for who in SHOPPERS]
    )
    await bench.until(TRIGGERS, lambda found: sum(each["outcome"] == "started" for each in found) == 11)
    last = await activate(ORDER, at=T0 + 62 * MINUTE)
    decisions = await bench.until(TRIGGERS, lambda found: of(found, "cart-abandoned", "exited") == everybody)
    exits = [each for each in decisions if each["outcome"] == "exited"]
    assert {(each["cause"]["kind"], each["rules_digest"]) for each in exits} == {("rules", last)}
    await bench.tick(T0 + 300 * MINUTE)
    await bench.settled()
    assert len(await bench.committed(OUTBOUND)) == len(rest) + 1
