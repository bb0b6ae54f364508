"""When to look at a condition again if nothing but time passes, and what cannot be waited for."""

import pytest

from trigger_engine.core.cel import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    TIMESTAMP,
    WITH_NOW,
    CelError,
    ChangesAt,
    Condition,
    Duration,
    EvaluationError,
    EveryPeriod,
    Moving,
    Timestamp,
    compile_condition,
    compile_value,
    list_of,
    nullable,
    record,
)

HOUR, DAY = 3_600_000, 86_400_000
NOW = 1_717_135_200_123  # 2024-05-31T06:00:00.123Z
DECLARATIONS = {
    "now": TIMESTAMP,
    "cart": record({"age": nullable(DURATION), "updated_at": nullable(TIMESTAMP), "count": INT}),
    "profile": record({"traits": DYN, "paused": BOOL}),
    "score": DOUBLE,
    "seen": list_of(TIMESTAMP),
}
MOVING: Moving = {
    "now": WITH_NOW,
    "cart.age": WITH_NOW,
    "score": EveryPeriod(DAY),
    "profile.paused": ChangesAt(lambda context: context["paused_until"]),
}


def timed(source: str) -> Condition:
    return compile_condition(source, DECLARATIONS, moving=MOVING)


def context(
    now: int = NOW, updated_at: int | None = NOW - 10_000, traits: object = None
) -> dict[str, object]:
    age = None if updated_at is None else Duration(now - updated_at)
    at = None if updated_at is None else Timestamp(updated_at)
    return {
        "now": Timestamp(now),
        "cart": {"age": age, "updated_at": at, "count": 2},
        "profile": {"traits": traits or {}, "paused": now < NOW + 500},
        "score": 3.5,
        "seen": [Timestamp(NOW - 3 * HOUR), Timestamp(NOW - 2 * HOUR)],
        "paused_until": NOW + 500,
    }


EXACT = [
    # condition, milliseconds after now at which it flips
    ("cart.age > duration('1h')", HOUR - 10_000 + 1),
    ("cart.age >= duration('1h')", HOUR - 10_000),
    ("cart.age < duration('1h')", HOUR - 10_000),
    ("cart.age <= duration('1h')", HOUR - 10_000 + 1),
    ("cart.age == duration('1h')", HOUR - 10_000),
    ("cart.age != duration('1h')", HOUR - 10_000),
    ("now - cart.updated_at > duration('2160h')", 90 * DAY - 10_000 + 1),
    ("cart.updated_at + duration('1h') < now", HOUR - 10_000 + 1),
    ("now >= timestamp('2024-05-31T06:00:01Z')", 877),
    ("timestamp('2024-05-31T06:00:01Z') > now", 877),
    ("timestamp('2024-05-31T06:00:01Z') - now < duration('0.5s')", 378),
    ("now == timestamp('2024-05-31T06:00:01Z')", 877),
    ("duration('1s') + now > timestamp('2024-05-31T06:00:02Z')", 878),
    ("now + (now - cart.updated_at) > timestamp('2024-05-31T06:00:20Z')", 4_939),
    ("dyn(now) - duration('1s') == timestamp('2024-05-31T06:00:01Z')", 1_877),
    ("seen.exists(at, now - at >= duration('4h'))", HOUR),
    ("seen.filter(at, now - at > duration('3h')).size() == 1", 1),
    ("now - timestamp(profile.traits.since) > duration('1h') || cart.age > duration('30s')", 20_001),
    ("cart.count > 5 || (cart.count > 1 ? cart.age > duration('20s') : now > cart.updated_at)", 10_001),
    ("!profile.paused", 500),
]


def answer(condition: Condition, now: int) -> bool | None:
    """None: there is none, an error."""
    try:
        return condition.evaluate(context(now))
    except EvaluationError:
        return None


@pytest.mark.parametrize(("source", "after_ms"), EXACT)
def test_flips_exactly_then(source: str, after_ms: int) -> None:
    condition = timed(source)
    assert condition.next_flip(context(), NOW) == NOW + after_ms
    assert answer(condition, NOW + after_ms - 1) is not answer(condition, NOW + after_ms)


def test_one_that_steps_over_the_moment_of_equality_flips_back_at_once() -> None:
    condition = timed("cart.age == duration('10s')")
    assert condition.evaluate(context()) is True
    assert condition.next_flip(context(), NOW) == NOW + 1


