"""CEL, the Common Expression Language, for the conditions of trigger files.

    condition = compile_condition("cart.value >= 1000", {"cart": record({"value": DOUBLE})})
    condition.evaluate({"cart": {"value": 1200}})

The path: `lexer` → `parser` (`grammar`, `nodes`) → `checker` (`types`, `refusals`) → `generator` (`reading`,
`inline`, `lazy`, on `code`), which writes one Python function → `expression`. At run time that function has
`helpers`, `operators`, `functions`, `temporal` and `values`. A property test holds the answers equal to those
of the official C++ engine. Differences, each on purpose: numbers of different declared types compare; no byte
strings, message types, `type()`, `matches()` or bool map keys; times are whole milliseconds and durations end
at 292 years; a fixed duration, timestamp or zone that cannot be read is an error at load time; the bounds in
`limits`.

**Scenes.** Building dicts costs more than most conditions. With `access` a condition reads its paths itself:

    access = {"cart.value": lambda scene: cart_value(scene.state.cart), "profile.email": "profile.email"}
    condition = compile_condition("cart.value >= 1000", declarations, access)
    condition.holds(scene)

Each accessor is a function of the scene or the dotted name of an attribute of it; it is asked at most once an
evaluation, and only when its value is needed. Every declared variable needs one, or one for each field of its
record; a nullable record needs one for the whole, which gives a dict or None. Inside what an accessor gives,
keys are looked up as in JSON. A record used whole is put together from its fields. `access` is our code,
never an author's text. An int is taken for a declared double, timestamp or duration (ms).

**Time.** With `moving` a condition can say when to look again if nothing but time passes:

    moving = {"now": WITH_NOW, "cart.age": WITH_NOW, "engagement": EveryPeriod(86_400_000)}
    condition = compile_condition("cart.age >= duration('1h')", declarations, access, moving)
    condition.next_flip(scene, scene.now)

It gives the next instant (epoch ms) at which the value may change, or None; a path whose changes are known
beforehand is `ChangesAt(function of the scene)`. See `motion`. Uses of `now` that
have no such instant are then a CelError.
"""

from trigger_engine.core.cel.errors import CelError, EvaluationError
from trigger_engine.core.cel.expression import Condition, Expression, compile_condition, compile_value
from trigger_engine.core.cel.motion import WITH_NOW, ChangesAt, EveryPeriod, Moving, WithNow
from trigger_engine.core.cel.reading import Access, Accessor
from trigger_engine.core.cel.types import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    CelType,
    list_of,
    map_of,
    nullable,
    record,
)
from trigger_engine.core.cel.values import Duration, Timestamp, UInt

__all__ = [
    "BOOL",
    "DOUBLE",
    "DURATION",
    "DYN",
    "INT",
    "NULL",
    "STRING",
    "TIMESTAMP",
    "UINT",
    "WITH_NOW",
    "Access",
    "Accessor",
    "CelError",
    "CelType",
    "ChangesAt",
    "Condition",
    "Duration",
    "EvaluationError",
    "EveryPeriod",
    "Expression",
    "Moving",
    "Timestamp",
    "UInt",
    "WithNow",
    "compile_condition",
    "compile_value",
    "list_of",
    "map_of",
    "nullable",
    "record",
]
