"""The engine's product side against the reference model: every notice that is due, once, and no other, in
whatever slices and between whatever crashes.

A history is drawn from a seed, by weights: drawn move by move, most histories would tell nobody anything.
"""

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fixtures.engine_cases import T0
from tests.property.product_town import ProductTown
from trigger_engine.core import interest_buckets

PARTITIONS = 2
CUSTOMERS = [f"c{number}" for number in range(12)]
PRODUCTS = ["p1", "p:2"]
WAYS = {
    "product_viewed": 20,
    "product_added": 5,
    "product_wished": 5,
    "product_unwished": 5,
    "order_completed": 3,
    "customer_erased": 1,
}
MOVES = {
    "does": 30,
    "tells": 25,
    "reads": 25,
    "reads_all": 10,
    "tells_some": 30,
    "flushes": 12,
    "crashes": 6,
    "deletes": 1,
    "breaks": 1,
    "drains": 4,
}


@pytest.fixture(autouse=True)
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a handful of customers have several."""
    monkeypatch.setattr(interest_buckets, "BUCKET_INTERESTS", 2)


def one_of(random: Random, weights: dict[str, int]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]


def move(town: ProductTown, random: Random) -> None:
    name, product, number = one_of(random, MOVES), random.choice(PRODUCTS), random.randrange(PARTITIONS)
    back = random.choice([0, 0, 0, 0, 1, 50])
    if name == "does":
        town.does(random.choice(CUSTOMERS), one_of(random, WAYS), product, back)
    elif name == "tells":
        values = {
            "price": random.choice([None, 10.0, 9.5, 9.51, 9.0, 4.2]),
            "currency": random.choice(["EUR"] * 6 + ["TRY", None]),
            "stock": random.choice([None, 0, 0, 3, 8]),
        }
        town.tells(product, back, random.random() < 0.1, values)
    elif name == "reads":
        town.reads(number, random.randrange(9), random.randrange(9))
    elif name == "reads_all":
        town.reads(number, 999, 999)
    elif name == "tells_some":
        town.tells_some(number, random.randint(1, 4))
    elif name in ("flushes", "crashes"):
        getattr(town, name)(number)
    elif name in ("deletes", "breaks"):
        getattr(town, name)(product)
    else:
        town.drains()


def play(random: Random, moves: int) -> int:
    """A history that begins with products out of stock and customers who looked at them; how many were told
    of something."""
    town = ProductTown(PARTITIONS, T0)
    for product in PRODUCTS:
        town.tells(product, 0, False, {"price": 10.0, "currency": "EUR", "stock": 0})
        for customer in random.sample(CUSTOMERS, 9):
            town.does(customer, "product_viewed", product, 0)
    for _ in range(moves):
        move(town, random)
        town.passes(random.choice([0, 1, 1, 40]))
    return town.verdict()


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
@example(1)
def test_everybody_who_waits_is_told_once_and_nobody_else(seed: int) -> None:
    random = Random(seed)
    assert play(random, random.choice([20, 150, 250])) >= 0


def test_histories_that_are_drawn_hold_notices() -> None:
    total = 0
    for seed in range(12):
        total += play(Random(seed), 100)
    assert total > 150
