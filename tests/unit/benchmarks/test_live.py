"""The live benchmarks' own parts: traffic is new each time, percentiles and verdicts are right."""

import struct
from typing import Any

import pytest

from benchmarks.live.engine import _generation
from benchmarks.live.population import PATTERN, Pattern, name_of, number_of, spread
from benchmarks.live.traffic import Shop
from benchmarks.live.watching import Seen, Spread, latencies, spread_of
from benchmarks.soak.mix import BadHour, rule_sets
from benchmarks.soak.verdict import Sample, flatness, problems
from benchmarks.timers.backlog import apart
from benchmarks.timers.bed import WorkedOff
from benchmarks.timers.bed import problems as problems_of_wake_ups
from schemas.records import Malformed, decode_event
from trigger_engine.core.state import CustomerState, Happening, Run, decode_state, encode_state

T0 = 1_700_000_000_000


def test_an_event_sent_again_is_another_event() -> None:
    shop = Shop(200, 50, seed=1)
    values = [shop.next_event(T0 + number) for number in range(400)]
    events = [decode_event(value) for _, value in values]
    assert len({event.event_id for event in events}) == 400
    assert {event.received_at for event in events[:2]} == {
        "2023-11-14T22:13:20.000Z",
        "2023-11-14T22:13:20.001Z",
    }
    assert all(key.decode() == event.customer_id for (key, _), event in zip(values, events, strict=True))
    orders = [event.properties["order_id"] for event in events if event.type == "order_completed"]
    assert len(orders) > 2
    assert len(set(orders)) == len(orders)
    carts = [{event.properties.get("cart_id") for event in part} for part in (events[:200], events[200:])]
    assert len(carts[0] | carts[1]) > 10
    assert carts[0] & carts[1] <= {None}, "or no cart of a later round would start anything"


def test_a_bad_hour_has_broken_late_and_repeated_records() -> None:
    hour = BadHour(Shop(500, 50, seed=1), seed=1)
    values = [hour.next_event(T0)[1] for _ in range(5_000)]
    readable = []
    for value in values:
        try:
            readable.append(decode_event(value))
        except Malformed:
            continue
    assert len(values) - len(readable) == hour.broken > 0
    assert len(readable) - len({event.event_id for event in readable}) > 20
    assert sum(event.occurred_at < "2023-11-12" for event in readable) > 20


def test_the_rules_of_a_soak_differ_and_wait_for_seconds() -> None:
    one, other = rule_sets()
    assert one.digest != other.digest
    carts = [
        next(each for each in rules.triggers if each["id"] == "cart-abandoned") for rules in (one, other)
    ]
    assert [cart["wait"] for cart in carts] == ["30s", "20s"]


def test_a_copy_of_the_pattern_is_her_under_another_name() -> None:
    start = Happening("added", "product_added", T0, {"email": f"{PATTERN}@customers.example"})
    run = Run("cart-abandoned", "v", f"{PATTERN}/cart", start, 0, T0 + 9, planned_at=T0 + 9)
    hers = encode_state(CustomerState(PATTERN, T0 + 9, runs=[run], recent=b"12345678"))
    copy = decode_state(Pattern(hers, T0 + 9, 0.0).copy(name_of(7), T0 + 500))
    assert copy.customer_key == "c-00000007"
    assert copy.next_wake_up_at == copy.runs[0].due_at == copy.runs[0].planned_at == T0 + 500
    assert copy.runs[0].start.properties == {"email": "c-00000007@customers.example"}
    assert number_of(copy.customer_key) == 7


def test_customers_are_due_in_equal_steps() -> None:
    assert list(spread(5, 4, 100, 200)) == [(5, 100), (6, 125), (7, 150), (8, 175)]


def test_percentiles() -> None:
    assert spread_of(range(101)) == Spread(101, 50, 95, 99, 100)
    assert spread_of([]) == Spread(0, 0, 0, 0, 0)


def _seen(customer: str, at: int, due_at: int | None, cause: tuple[int, int] | None = None) -> Seen:
    return Seen("id", "cart-abandoned", customer, "fired", "cart-reminder", due_at, cause, 0, at, at)


def test_latency_counts_from_the_event_that_a_decision_names() -> None:
    seen = [_seen("a", 50, None, (0, 1)), _seen("b", 70, None, (0, 2)), _seen("c", 90, 20)]
    assert latencies(seen, {(0, 1): 10, (0, 2): 40}, 0, 40) == [40]


def test_missing_doubled_and_early_wake_ups_are_found() -> None:
    due = {"a": 20, "b": 20, "c": 30}
    assert problems_of_wake_ups([_seen(name, at + 1, at) for name, at in due.items()], due) == []
    fired = [_seen("a", 20, 20), _seen("a", 25, 20), _seen("b", 19, 20)]
    assert problems_of_wake_ups(fired, due) == [
        "1 of 3 wake-ups did not fire",
        "1 wake-ups fired more than once",
        "1 wake-ups fired early",
    ]


@pytest.mark.parametrize(
    ("events", "wake_ups", "expected"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 0.0),
        ([1, 2, 3, 4], [5, 6, 7, 8], 1.0),
        ([1, 2, 3, 4], [2, 3, 4, 5], 0.25),
    ],
)
def test_how_far_events_and_wake_ups_are_apart(
    events: list[int], wake_ups: list[int], expected: float
) -> None:
    seen = [_seen("e", at, None, (0, at)) for at in events]
    fired = [_seen("w", at, 0) for at in wake_ups]
    done = WorkedOff(seen, fired, 100, dict.fromkeys(((0, at) for at in events), 0), 0)
    assert apart(done, 100) == pytest.approx(expected)


def test_a_generation_is_read_from_the_coordinators_record() -> None:
    key = struct.pack(">hh", 2, 5) + b"tetik"
    value = struct.pack(">hh", 3, 8) + b"consumer" + struct.pack(">i", 7)
    assert _generation(key, value, "tetik") == 7
    assert _generation(key, value, "other") is None
    assert _generation(struct.pack(">hh", 1, 5) + b"tetik", value, "tetik") is None
    assert _generation(key, b"", "tetik") is None


def _samples(rss: list[float], states: list[float]) -> list[Sample]:
    pairs = enumerate(zip(rss, states, strict=True))
    return [Sample(10.0 * n, mib, of, 1, 0, 0, 0, 0, [0, 0, 0], 0.0) for n, (mib, of) in pairs]


def test_growing_states_are_no_leak_and_what_a_new_process_does_not_hold_is() -> None:
    states = [100.0 + 5 * number for number in range(20)]
    samples = _samples([300 + 3 * state for state in states], states)
    assert flatness(samples, new_mib=880.0).flat
    leaking = flatness(samples, new_mib=800.0)
    assert not leaking.flat
    assert leaking.beyond_new == pytest.approx((300 + 3 * 195) / 800 - 1, abs=1e-4)
    assert leaking.beside_states_mib_per_h == pytest.approx(3_600)


def test_everything_that_went_wrong_is_said() -> None:
    samples = _samples([100.0] * 8, [50.0] * 8)
    fine: dict[str, Any] = {"doubled": [], "rebalances": 0, "broken": 3, "dead": 3, "per_s": 100.0}
    assert problems(samples, flat=flatness(samples, 99.0), **fine) == []
    wrong: dict[str, Any] = {"doubled": [{}], "rebalances": 2, "broken": 3, "dead": 4, "per_s": 100.0}
    assert len(problems(samples, flat=flatness(samples, 90.0), **wrong)) == 4
