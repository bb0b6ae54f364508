"""`next_flip` never comes too late: until it, time alone does not change what a condition answers.

Conditions are drawn over instants, ages, clock readings, choices and macros; contexts are drawn with nulls
and values of wrong kinds. Time is then moved through instants before the flip.
"""

import re
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from trigger_engine.core.cel import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    TIMESTAMP,
    WITH_NOW,
    ChangesAt,
    Condition,
    Duration,
    EvaluationError,
    EveryPeriod,
    Moving,
    Timestamp,
    compile_condition,
    list_of,
    nullable,
    record,
)

DAY = 86_400_000
DECLARATIONS = {
    "now": TIMESTAMP,
    "cart": record({"age": nullable(DURATION), "updated_at": nullable(TIMESTAMP)}),
    "x": DYN,
    "score": DOUBLE,
    "paused": BOOL,
    "n": INT,
    "seen": list_of(nullable(TIMESTAMP)),
}

_TEMPLATES: dict[str, list[str]] = {
    "bool": [
        *[f"(<time> {symbol} <time>)" for symbol in ("<", "<=", ">", ">=", "==", "!=")],
        *[f"(<span> {symbol} <span>)" for symbol in ("<", "<=", ">", ">=", "==", "!=")],
        *[f"(now - <time> {symbol} <span>)" for symbol in ("<", "<=", ">", ">=", "==", "!=")] * 2,
        *[f"(<time> + <span> {symbol} now)" for symbol in ("<", "<=", ">", ">=", "==", "!=")] * 2,
        *["(<bool> && <bool>)", "(<bool> || <bool>)", "!(<bool>)", "(<bool> ? <bool> : <bool>)"] * 2,
        *["(<int> > <int>)", "(<int> == <int>)", "(score > 4.0)", "paused", "x.b", "x.missing", "(n > 1)"],
        *["seen.exists(at, <bool+>)", "seen.all(at, <bool+>)", "seen.exists_one(at, <bool+>)"],
        *["(seen.filter(at, <bool+>).size() > 1)", "(seen.map(at, <bool+>) == [true, false])"],
        *["(cart.age != null)", "(cart.updated_at == null)"],
    ],
    "time": [
        *["now"] * 4,
        *[
            "cart.updated_at",
            "x.t",
            "timestamp('2024-05-31T06:00:00Z')",
            "timestamp('2024-06-01T00:00:00.5Z')",
        ],
        *["(<time> + <span>)", "(<time> - <span>)", "timestamp(<time>)", "AT", "AT"],
    ],
    "span": [
        *["cart.age"] * 2,
        *["duration('1h')", "duration('1.5s')", "duration('0s')", "duration('-36h')", "x.w"],
        *[
            "(<time> - <time>)",
            "(now - <time>)",
            "(<span> + <span>)",
            "(<span> - <span>)",
            "duration(<span>)",
        ],
    ],
    "int": [
        *["0", "1", "9", "30", "n", "<span>.getHours()", "<span>.getMinutes()"],
        *[f"<time>.{part}(<zone>)" for part in ("getHours", "getMinutes", "getDayOfWeek", "getDate")],
    ],
    "zone": ["", "", "'Europe/Istanbul'", "'America/New_York'", "'Asia/Kathmandu'", "'+05:17'", "x.zone"],
}
_CHILD = re.compile(r"<(\w+)(\+?)>|AT")


@st.composite
def conditions(draw: Any, depth: int = 4) -> str:
    def grow(kind: str, left: int, in_macro: bool) -> str:
        def child(match: re.Match[str]) -> str:
            if match[0] == "AT":
                return "at" if in_macro else "now"
            return grow(match[1], left - 1, in_macro or bool(match[2]))

        forms = _TEMPLATES[kind]
        if left <= 0:
            forms = [form for form in forms if "<" not in re.sub(r" <=? ", "", form)] or ["(n > 1)"]
        return _CHILD.sub(child, draw(st.sampled_from(forms)))

    return grow("bool", depth, in_macro=False)


_INSTANTS = st.one_of(
    st.integers(1_717_135_200_000 - 3 * DAY, 1_717_135_200_000 + 3 * DAY),
    st.integers(1_717_135_200_000 - DAY // 24, 1_717_135_200_000 + DAY // 24),
    st.integers(1_717_135_200_000 - DAY // 24, 1_717_135_200_000 + DAY // 24),
    st.sampled_from([1_711_846_800_000, 1_730_613_600_000, 253_402_300_799_000, -62_135_596_800_000]),
)
"""Around a morning in May 2024; at changes of the clocks; at both ends of time."""
_WORLDS = st.fixed_dictionaries(
    {
        "updated_at": st.none() | _INSTANTS,
        "t": st.none() | _INSTANTS.map(Timestamp) | st.just("text"),
        "w": st.integers(-2 * DAY, 2 * DAY).map(Duration) | st.just(3),
        "b": st.booleans() | st.just(1),
        "zone": st.sampled_from(["UTC", "Europe/London", "Mars/Base", ""]),
        "seen": st.lists(st.none() | _INSTANTS.map(Timestamp), max_size=3),
        "n": st.integers(0, 3),
        "pause": st.integers(-DAY, DAY),
    }
)


def context_at(now: int, begun: int, world: dict[str, Any]) -> dict[str, object]:
    updated_at = world["updated_at"]
    return {
        "now": Timestamp(now),
        "cart": {
            "age": None if updated_at is None else Duration(now - updated_at),
            "updated_at": None if updated_at is None else Timestamp(updated_at),
        },
        "x": {"t": world["t"], "w": world["w"], "b": world["b"], "zone": world["zone"]},
        "score": float(now // DAY % 7),
        "paused": now < begun + world["pause"],
        "pause_ends_at": begun + world["pause"],
        "n": world["n"],
        "seen": world["seen"],
    }


def answer(condition: Condition, context: dict[str, object]) -> bool | None:
    """None: an error, whichever."""
    try:
        return condition.evaluate(context)
    except EvaluationError:
        return None


MOVING: Moving = {
    "now": WITH_NOW,
    "cart.age": WITH_NOW,
    "score": EveryPeriod(DAY),
    "paused": ChangesAt(lambda context: context["pause_ends_at"]),
}
FAR = 400 * DAY


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=conditions(), now=_INSTANTS, world=_WORLDS, data=st.data())
def test_time_alone_changes_nothing_before_the_next_flip(
    source: str, now: int, world: dict[str, Any], data: st.DataObject
) -> None:
    now = min(max(now, 0), 253_000_000_000_000)
    condition = compile_condition(source, DECLARATIONS, moving=MOVING)
    here = answer(condition, context_at(now, now, world))
    flip = condition.next_flip(context_at(now, now, world), now)
    assert flip is None or flip > now
    event("moves" if flip is not None else "stands still")
    last = now + FAR if flip is None else flip - 1
    near = st.integers(now, min(last, now + DAY))
    for instant in {last, *data.draw(st.lists(near | st.integers(now, last), max_size=6))}:
        assert answer(condition, context_at(instant, now, world)) is here, f"{source} at {instant} {world}"