CAUTIOUS = [
    ("now.getMinutes() == 30", 60_000 - 123),
    ("now.getHours() >= 9", HOUR - 123),
    ("now.getHours('Europe/Istanbul') >= 9", 900_000 - 123),
    ("now.getHours('+05:57') >= 9", 180_000 - 123),
    ("now.getDayOfWeek('Europe/Istanbul') in [0, 6]", 900_000 - 123),
    ("now.getFullYear() > 2024", HOUR - 123),
    ("cart.age.getHours() > 3", HOUR - 10_000),
    ("cart.age.getMinutes() > 3", 50_000),
    ("(now + duration('30m')).getHours() == 3", HOUR // 2 - 123),
    ("seen.all(at, now - at >= duration('4h'))", HOUR),
    ("score > 2.0", DAY - NOW % DAY),
]


@pytest.mark.parametrize(("source", "after_ms"), CAUTIOUS)
def test_is_looked_at_again_when_a_reading_may_change(source: str, after_ms: int) -> None:
    assert timed(source).next_flip(context(), NOW) == NOW + after_ms


NEVER = [
    "cart.count > 1",
    "cart.age > duration('5s')",  # has been true since, and stays so
    "now > timestamp('2020-01-01T00:00:00Z')",
    "now - now == duration('0s')",
    "cart.count > 5 && cart.age > duration('1h')",  # not asked: the first clause decides
    "cart.age == null || has(cart.age)",
    "profile.traits.missing - now > duration('1h')",  # an error now, and an error later
]


@pytest.mark.parametrize("source", NEVER)
def test_time_alone_changes_nothing(source: str) -> None:
    if source == "cart.age > duration('5s')":
        # A span longer than 292 years has no value, which is a change too.
        assert (
            timed("now - cart.updated_at > duration('5s')").next_flip(context(), NOW) > NOW + 290 * 365 * DAY
        )  # type: ignore[operator]  # an instant
    assert timed(source).next_flip(context(), NOW) is None


def test_what_is_null_does_not_move() -> None:
    empty = context(updated_at=None)
    assert timed("cart.age > duration('1h')").next_flip(empty, NOW) is None
    assert timed("cart.age != null && cart.age > duration('1h')").next_flip(empty, NOW) is None


def test_an_error_that_time_mends_is_waited_for() -> None:
    far = NOW + 300 * 365 * DAY
    condition = timed(f"now - timestamp({far // 1000}) > duration('-1h')")
    flip = condition.next_flip(context(), NOW)
    assert flip is not None
    assert NOW < flip < far


REFUSED = [
    ("string(now) == 'a'", 1, "string() of what changes with time"),
    ("int(now) > 3", 1, "int() of what changes with time"),
    ("now in [cart.updated_at]", 1, "may only be compared, added and subtracted"),
    ("[now].exists(at, at > cart.updated_at)", 2, "may only be compared, added and subtracted"),
    ("now.getSeconds() == 3", 5, "changes too often"),
    ("cart.age.getMilliseconds() == 3", 10, "changes too often"),
    ("size(cart) > 1", 6, "cart as a whole changes with time"),
    ("(cart.count > 1 ? now : cart.updated_at) > timestamp(0)", 17, "in the same way"),
]


@pytest.mark.parametrize(("source", "column", "message"), REFUSED)
def test_what_gives_no_instant_is_refused(source: str, column: int, message: str) -> None:
    compile_condition(source, DECLARATIONS)
    with pytest.raises(CelError) as caught:
        timed(source)
    assert message in caught.value.message
    assert caught.value.column == column
    assert caught.value.suggestion


def test_a_value_that_is_a_time_is_refused() -> None:
    with pytest.raises(CelError, match="the value itself changes with time"):
        compile_value("cart.age", DECLARATIONS, moving=MOVING)


def test_it_must_have_been_asked_for() -> None:
    with pytest.raises(ValueError, match="moving"):
        compile_condition("now > cart.updated_at", DECLARATIONS).next_flip(context(), NOW)


@pytest.mark.parametrize("moving", [{"nou": WITH_NOW}, {"cart.count": WITH_NOW}])
def test_what_moves_must_be_declared_and_a_time(moving: Moving) -> None:
    with pytest.raises(ValueError, match=r"declared|run with now"):
        compile_condition("true", DECLARATIONS, moving=moving)
