"""`python -m benchmarks.cel`: evaluating a condition, beside Python by hand and the official C++ engine.

All contenders answer the same conditions in one run, turn by turn, so that what else the machine does hits
all alike; the best round counts. `scene` is an object as the engine has it, `context` the same as dicts. The
official engine takes a context, or single values that somebody has picked out for it. Building the scene or
the context is nobody's share.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click
from cel_expr_python import cel
from rich.console import Console
from rich.table import Table

from trigger_engine.core.cel import (
    DURATION,
    DYN,
    INT,
    STRING,
    Access,
    CelType,
    Duration,
    compile_condition,
    map_of,
    nullable,
    record,
)


@dataclass(slots=True)
class Event:
    properties: dict[str, Any]


@dataclass(slots=True)
class Profile:
    country: str | None


@dataclass(slots=True)
class Cart:
    items: int
    age: Duration


@dataclass(slots=True)
class Scene:
    event: Event
    profile: Profile
    cart: Cart


@dataclass(frozen=True, slots=True)
class Case:
    """One condition, the same by hand, and its flat form for single values."""

    name: str
    source: str
    by_hand: Callable[[Scene], bool]
    flat: str
    answer: bool


DECLARATIONS: Mapping[str, CelType] = {
    "event": record({"properties": map_of(DYN)}),
    "profile": record({"country": nullable(STRING)}),
    "cart": record({"items": INT, "age": DURATION}),
}
ACCESS: Access = {
    "event.properties": "event.properties",
    "profile.country": lambda scene: scene.profile.country,
    "cart.items": "cart.items",
    "cart.age": "cart.age",
}
PROPERTIES: dict[str, Any] = {
    "total": 120.5,
    "currency": "TRY",
    "products": [{"sku": f"sku-{number}", "price": 10.0 * number} for number in range(8)],
}
FLAT_TYPES: Mapping[str, Any] = {
    "total": cel.Type.DOUBLE,
    "country": cel.Type.STRING,
    "items": cel.Type.INT,
    "age": cel.Type.DURATION,
    "products": cel.Type.List(cel.Type.DYN),
}
_THREE = "event.properties.total >= {limit} && profile.country == 'TR' && cart.items > 0"
_THREE_FLAT = "total >= {limit} && country == 'TR' && items > 0"
CASES = (
    Case(
        "three clauses, true",
        _THREE.format(limit="100.0"),
        lambda scene: (
            scene.event.properties["total"] >= 100.0
            and scene.profile.country == "TR"
            and scene.cart.items > 0
        ),
        _THREE_FLAT.format(limit="100.0"),
        True,
    ),
    Case(
        "three clauses, false at the first",
        _THREE.format(limit="500.0"),
        lambda scene: (
            scene.event.properties["total"] >= 500.0
            and scene.profile.country == "TR"
            and scene.cart.items > 0
        ),
        _THREE_FLAT.format(limit="500.0"),
        False,
    ),
    Case(
        "a span of time",
        "cart.age >= duration('1h') && cart.items > 0",
        lambda scene: scene.cart.age.ms >= 3_600_000 and scene.cart.items > 0,
        "age >= duration('1h') && items > 0",
        True,
    ),
    Case(
        "exists over 8 products",
        "event.properties.products.exists(p, p.price > 65.0)",
        lambda scene: any(product["price"] > 65.0 for product in scene.event.properties["products"]),
        "products.exists(p, p.price > 65.0)",
        True,
    ),
)
CONTENDERS = (
    "Python by hand",
    "Tetik, scene",
    "Tetik, context",
    "official, single values",
    "official, context",
)


def contenders(case: Case) -> dict[str, Callable[[], bool]]:
    """Each contender's evaluation of the case, ready to be called."""
    span = Duration(7_200_000)
    scene = Scene(Event(PROPERTIES), Profile("TR"), Cart(2, span))
    context: dict[str, Any] = {
        "event": {"properties": PROPERTIES},
        "profile": {"country": "TR"},
        "cart": {"items": 2, "age": span},
    }
    over_scene = compile_condition(case.source, DECLARATIONS, ACCESS).evaluate
    over_context = compile_condition(case.source, DECLARATIONS).evaluate
    by_hand = case.by_hand
    single = {"total": 120.5, "country": "TR", "items": 2, "age": timedelta(milliseconds=span.ms)}
    found: dict[str, Callable[[], bool]] = {
        "Python by hand": lambda: by_hand(scene),
        "Tetik, scene": lambda: over_scene(scene),
        "Tetik, context": lambda: over_context(context),
        "official, single values": _official(
            case.flat, FLAT_TYPES, {**single, "products": PROPERTIES["products"]}
        ),
    }
    if "cart.age" not in case.source:  # a span inside a dict is no value to the official engine
        records = {name: cel.Type.Map(cel.Type.STRING, cel.Type.DYN) for name in context}
        found["official, context"] = _official(case.source, records, {**context, "cart": {"items": 2}})
    return found


def _official(source: str, types: Mapping[str, Any], values: dict[str, Any]) -> Callable[[], bool]:
    expression = cel.NewEnv(variables=dict(types)).compile(source)
    return lambda: bool(expression.eval(data=values).value())


def measure(case: Case, evaluations: int, rounds: int) -> dict[str, float]:
    """CPU microseconds of one evaluation by contender, best round. Raises ValueError if answers differ."""
    runs = contenders(case)
    for name, run in runs.items():
        if run() is not case.answer:
            raise ValueError(f"{name} gives another answer to {case.source}")
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            best[name] = min(best[name], _microseconds(run, evaluations))
    return best


def _microseconds(run: Callable[[], bool], evaluations: int) -> float:
    begun = time.process_time()
    for _ in range(evaluations):
        run()
    return (time.process_time() - begun) / evaluations * 1e6


def table_of(figures: Mapping[str, Mapping[str, float]]) -> Table:
    """Cases by contender, each with its ratio to Python by hand."""
    table = Table("contender", *figures, title="CPU µs an evaluation (times Python by hand)")
    for name in CONTENDERS:
        cells = []
        for best in figures.values():
            ratio = best[name] / best[CONTENDERS[0]] if name in best else None
            cells.append("" if ratio is None else f"{best[name]:.2f} ({ratio:.1f})")
        table.add_row(name, *cells)
    return table


@click.command()
@click.option("--evaluations", type=click.IntRange(100), default=20_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 100), default=15, show_default=True)
@click.option("--python", is_flag=True, help="Show the Python that the conditions become as well.")
def main(evaluations: int, rounds: int, python: bool) -> None:
    """Print what one evaluation costs each contender."""
    figures = {case.name: measure(case, evaluations, rounds) for case in CASES}
    Console(width=150).print(table_of(figures))
    if python:
        for case in CASES:
            click.echo(f"\n# {case.source}\n{compile_condition(case.source, DECLARATIONS, ACCESS).python}")


if __name__ == "__main__":
    main()
