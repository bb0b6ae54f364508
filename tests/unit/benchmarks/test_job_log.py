"""The log of the jobs: what docs/benchmark-jobs.md states, and the same bytes from the same seed."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.job_log import (
    DOUBLED_WITHIN,
    END,
    RECEIVED_AFTER_MS,
    SHARES,
    VISITORS,
    WARM,
    LogPlan,
    live_records,
    log_records,
    read_log,
    sentinels_of,
    write_log,
)
from schemas.instants import parse_instant
from schemas.records import decode_event
from trigger_engine.adapters.partitioning import partition_of

PLAN = LogPlan(customers=4_000, warm_up=1_000, measured=9_000, tail=500, seed=7, now=1_763_826_773_000)
LOG = list(log_records(PLAN))
EVENTS = [decode_event(value) for _, value in LOG]
PROFILES = PLAN.customers + PLAN.partitions
SHOP = EVENTS[PROFILES:]


def test_one_seed_is_one_log() -> None:
    assert list(log_records(PLAN)) == LOG
    other = LogPlan(**{**{name: getattr(PLAN, name) for name in PLAN.__slots__}, "seed": 8})
    assert list(log_records(other)) != LOG


def test_a_file_of_records_holds_the_log(tmp_path: Path) -> None:
    assert write_log(tmp_path / "log", LOG) == len(LOG) == PROFILES + PLAN.shop_records
    assert list(read_log(tmp_path / "log")) == LOG


def test_the_events_are_of_the_size_and_mix_that_the_page_states() -> None:
    sizes = sorted(len(value) for _, value in LOG)
    assert sizes[0] >= 400
    assert sizes[-1] <= 700
    counts = Counter(event.type for event in SHOP)
    assert counts.keys() == SHARES.keys()
    for event_type, share in SHARES.items():
        assert counts[event_type] / len(SHOP) * 100 == pytest.approx(share, rel=0.4)


def test_customers_come_in_visits() -> None:
    """Who did something is likely to do the next thing soon: a visitor has one event in 300."""
    last: dict[str | None, int] = {}
    soon = 0
    for number, event in enumerate(SHOP):
        soon += number - last.get(event.customer_id, -10_000) < 3 * VISITORS
        last[event.customer_id] = number
    assert soon / len(SHOP) > 0.75


def test_every_customer_has_a_profile_before_anything_happens() -> None:
    assert {event.type for event in EVENTS[:PROFILES]} == {"profile_updated"}
    known = {event.customer_id for event in EVENTS[:PROFILES]}
    assert len(known) == PROFILES
    assert {event.customer_id for event in SHOP} <= known
    agreed = [event.properties["consent"]["marketing_email"] for event in EVENTS[:PROFILES]]
    assert 0.85 < sum(agreed) / len(agreed) < 0.95


def test_both_times_grow_but_for_what_comes_again() -> None:
    received = [parse_instant(event.received_at) for event in EVENTS]
    assert all(earlier < later for earlier, later in pairwise(received))
    assert received[-1] < PLAN.now
    first_at: dict[str, int] = {}
    doubled = []
    for number, (event, received_at) in enumerate(zip(EVENTS, received, strict=True)):
        if event.event_id in first_at:
            doubled.append(number - first_at[event.event_id])
            first = EVENTS[first_at[event.event_id]]
            assert (event.properties, event.occurred_at) == (first.properties, first.occurred_at)
        else:
            first_at[event.event_id] = number
            assert received_at - parse_instant(event.occurred_at) == RECEIVED_AFTER_MS
    assert 0.002 < len(doubled) / len(SHOP) < 0.008
    assert max(doubled) <= DOUBLED_WITHIN + PLAN.partitions


def test_sentinels_end_both_parts_in_each_partition() -> None:
    sentinels = sentinels_of(PLAN.partitions)
    assert [partition_of(name.encode(), PLAN.partitions) for name in sentinels] == [0, 1, 2, 3]
    for prefix, end in ((WARM, PLAN.warm_up + PLAN.partitions), (END, PLAN.shop_records - PLAN.tail)):
        orders = SHOP[end - PLAN.partitions : end]
        assert [event.properties["order_id"] for event in orders] == [f"{prefix}{n}" for n in range(4)]
        assert [event.customer_id for event in orders] == sentinels


def test_amounts_add_up_exactly_and_carts_begin_anew() -> None:
    carts: dict[str, str] = {}
    for event in SHOP:
        for name in ("total", "price", "value"):
            assert event.properties.get(name, 0) * 4 % 1 == 0
        if "cart_id" in event.properties and event.customer_id is not None:
            carts.setdefault(event.properties["cart_id"], event.customer_id)
    assert len(carts) > len(set(carts.values()))


def test_each_stream_of_new_events_differs() -> None:
    times = range(PLAN.now, PLAN.now + 500)
    first, second = (list(live_records(PLAN, times, stream)) for stream in (1, 2))
    ids = {decode_event(value).event_id for _, value in (*first, *second)}
    assert len(ids - {event.event_id for event in EVENTS}) > 980
    busiest = [Counter(key for key, _ in stream).most_common(1)[0][0] for stream in (first, second)]
    assert busiest[0] != busiest[1], "or the limit of live runs would be met in the end"
    assert all(parse_instant(decode_event(value).received_at) >= PLAN.now for _, value in first)
