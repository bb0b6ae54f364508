"""Thresholds held equal to a walk over the whole history that follows the contract word for word."""

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.instants import HOUR_MS
from tests.unit.trigger_engine.core.history import T0, History, rules_of
from trigger_engine.core.durations import format_duration
from trigger_engine.core.rules import Rules

COUNT = """
id: many
status: live
kind: transactional
when: {count: viewed, per: event.properties.per, within: 5h, at_least: 3}
unless: bought
once_per: event.properties.name
steps: [{mail: mail}]
"""
SUM = COUNT.replace("count: viewed", "sum: event.properties.amount, of: viewed").replace(
    "at_least: 3", "at_least: 1.5"
)
WITHIN_H = 5
LATENESS_H = 24
RULES: dict[str, Rules] = {"count": rules_of(COUNT), "sum": rules_of(SUM)}


@dataclass(frozen=True)
class Step:
    """An event `hours` after the one before was received, having happened `age` hours earlier."""

    hours: int
    age: int
    per: str
    amount: int
    """Tenths."""
    kind: str


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, 4),
        st.one_of(st.just(0), st.integers(0, 8), st.integers(20, 30)),
        st.sampled_from(["a", "a", "b"]),
        st.sampled_from([3, 5, 5, 7, 15, -4]),
        st.sampled_from(["viewed"] * 8 + ["backfilled", "bought"]),
    ),
    max_size=24,
)


def walk(steps: list[Step], pattern: str) -> list[str]:
    """The names of the events that start a run."""
    least = Fraction(3) if pattern == "count" else Fraction(3, 2)
    kept: list[tuple[int, Fraction, str]] = []
    bought = -(10**9)
    started = []
    now = 0
    for number, step in enumerate(steps):
        now += step.hours
        at = now - step.age
        if step.kind == "bought":
            bought = max(bought, at)
            continue
        amount = Fraction(1) if pattern == "count" else Fraction(step.amount, 10)
        others = [(when, much) for when, much, per in kept if per == step.per and when > bought]
        kept.append((at, amount, step.per))
        if step.kind == "backfilled" or step.age > LATENESS_H or at <= bought:
            continue
        ends = [when for when, _ in others if at <= when < at + WITHIN_H]
        for end in {at, *ends}:
            without = sum((much for when, much in others if end - WITHIN_H < when <= end), Fraction(0))
            if without < least <= without + amount:
                started.append(f"n{number}")
                break
    return started


@settings(max_examples=300, deadline=None)
@given(STEPS, st.sampled_from(["count", "sum"]))
def test_a_threshold_is_crossed_exactly_where_the_contract_says(steps: list[Step], pattern: str) -> None:
    history = History(rules=RULES[pattern])
    now = 0
    for number, step in enumerate(steps):
        now += step.hours
        at = now - step.age
        history.event(
            "bought" if step.kind == "bought" else "viewed",
            offset(at),
            id=f"x{number}",
            received=offset(now),
            backfill=step.kind == "backfilled",
            name=f"n{number}",
            per=step.per,
            amount=step.amount / 10,
        )
        history.forget_nothing()
    started = [one.occasion.partition("/")[2] for one in history.decisions if one.outcome == "started"]
    assert started == walk(steps, pattern)


def offset(hours: int) -> str:
    text = format_duration(abs(hours) * HOUR_MS)
    return f"-{text}" if hours < 0 else text


def test_the_walk_begins_where_histories_do() -> None:
    history = History(rules=RULES["count"])
    history.event("viewed", offset(-2), per="a", name="x")
    assert history.state.windows["many"]["a"].events == [(T0 - 2 * HOUR_MS, 1.0)]
