"""Every bound of the condition language, in one place, so that no condition can hang or fill the memory.

Load-time bounds reject a source with a `CelError`; run-time bounds end an evaluation with an
`EvaluationError`.
"""

from typing import Final

SOURCE_CHARS_MAX: Final = 4_096
"""Longest condition."""

NESTING_MAX: Final = 32
"""Deepest parenthesis, call or operator tree; keeps us far from Python's recursion limit."""

MACRO_NESTING_MAX: Final = 8
"""Deepest macro in the body of a macro; each is a loop of the generated function, and Python bounds those."""

STEPS_MAX: Final = 100_000
"""Work of one evaluation. A step is one node of a macro's body run for one element, one list element copied
or compared, or `CHARS_PER_STEP` characters searched or joined."""

CHARS_PER_STEP: Final = 64

STRING_CHARS_MAX: Final = 65_536
"""Longest string that `+` may make."""

LIST_ITEMS_MAX: Final = 10_000
"""Longest list that `+` may make; most items that the value of an expression may hold in all."""

VALUE_NESTING_MAX: Final = 64
"""Deepest list or map that `==` and `in` compare."""

CONVERTED_CHARS_MAX: Final = 64
"""Longest string that a conversion such as `int(text)` reads."""
