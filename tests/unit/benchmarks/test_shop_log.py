"""The benchmark's log: what the documented figures were measured on."""

from itertools import pairwise

from benchmarks.shop_log import SHARES, shop_log, type_counts
from schemas.instants import parse_instant
from schemas.keys import customer_key
from schemas.records import decode_event

NOW = 1_763_826_773_000
LOG = list(shop_log(5_000, 800, 7, NOW))
EVENTS = [decode_event(logged.value) for logged in LOG]


def test_one_seed_is_one_log() -> None:
    assert list(shop_log(200, 800, 7, NOW)) != list(shop_log(200, 800, 8, NOW))
    assert list(shop_log(5_000, 800, 7, NOW)) == LOG


def test_the_events_are_of_the_size_and_mix_that_the_page_states() -> None:
    sizes = sorted(len(logged.value) for logged in LOG)
    assert sizes[len(sizes) // 20] >= 400
    assert sizes[-len(sizes) // 20] <= 700
    counts = type_counts(LOG)
    assert counts.keys() == SHARES.keys() | {"email_sent"}
    assert 0.55 < counts["product_viewed"] / len(LOG) < 0.65
    touching = sum(counts[each] for each in ("product_added", "checkout_started", "order_completed"))
    assert touching / len(LOG) > 0.05


def test_a_few_shoppers_do_most() -> None:
    by_customer: dict[str, int] = {}
    for logged in LOG:
        by_customer[logged.key] = by_customer.get(logged.key, 0) + 1
    busiest = sorted(by_customer.values(), reverse=True)
    assert sum(busiest[: len(busiest) // 5]) > len(LOG) / 2.5


def test_records_are_in_the_order_of_arrival_and_keyed_as_ingest_keys_them() -> None:
    received = [parse_instant(event.received_at) for event in EVENTS]
    assert all(earlier <= later for earlier, later in pairwise(received))
    assert received[-1] < NOW
    for logged, event in zip(LOG, EVENTS, strict=True):
        assert logged.key == customer_key(event.customer_id, event.anonymous_id)
        assert parse_instant(event.occurred_at) <= parse_instant(event.received_at)


def test_ids_are_unique_and_orders_are_named() -> None:
    assert len({event.event_id for event in EVENTS}) == len(EVENTS)
    orders = [logged.order_id for logged in LOG if logged.order_id is not None]
    assert len(set(orders)) == len(orders) == type_counts(LOG)["order_completed"]
    named = [e.properties["order_id"] for e in EVENTS if e.type == "order_completed"]
    assert named == orders
