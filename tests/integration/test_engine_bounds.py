"""What one customer can make the engine write is bounded, and Kafka takes it."""

import msgspec

from schemas.topics import OUTBOUND, TRIGGERS
from tests.fixtures.engine import EngineBench
from tests.fixtures.engine_cases import CONFIRMATION, event, ordered, profile
from tests.integration.test_engine import QUICK_CART, now, publish_rules
from trigger_engine.core.limits import CART_ITEMS_MAX, TEXT_LENGTH_MAX, URL_LENGTH_MAX

WIDE = "\N{CANDLE}"  # four bytes in UTF-8


async def test_a_cart_filled_to_every_bound_is_kept_and_mailed(bench: EngineBench) -> None:
    """Each event is small enough for ingest; together they make a state of more than a megabyte."""
    await publish_rules(bench, CONFIRMATION, QUICK_CART)
    at = now()
    lines = [
        event(
            "product_added",
            "bot",
            f"line-{number}",
            at,
            product_id=f"{number:03}" + WIDE * (TEXT_LENGTH_MAX - 3),
            name=WIDE * TEXT_LENGTH_MAX,
            price=1.0,
            url=WIDE * URL_LENGTH_MAX,
            image_url=WIDE * URL_LENGTH_MAX,
        )
        for number in range(CART_ITEMS_MAX)
    ]
    assert max(map(len, lines)) < 32_768
    bench.start()
    await bench.produce([("bot", value) for value in [profile("bot", "profile", at), *lines]])
    (request,) = await bench.until(OUTBOUND, lambda found: len(found) >= 1)
    assert len(msgspec.json.encode(request)) > 1_000_000
    await bench.produce([("bot", profile("ada", "1", at)), ("bot", ordered("ada", "2", at))])
    await bench.until(TRIGGERS, lambda found: len(found) == 4)
