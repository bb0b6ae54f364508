"""Many wake-ups at once on a real Kafka, and events beside them: each fires once, none early, no event waits.

`make timers` measures the same with a hundred thousand; here it is only seen that it is right. Engines follow
the clock topic.
"""

from collections import Counter
from typing import Any

import msgspec

from benchmarks.live.engine import generations
from schemas.instants import parse_instant
from schemas.topics import OUTBOUND, TRIGGERS
from services.publish import publish
from tests.fixtures.engine import PARTITIONS, EngineBench
from tests.fixtures.engine_cases import HOUR, MINUTE, T0, added, ordered, profile, rule_set
from trigger_engine.adapters.worker import GROUP
from trigger_engine.core.limits import WAKE_UPS_PER_FLUSH_MAX

FOLLOWING = {"TETIK_CLOCK": "topic", "TETIK_ENGINE_INSTANCE": "the-only-one"}
COORDINATOR_PARTITIONS = 4
CARTS = 4_000
DUE_AT = T0 + 45 * MINUTE
ORDERS_A_TURN = 40


async def test_a_burst_fires_once_while_orders_are_confirmed(bench: EngineBench) -> None:
    await _fill_carts(bench)
    bench.start(**FOLLOWING)
    await _started(bench)
    met = generations(bench.kafka, GROUP, COORDINATOR_PARTITIONS)
    await bench.tick(DUE_AT - 1)
    await bench.settled()
    assert _reminders(await bench.committed(TRIGGERS)) == []
    await bench.tick(DUE_AT)
    sent = 0
    while len(reminded := _reminders(await bench.committed(TRIGGERS))) < CARTS:
        await bench.produce([_order(sent + number, DUE_AT) for number in range(ORDERS_A_TURN)])
        sent += ORDERS_A_TURN
    await bench.settled()
    assert len(reminded) == len({each["customer_key"] for each in reminded}) == CARTS
    assert all(parse_instant(each["decided_at"]) >= DUE_AT for each in reminded)
    confirmed = Counter(each["customer_key"] for each in await bench.committed(OUTBOUND) if _confirms(each))
    assert confirmed == Counter(_buyer(number) for number in range(sent))
    assert generations(bench.kafka, GROUP, COORDINATOR_PARTITIONS) == met, "no heartbeat was missed"


async def test_after_a_downtime_events_and_wake_ups_are_worked_off_side_by_side(bench: EngineBench) -> None:
    """While the engine is down all carts fall due. A few of their owners ordered before, a few order later,
    and so do others, who must not wait for thousands of reminders."""
    await _fill_carts(bench)
    first = bench.start(**FOLLOWING)
    await _started(bench)
    first.kill()
    await bench.tick(DUE_AT + HOUR)
    in_time, too_late = ([f"cart-{number}" for number in range(start, start + 20)] for start in (0, 20))
    await bench.produce(
        [
            *((name, ordered(name, f"in-time-{name}", DUE_AT - 1)) for name in in_time),
            *(_order(number, DUE_AT + MINUTE) for number in range(ORDERS_A_TURN)),
            *((name, ordered(name, f"too-late-{name}", DUE_AT + MINUTE)) for name in too_late),
        ]
    )
    bench.start(**FOLLOWING)
    await bench.settled()
    by_partition: dict[int, list[dict[str, Any]]] = {}
    async for record in bench.records(TRIGGERS):
        by_partition.setdefault(record.partition, []).append(msgspec.json.decode(record.value))
    decisions = [each for found in by_partition.values() for each in found]
    reminded = Counter(each["customer_key"] for each in _reminders(decisions))
    assert reminded == Counter(f"cart-{number}" for number in range(20, CARTS))
    for found in by_partition.values():
        last_order = max(place for place, each in enumerate(found) if _confirms(each))
        # Their records may come in two batches, and so with two slices of wake-ups.
        assert len(_reminders(found[:last_order])) <= 2 * WAKE_UPS_PER_FLUSH_MAX + len(too_late)
    for name in too_late:
        hers = [(each["trigger_id"], each["outcome"]) for each in decisions if each["customer_key"] == name]
        assert hers[1:3] == [("cart-abandoned", "fired"), ("cart-abandoned", "exited")]


async def _fill_carts(bench: EngineBench) -> None:
    """Everybody's cart is filled at one instant, so that all reminders are due at one."""
    await bench.tick(T0)
    await publish(bench.kafka, rule_set(), PARTITIONS, T0)
    names = [f"cart-{number}" for number in range(CARTS)]
    await bench.produce((name, profile(name, f"profile-{name}")) for name in names)
    await bench.produce((name, added(name, f"added-{name}")) for name in names)
    await bench.produce((_buyer(n), profile(_buyer(n), f"profile-{_buyer(n)}")) for n in range(ORDERS_A_TURN))


async def _started(bench: EngineBench) -> None:
    """Until every cart has its run."""
    await bench.until(TRIGGERS, lambda found: sum(each["outcome"] == "started" for each in found) == CARTS)


def _buyer(number: int) -> str:
    return f"buyer-{number % ORDERS_A_TURN}"


def _order(number: int, at: int) -> tuple[str, bytes]:
    return _buyer(number), ordered(_buyer(number), f"order-{number}", at)


def _reminders(decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in decisions if (each["step"], each["outcome"]) == ("cart-reminder", "fired")]


def _confirms(record: dict[str, Any]) -> bool:
    """Whether a decision, or a request, is about the confirmation of an order."""
    return record["trigger_id"] == "order-confirmation" and record["step"] is not None
