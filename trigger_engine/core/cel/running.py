"""The shape of compiled code, shared by the modules that make it."""

from collections.abc import Callable, Mapping

from trigger_engine.core.cel.values import Meter

Context = Mapping[str, object]
"""What a condition reads: declared names to values."""

Run = Callable[[Context, Meter], object]
"""A compiled node."""
