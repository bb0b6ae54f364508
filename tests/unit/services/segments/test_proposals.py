"""Thresholds from customers: the files they make, what they come from, and when there are too few to tell."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from schemas.instants import DAY_MS
from services.segments.proposals import BASIS_MIN, Proposal, propose
from services.segments.reading import Read
from services.segments.sample import Figures, Sample, Weighed
from services.segments.shapes import SHAPES, VIP, Shape
from services.segments.suggesting import as_data, files, lines
from services.triggers.folder import LIBRARY
from trigger_engine.core.scene import Scene
from trigger_engine.core.segments import compile_segment
from trigger_engine.core.state import CustomerState, Item, new_state
from trigger_engine.core.trigger_file import parse_segment

NOW = 1_000 * DAY_MS


def shopper(
    key: str, *, orders: int = 0, total: float = 0.0, last: int = 0, first: int | None = None, **more: Any
) -> CustomerState:
    """Somebody whose last order is `last` days ago, and the first one `first`."""
    state = new_state(key)
    if orders:
        state.orders.count, state.orders.total = orders, total
        state.orders.last_at = NOW - last * DAY_MS
        state.orders.first_at = None if first is None else NOW - first * DAY_MS
    state.last_seen_at = NOW - more.get("seen", last) * DAY_MS
    state.engagement.score, state.engagement.day = more.get("score", 0.0), NOW // DAY_MS
    if "cart" in more:
        state.cart.items = [Item("p", NOW, price=more["cart"])]
    return state


def figures(state: CustomerState) -> Figures:
    return Sample(NOW).figures(state)


def proposals(*states: CustomerState, at_most: int = 10_000) -> dict[str, Proposal]:
    sample = Sample(NOW, at_most)
    sample.fold(map(sample.figures, states))
    return {proposal.shape.id: proposal for proposal in propose(sample.weighed())}


def crowd(number: int = 200, **more: Any) -> list[CustomerState]:
    """Buyer n of 1 to `number` ordered n days ago, n times in all for 10 n, once in 30 days."""
    return [
        shopper(
            f"c{n}", orders=n, total=10.0 * n, last=n, first=31 * n - 30, score=n / 10, cart=5.0 * n, **more
        )
        for n in range(1, number + 1)
    ]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
def test_a_shape_with_the_shipped_numbers_is_the_shipped_file(shape: Shape) -> None:
    shipped = parse_segment((LIBRARY / "segments" / f"{shape.id}.yaml").read_text("utf-8"), "it")
    made = parse_segment(shape.file(shape.shipped), "it")
    assert made == shipped
    assert made["when"] == shape.condition(shape.shipped)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
@pytest.mark.parametrize("factor", [1.0, 0.3])
def test_whom_a_shape_holds_is_whom_its_condition_holds(shape: Shape, factor: float) -> None:
    limits = {name: max(1.0, value * factor // 1) for name, value in shape.shipped.items()}
    segment = compile_segment({"id": shape.id, "when": shape.condition(limits)})
    edges = sorted({int(limits.get(name, 60)) for name in ("days", "lost_days")})
    states = [
        shopper("nobody"),
        *(
            shopper("c", orders=orders, total=total, last=last, score=score, cart=cart)
            for orders in (1, int(limits.get("orders", 3)) - 1, int(limits.get("orders", 3)))
            for total in (0.0, limits.get("total", 0.0))
            for last in (0, *(edge + by for edge in edges for by in (-1, 0, 1)))
            for score, cart in ((0.0, 0.0), (limits.get("score", 1.0), limits.get("value", 1.0)))
            if orders
        ),
    ]
    held = [shape.holds(figures(state), limits) for state in states]
    assert held == [segment.holds(Scene(state, None, None, NOW)) for state in states]
    assert set(held) == {True, False}


def test_thresholds_are_quantiles_of_those_concerned() -> None:
    visitors = [shopper(f"anon:{n}", seen=400) for n in range(5_000)]
    found = proposals(*crowd(seen=89), *visitors)
    assert {name: dict(proposal.limits) for name, proposal in found.items()} == {
        "vip": {"days": 81, "orders": 161, "total": 1600},
        "rfm-loyal": {"days": 121, "orders": 121, "total": 1200},
        "engaged": {"score": 16},
        "high-value-cart": {"value": 800},
        "active-customer": {"days": 31},
        "lapsing": {"days": 31, "lost_days": 93},
        "lost": {"lost_days": 93},
    }
    assert all(proposal.from_data for proposal in found.values())
    assert found["active-customer"].holding == 30, "who ordered 1 to 30 days ago"
    assert found["active-customer"].holding_shipped == 59
    assert found["lapsing"].holding == 62
    assert found["lost"].holding == 200 - 92
    assert found["lapsing"].basis == (
        "of 199 customers with several orders: four fifths order again within 31 days on average;"
        " lost after 3 times that"
    )


def test_too_few_customers_leave_the_shipped_numbers_and_say_so() -> None:
    found = proposals(*crowd(BASIS_MIN - 1))
    assert not any(proposal.from_data for proposal in found.values())
    assert all(proposal.limits == proposal.shape.shipped for proposal in found.values())
    assert found["vip"].basis == "99 customers with orders are too few to tell (100 are needed)"
    assert found["engaged"].basis == "89 customers seen within 90 days are too few to tell (100 are needed)"
    assert found["lost"].basis == "98 customers with several orders are too few to tell (100 are needed)"
    assert found["high-value-cart"].basis == (
        "99 carts that wait and 99 customers with orders are too few to tell (100 are needed)"
    )
    assert proposals(*crowd(BASIS_MIN))["vip"].from_data


def test_without_carts_the_average_order_tells() -> None:
    states = [shopper(f"c{n}", orders=2, total=20.0 * n, last=5) for n in range(1, 201)]
    cart = proposals(*states)["high-value-cart"]
    assert cart.limits == {"value": 1600}
    assert cart.basis == (
        "of the average orders of 200 customers (0 carts that wait are too few): the top fifth"
    )


def test_orders_without_a_total_say_nothing_of_money() -> None:
    states = [shopper(f"c{n}", orders=2, last=5) for n in range(200)]
    found = proposals(*states)
    assert (found["vip"].from_data, found["vip"].basis) == (False, "the orders carry no total")


def test_a_second_order_is_the_least_that_makes_a_habit() -> None:
    states = [shopper(f"c{n}", orders=1, total=10.0 + n, last=5) for n in range(200)]
    found = proposals(*states)
    assert (found["vip"].limits["orders"], found["rfm-loyal"].limits["orders"]) == (2, 2)
    assert found["vip"].holding == 0
    assert not found["lapsing"].from_data, "nobody has come back yet"


def test_vip_is_never_wider_than_loyal() -> None:
    found = proposals(*crowd(137))
    vip, loyal = found["vip"].limits, found["rfm-loyal"].limits
    assert vip["days"] <= loyal["days"]
    assert vip["orders"] >= loyal["orders"]
    assert vip["total"] >= loyal["total"]
    assert 0 < VIP.shipped["days"] <= 90


def test_a_sample_stands_for_all_and_does_not_depend_on_the_order() -> None:
    states = [shopper(f"c{n}", orders=2, total=float(n), last=n % 50, first=100) for n in range(4_000)]
    whole, sampled = proposals(*states), proposals(*states, at_most=1_000)
    assert sampled == proposals(*reversed(states), at_most=1_000)
    assert sampled["vip"].basis.startswith("of 4,000 customers with orders")
    near = sampled["vip"].limits["total"] / whole["vip"].limits["total"]
    assert 0.9 < near < 1.1
    active = sampled["active-customer"]
    assert active.holding_shipped == 4_000


def test_of_buyers_and_others_each_has_a_sample_of_its_own() -> None:
    sample = Sample(NOW, at_most=10)
    sample.fold(map(sample.figures, [*crowd(8), *(shopper(f"anon:{n}") for n in range(1_000))]))
    assert (sample.customers, sample.buyers, sample.whole) == (1_008, 8, False)
    weights = [weight for one, weight in sample.weighed() if one.orders]
    assert weights == [1.0] * 8
    assert sum(weight for _, weight in sample.weighed()) == pytest.approx(1_008)


def test_figures_of_a_record_from_before_the_first_order_was_kept() -> None:
    assert figures(shopper("c", orders=3, last=5)).gap_ms is None
    assert figures(shopper("c", orders=3, last=5, first=25)).gap_ms == 10 * DAY_MS
    assert figures(shopper("c", orders=1, last=5, first=5)).gap_ms is None


def test_an_order_ahead_of_now_is_of_now() -> None:
    assert figures(shopper("c", orders=1, last=-3)).since_order_ms == 0


def test_files_are_ready_to_paste() -> None:
    found = list(proposals(*crowd()).values())
    found[0] = replace(found[0], from_data=False, limits=VIP.shipped, basis="because")
    text = "\n".join(files(found))
    parts = text.split("\n---\n")
    assert len(parts) == len(SHAPES)
    assert parts[0] == (
        "# segments/vip.yaml\n"
        "# as shipped: because.\n"
        "id: vip\n"
        "description: Ordered within 90 days, at least 5 times in all, for 5,000 or more in total.\n"
        "when: >-\n"
        "  orders.last_at != null && now - orders.last_at < duration('2160h')\n"
        "  && orders.count >= 5 && orders.total >= 5000"
    )
    for proposal, part in zip(found, parts, strict=True):
        form = parse_segment(part, "it")
        assert (form["id"], form["when"]) == (proposal.shape.id, proposal.shape.condition(proposal.limits))
        assert part.startswith(f"# segments/{form['id']}.yaml\n")
    assert len(list(yaml.safe_load_all(text))) == len(SHAPES)


def test_what_is_shown() -> None:
    sample = Sample(NOW)
    sample.fold(map(sample.figures, crowd()))
    found = propose(sample.weighed())
    shown = list(lines(sample, found, Read(200, 1)))
    assert shown[:5] == [
        "200 customers, 200 of them with orders",
        "left out: 1 customer whose state cannot be read",
        "segment          number                       shipped  proposed"
        "  holds as shipped  share  as proposed  share",
        "vip              last order within, days           90        81"
        "                 0   0.0%            0   0.0%",
        "                 orders, at least                   5       161",
    ]
    assert shown[-1].startswith("as files: tetik segments suggest --yaml")
    data = as_data(sample, found, Read(200, 1))
    assert (data["customers"], data["with_orders"], data["sampled"], data["unreadable"]) == (
        200,
        200,
        False,
        1,
    )
    assert data["segments"][0]["proposed"] == {"days": 81.0, "orders": 161, "total": 1600.0}
    few = propose([Weighed(figures(shopper("c", orders=1)), 1.0)])
    shown = list(lines(sample, few, Read(1)))
    assert "as it is" in shown[2]
    assert "  vip, rfm-loyal: as shipped: 1 customer with orders is too few to tell (100 are needed)" in shown
    assert not shown[-1].startswith("as files"), "there is nothing new to paste"
