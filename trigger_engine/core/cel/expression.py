"""What trigger files hold: conditions and values, compiled once and evaluated for every event."""

from collections.abc import Mapping

from trigger_engine.core.cel import nodes
from trigger_engine.core.cel.checker import check
from trigger_engine.core.cel.compiler import compile_node
from trigger_engine.core.cel.errors import CelError, EvaluationError
from trigger_engine.core.cel.limits import STEPS_MAX
from trigger_engine.core.cel.parser import parse
from trigger_engine.core.cel.running import Run
from trigger_engine.core.cel.types import BOOL, CelType, agree
from trigger_engine.core.cel.values import Meter, type_name


class Expression:
    """A compiled expression of any type. Holds no state: one may serve all customers."""

    __slots__ = ("_meter", "_run", "references", "source", "type")

    def __init__(self, source: str, type: CelType, references: frozenset[str], run: Run, slots: int) -> None:
        self.source = source
        self.type = type
        self.references = references
        """The dotted paths that it reads, such as `cart.value`; a prefix where the rest is not fixed."""
        self._run = run
        self._meter: Meter = [STEPS_MAX, *[None] * slots]

    def evaluate(self, context: Mapping[str, object]) -> object:
        """The value for these variables. Raises EvaluationError; changes nothing."""
        return self._run(context, self._meter.copy())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"


class Condition(Expression):
    """A compiled expression that is true or false."""

    __slots__ = ()

    def evaluate(self, context: Mapping[str, object]) -> bool:
        """Raises EvaluationError, also when the value turns out to be no bool."""
        value = self._run(context, self._meter.copy())
        if value is True or value is False:
            return value
        raise EvaluationError(f"the condition gave {type_name(value)}, not true or false")


def compile_value(source: str, declarations: Mapping[str, CelType]) -> Expression:
    """An expression of any type, for `once_per` and the like. Raises CelError."""
    tree, slots = _checked(source, declarations)
    return Expression(source, tree.type, frozenset(nodes.references(tree)), compile_node(tree), slots)


def compile_condition(source: str, declarations: Mapping[str, CelType]) -> Condition:
    """An expression whose result is a bool, or may be one. Raises CelError."""
    tree, slots = _checked(source, declarations)
    if not agree(tree.type, BOOL):
        suggestion = "compare it with something, as in x > 0"
        raise CelError(f"a condition must be true or false, this is {tree.type}", 1, 1, suggestion)
    return Condition(source, tree.type, frozenset(nodes.references(tree)), compile_node(tree), slots)


def _checked(source: str, declarations: Mapping[str, CelType]) -> tuple[nodes.Node, int]:
    tree = parse(source)
    slots = check(source, tree, declarations)
    return tree, slots
