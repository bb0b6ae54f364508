"""CEL, the Common Expression Language, for the conditions of trigger files.

    condition = compile_condition("cart.value >= 1000", {"cart": record({"value": DOUBLE})})
    condition.evaluate({"cart": {"value": 1200}})

The path: `lexer` → `parser` (`nodes`) → `checker` (`types`) → `compiler` (`paths`, `logic`, `macros`,
`operators`, `functions`, `temporal`, on `values`) → `expression`. A property test holds the answers equal to
those of the official C++ engine. Differences, each on purpose: numbers of different declared types compare;
no byte strings, message types, `type()`, `matches()` or bool map keys; times are whole milliseconds and
durations end at 292 years; a fixed duration, timestamp or zone that cannot be read is an error at load time;
the bounds in `limits`.
"""

from trigger_engine.core.cel.errors import CelError, EvaluationError
from trigger_engine.core.cel.expression import Condition, Expression, compile_condition, compile_value
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
    "CelError",
    "CelType",
    "Condition",
    "Duration",
    "EvaluationError",
    "Expression",
    "Timestamp",
    "UInt",
    "compile_condition",
    "compile_value",
    "list_of",
    "map_of",
    "nullable",
    "record",
]
