"""What of a condition changes with time alone, and the instants at which it may.

Three things move by themselves: paths that run WITH_NOW (`now`, or an age, which is `now` minus something),
one millisecond a millisecond; paths that change every period (a score with decay); and paths whose next
change is known (a pause that ends). The checker of this file gives each node its speed. A comparison of
moving values flips at an instant that can be worked out from both sides; a clock reading such as
`now.getHours()` changes at the next full hour. The generated twin of a condition runs as the condition does
and notes such instants: what it does not run cannot matter before one of the instants noted, for nothing else
moves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from trigger_engine.core.cel import flips, nodes
from trigger_engine.core.cel.code import Value
from trigger_engine.core.cel.errors import CelError
from trigger_engine.core.cel.reading import SUBJECT
from trigger_engine.core.cel.types import CelType

if TYPE_CHECKING:
    from trigger_engine.core.cel.generator import Generator

NOTES: Final = "notes"
"""The generated function's parameter that collects instants."""

_COMPARISONS: Final = {"<": (0,), ">=": (0,), "<=": (1,), ">": (1,), "==": (0, 1), "!=": (0, 1)}
"""Comparisons, by the differences of both sides at which they flip as the difference grows."""

_LINEAR: Final = frozenset({"timestamp", "duration", "dyn"})
_TOO_OFTEN: Final = frozenset({"getSeconds", "getMilliseconds"})


@dataclass(frozen=True, slots=True)
class EveryPeriod:
    """The value at a path may change at each full period of the epoch, such as each UTC midnight."""

    period_ms: int

    def __post_init__(self) -> None:
        if self.period_ms <= 0:
            raise ValueError("a period is longer than nothing")


@dataclass(frozen=True, slots=True)
class ChangesAt:
    """The value at a path changes by itself at instants that are known beforehand."""

    next_change: Callable[[Any], int | None]
    """Of what the condition is evaluated on: the next such instant (epoch ms), or None. One that has been
    does no harm."""


@dataclass(frozen=True, slots=True)
class WithNow:
    """The value at a path, a timestamp or a duration, grows by a millisecond each millisecond."""


WITH_NOW: Final = WithNow()

Moving = Mapping[str, WithNow | EveryPeriod | ChangesAt]
"""Declared paths to how they move. `now` is one of them."""

Path = tuple[str, ...]


class Motion:
    """The speeds of one checked tree, and the lines that note its flips."""

    def __init__(self, source: str, tree: nodes.Node, moving: Moving) -> None:
        """Raises CelError where a value moves in a way that gives no instant."""
        self._source = source
        self._moving = {tuple(path.split(".")): how for path, how in moving.items()}
        self._speeds: dict[int, int] = {}
        if self._measure(tree):
            self._fail(tree, "the value itself changes with time")

    def _fail(self, node: nodes.Node, message: str, suggestion: str | None = None) -> NoReturn:
        help_ = suggestion or "compare times, as in now - x > duration('24h')"
        raise CelError.at(self._source, node.offset, message, help_)

    # --- speeds

    def _measure(self, node: nodes.Node) -> int:
        speed = self._speeds[id(node)] = self._speed(node)
        return speed

    def _speed(self, node: nodes.Node) -> int:
        path = nodes.static_path(node)
        if path is not None:
            return self._of_path(node, path)
        match node:
            case nodes.Select(test_only=True, operand=operand):
                inner = nodes.static_path(operand)
                if inner is None:
                    self._still(operand)
                return 0
            case nodes.Binary(operator="+" | "-", left=left, right=right):
                first, second = self._measure(left), self._measure(right)
                return first + second if node.operator == "+" else first - second
            case nodes.Binary(operator=operator, left=left, right=right) if operator in _COMPARISONS:
                self._measure(left)
                self._measure(right)
                return 0
            case nodes.Ternary():
                return self._of_choice(node)
            case nodes.Call():
                return self._of_call(node)
        for child in node.children():
            self._still(child)
        return 0

    def _still(self, node: nodes.Node) -> None:
        if self._measure(node):
            self._fail(node, "what changes with time may only be compared, added and subtracted")

    def _of_path(self, node: nodes.Node, path: Path) -> int:
        for moving, how in self._moving.items():
            if path == moving:
                return 1 if isinstance(how, WithNow) else 0
            if moving[: len(path)] == path and isinstance(how, WithNow):
                whole, part = ".".join(path), ".".join(moving)
                self._fail(
                    node, f"{whole} as a whole changes with time", f"use its fields; {part} is what moves"
                )
        return 0

    def _of_choice(self, node: nodes.Ternary) -> int:
        self._still(node.condition)
        then, otherwise = self._measure(node.then), self._measure(node.otherwise)
        if then != otherwise:
            self._fail(node, "both answers of '? :' must change with time in the same way")
        return then

    def _of_call(self, node: nodes.Call) -> int:
        speeds = [self._measure(child) for child in node.children()]
        if node.function in _LINEAR or not any(speeds):
            return sum(speeds)
        if node.function not in flips.STEPS_MS or node.receiver is None or any(speeds[1:]):
            called = f"{node.function}()"
            self._fail(node, f"{called} of what changes with time gives no instant to wait for")
        if node.function in _TOO_OFTEN:
            self._fail(node, f"{node.function}() of what changes with time changes too often to wait for")
        return 0

    # --- notes

    def note_binary(self, generator: "Generator", node: nodes.Binary, left: Value, right: Value) -> None:
        """Before an operator runs on two named values."""
        first, second = self._speeds.get(id(node.left), 0), self._speeds.get(id(node.right), 0)
        code, arguments = generator.code, f"{left.text}, {right.text}"
        if node.operator in _COMPARISONS and first != second:
            speed = first - second
            bounds = tuple(bound if speed > 0 else bound - 1 for bound in _COMPARISONS[node.operator])
            code.line(f"note_crossing({NOTES}, {arguments}, {speed}, {bounds})")
        elif node.operator in ("+", "-") and (first or second):
            sign = 1 if node.operator == "+" else -1
            code.line(f"note_range({NOTES}, {arguments}, {sign}, {first + sign * second})")

    def note_call(self, generator: "Generator", node: nodes.Call, operands: list[Value]) -> None:
        """Before a function runs on named values."""
        speed = 0 if node.receiver is None else self._speeds.get(id(node.receiver), 0)
        if speed and node.function in flips.STEPS_MS:
            zone = operands[1].text if len(operands) > 1 else "None"
            call = f"note_step({NOTES}, {operands[0].text}, {speed}, {node.function!a}, {zone})"
            generator.code.line(call)

    def note_read(self, generator: "Generator", path: Path) -> None:
        """Before a path is read that changes now and then; a record holds all its fields."""
        for moving, how in self._moving.items():
            shorter = min(len(path), len(moving))
            if moving[:shorter] != path[:shorter]:
                continue
            if isinstance(how, EveryPeriod):
                generator.code.line(f"note_period({NOTES}, {how.period_ms})")
            elif isinstance(how, ChangesAt):
                asked = generator.code.bound("change", how.next_change)
                generator.code.line(f"note_at({NOTES}, {asked}({SUBJECT}))")


def check_moving(moving: Moving, declared: Mapping[str, CelType]) -> None:
    """`declared` holds the type of each moving path. Raises ValueError, our own mistake."""
    for path, how in moving.items():
        if isinstance(how, WithNow) and declared[path].kind not in ("timestamp", "duration"):
            raise ValueError(f"{path} cannot run with now, it is {declared[path]}")
