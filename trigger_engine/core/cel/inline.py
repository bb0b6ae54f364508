"""The operators in generated code: plain Python where the types are known, a guard and a helper where not.

A double beside an integer makes both doubles in CEL, while Python compares exactly; below 2**53 there is no
difference, so a smaller literal may stand in a plain comparison.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from trigger_engine.core.cel import nodes
from trigger_engine.core.cel.code import Value
from trigger_engine.core.cel.helpers import OPERATOR_HELPERS
from trigger_engine.core.cel.operators import METERED_OPERATORS

if TYPE_CHECKING:
    from trigger_engine.core.cel.generator import Generator

_EXACT_MAX: Final = 2**53
_PLAIN: Final = frozenset({"int", "uint", "double", "string", "bool"})
_TIMES: Final = frozenset({"timestamp", "duration"})
_GUARDS: Final = {"string": "str", "timestamp": "Timestamp", "duration": "Duration"}
_TIME_RESULTS: Final[Mapping[tuple[str, str | None, str | None], str]] = {
    ("+", "duration", "duration"): "duration",
    ("+", "timestamp", "duration"): "timestamp",
    ("+", "duration", "timestamp"): "timestamp",
    ("-", "duration", "duration"): "duration",
    ("-", "timestamp", "duration"): "timestamp",
    ("-", "timestamp", "timestamp"): "duration",
}
_ORDER: Final = frozenset({"<", "<=", ">", ">="})


def binary(generator: "Generator", node: nodes.Binary, left: Value, right: Value) -> Value:
    """The operator on two named values."""
    symbol = node.operator
    if symbol in ("==", "!="):
        return _equality(generator, symbol, left, right)
    if symbol in _ORDER:
        return _order(generator, symbol, left, right)
    return _arithmetic(generator, node, left, right)


def _helper(generator: "Generator", symbol: str, left: str, right: str, kind: str | None) -> Value:
    generator.code.fallible = True
    arguments = [left, right, generator.meter] if symbol in METERED_OPERATORS else [left, right]
    return Value(f"{OPERATOR_HELPERS[symbol]}({', '.join(arguments)})", kind, atomic=False)


def _comparable(symbol: str, left: Value, right: Value) -> str | None:
    """Plain Python for two values of kinds that are known, or of which a literal tells enough."""
    kinds = {left.kind, right.kind}
    if len(kinds) == 1 and kinds <= _PLAIN:
        return f"{left.text} {symbol} {right.text}"
    if len(kinds) == 1 and kinds <= _TIMES:
        return f"{left.milliseconds} {symbol} {right.milliseconds}"
    if kinds == {"int", "uint"} or (kinds <= {"int", "uint", "double"} and (_exact(left) or _exact(right))):
        return f"{left.text} {symbol} {right.text}"
    return None


def _exact(value: Value) -> bool:
    """A number literal that is the same as an int and as a double."""
    constant = value.constant
    return type(constant) in (int, float) and -_EXACT_MAX < constant < _EXACT_MAX  # type: ignore[operator]  # a number


def _is_number(name: str) -> str:
    return f"type({name}) is float or type({name}) is int"


def _order(generator: "Generator", symbol: str, left: Value, right: Value) -> Value:
    plain = _comparable(symbol, left, right)
    if plain is not None:
        return Value(plain, "bool", atomic=False)
    general = _helper(generator, symbol, left.text, right.text, "bool")
    for value, other in ((left, right), (right, left)):
        if value.kind is not None or value.fixed:
            continue
        if _exact(other):
            guard = _is_number(value.text)
            return Value(
                f"({left.text} {symbol} {right.text} if {guard} else {general.text})", "bool", atomic=False
            )
        if other.kind in _GUARDS:
            compared = _comparable(
                symbol, *(Value(v.text, other.kind, constant=v.constant) for v in (left, right))
            )
            guard = f"type({value.text}) is {_GUARDS[other.kind]}"
            return Value(f"({compared} if {guard} else {general.text})", "bool", atomic=False)
    return general


def _equality(generator: "Generator", symbol: str, left: Value, right: Value) -> Value:
    plain = _comparable(symbol, left, right)
    if plain is not None:
        return Value(plain, "bool", atomic=False)
    negation = "" if symbol == "==" else "not "
    for value, other in ((left, right), (right, left)):
        if other.fixed and (other.constant is None or isinstance(other.constant, bool)):
            same = "is" if symbol == "==" else "is not"
            return Value(f"{generator.code.named(value).text} {same} {other.text}", "bool", atomic=False)
        if value.kind is not None:
            continue
        if other.kind is not None and other.kind == value.or_null and other.kind in _PLAIN:
            return Value(f"{value.text} {symbol} {other.text}", "bool", atomic=False)
        if other.kind in _GUARDS:
            compared = _comparable(
                "==", *(Value(v.text, other.kind, constant=v.constant) for v in (left, right))
            )
            test = f"(type({value.text}) is {_GUARDS[other.kind]} and {compared})"
            return Value(negation + test, "bool", atomic=False)
        if _exact(other):
            general = Value(f"{OPERATOR_HELPERS[symbol]}({left.text}, {right.text}, None)")
            compared = f"{left.text} {symbol} {right.text}"
            return Value(
                f"({compared} if {_is_number(value.text)} else {general.text})", "bool", atomic=False
            )
    return _helper(generator, symbol, left.text, right.text, "bool")


def contained(generator: "Generator", left: Value, container: nodes.Node) -> Value:
    """`left in container`; a list of string literals becomes a set."""
    texts = _texts(container)
    if texts is None:
        return _helper(generator, "in", left.text, generator.operand(container).text, "bool")
    found = f"{left.text} in {generator.code.bound('fixed', texts)}"
    if left.kind != "string":
        found = f"(type({left.text}) is str and {found})"
    return Value(found, "bool", atomic=False)


def _texts(container: nodes.Node) -> frozenset[str] | None:
    if not isinstance(container, nodes.ListLiteral):
        return None
    texts = [item.value for item in container.items if isinstance(item, nodes.Literal)]
    found = frozenset(text for text in texts if isinstance(text, str))
    same = len(texts) == len(container.items) and all(isinstance(text, str) for text in texts)
    return found if same else None


def _arithmetic(generator: "Generator", node: nodes.Binary, left: Value, right: Value) -> Value:
    symbol, kinds = node.operator, (left.kind, right.kind)
    text = f"{left.text} {symbol} {right.text}"
    if kinds == ("double", "double") and symbol in "+-*":
        return Value(text, "double", atomic=False)
    if kinds == ("int", "int") and symbol in "+-*":
        generator.code.fallible = True
        return Value(f"checked_int({text})", "int", atomic=False)
    kind = _TIME_RESULTS.get((symbol, *kinds))
    if kind is not None:
        generator.code.fallible = True
        made = f"{kind}_of({left.milliseconds} {symbol} {right.milliseconds})"
        return Value(made, kind, atomic=False)
    return _helper(generator, symbol, left.text, right.text, _scalar(node))


def _scalar(node: nodes.Node) -> str | None:
    """The kind of a result that an operator or function gives, if it gives any."""
    return node.type.kind if node.type.kind in _PLAIN | _TIMES and not node.type.nullable else None


def call(
    generator: "Generator", node: nodes.Call, operands: list[Value], run: Callable[..., object]
) -> Value:
    """A function of the language on named values."""
    if node.function == "size" and operands[0].kind == "string":
        return Value(f"len({operands[0].text})", "int", atomic=False)
    generator.code.fallible = True
    arguments = ", ".join(operand.text for operand in operands)
    function = generator.code.bound("call", run)
    return Value(f"{function}([{arguments}], {generator.meter})", _scalar(node), atomic=False)
