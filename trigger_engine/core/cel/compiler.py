"""A checked tree to Python closures, built once when a file is loaded and called for every event.

Each closure takes (context, meter) and returns the node's value or raises EvaluationError. What conditions do
most, reading a path and comparing it with a constant, has closures of its own. Nothing here is ever `eval`ed.
"""

from collections.abc import Callable, Mapping
from typing import Final

from trigger_engine.core.cel import nodes, temporal
from trigger_engine.core.cel.errors import EvaluationError
from trigger_engine.core.cel.functions import FUNCTIONS
from trigger_engine.core.cel.logic import compile_logic
from trigger_engine.core.cel.macros import compile_comprehension
from trigger_engine.core.cel.operators import (
    BINARY,
    ORDER,
    map_key,
    negate,
    no_overload,
)
from trigger_engine.core.cel.paths import at_path
from trigger_engine.core.cel.running import Context, Run
from trigger_engine.core.cel.types import CelType
from trigger_engine.core.cel.values import (
    NUMBERS,
    Meter,
    UInt,
    as_double,
    duration_of,
    timestamp_of,
    type_name,
)

_EXACT_MAX: Final = 2**53
"""Below, an int and the double of it are one number, so Python's comparison is CEL's."""


def compile_node(node: nodes.Node) -> Run:
    """The closure of a tree that the checker has accepted."""
    return _COMPILERS[type(node)](node)


def _literal(node: nodes.Literal) -> Run:
    value = node.value
    return lambda context, meter: value


def _identifier(node: nodes.Identifier) -> Run:
    slot = node.slot
    if not slot:
        return _adapted(at_path((node.name,)), node.type)
    return _adapted(lambda context, meter: meter[slot], node.type)


def _select(node: nodes.Select) -> Run:
    path = None if node.test_only else nodes.static_path(node)
    if path is not None:
        return _adapted(at_path(path), node.type)
    operand, name = compile_node(node.operand), node.name

    def has(context: Context, meter: Meter) -> bool:
        return name in _mapping(operand(context, meter), name)

    def select(context: Context, meter: Meter) -> object:
        value = _mapping(operand(context, meter), name)
        if name in value:
            return value[name]
        raise EvaluationError(f"there is no {name!r}")

    return has if node.test_only else _adapted(select, node.type)


def _mapping(value: object, name: str) -> Mapping[object, object]:
    if isinstance(value, Mapping):
        return value
    raise EvaluationError(f"a {type_name(value)} has no fields, so no {name!r}")


def _index(node: nodes.Index) -> Run:
    path = nodes.static_path(node)
    if path is not None:
        return _adapted(at_path(path), node.type)
    operand, key = compile_node(node.operand), compile_node(node.key)
    return _adapted(lambda context, meter: _item(operand(context, meter), key(context, meter)), node.type)


def _item(value: object, key: object) -> object:
    if isinstance(value, list | tuple):
        if type(key) not in NUMBERS or map_key(key) != key:
            raise EvaluationError(f"a list is indexed with an int, not with {type_name(key)}")
        position = int(key)  # type: ignore[call-overload]  # a number, as just tested
        if 0 <= position < len(value):
            return value[position]
        raise EvaluationError(f"the list has {len(value)} items, so none at {position}")
    if isinstance(value, Mapping):
        looked_up = map_key(key)
        if looked_up is None:
            raise EvaluationError(f"the key of a map cannot be {type_name(key)}")
        if looked_up in value:
            return value[looked_up]
        raise EvaluationError(f"there is no {str(key)[:100]!r}")
    raise EvaluationError(f"a {type_name(value)} cannot be indexed")


def _adapted(run: Run, declared: CelType) -> Run:
    """JSON has one kind of number and the state holds instants as ints: give a value its declared type."""
    convert: Callable[[int], object] | None = _ADAPTERS.get(declared.kind)
    if convert is None:
        return run

    def adapted(context: Context, meter: Meter) -> object:
        value = run(context, meter)
        return convert(value) if type(value) is int else value

    return adapted


def _as_uint(value: int) -> object:
    return UInt(value) if value >= 0 else value


_ADAPTERS: Final[Mapping[str, Callable[[int], object]]] = {
    "double": as_double,
    "uint": _as_uint,
    "timestamp": timestamp_of,
    "duration": duration_of,
}


def _unary(node: nodes.Unary) -> Run:
    operand = compile_node(node.operand)
    if node.operator == "-":
        return lambda context, meter: negate(operand(context, meter))

    def invert(context: Context, meter: Meter) -> bool:
        value = operand(context, meter)
        if value is True:
            return False
        if value is False:
            return True
        raise EvaluationError(f"'!' does not work on {type_name(value)}")

    return invert


def _binary(node: nodes.Binary) -> Run:
    left = compile_node(node.left)
    if isinstance(node.right, nodes.Literal):
        constant = node.right.value
        if node.operator in ORDER and type(constant) in (int, float):
            return _number_order(node.operator, left, constant)
        if node.operator in ("==", "!=") and isinstance(constant, str | bool | None):
            return _same_as_constant(left, constant, wanted=node.operator == "==")
    right, apply = compile_node(node.right), BINARY[node.operator]
    return lambda context, meter: apply(left(context, meter), right(context, meter), meter)


def _number_order(symbol: str, left: Run, constant: object) -> Run:
    compare, general = ORDER[symbol], BINARY[symbol]
    exact = isinstance(constant, int | float) and -_EXACT_MAX < constant < _EXACT_MAX

    def ordered(context: Context, meter: Meter) -> object:
        value = left(context, meter)
        kind = type(value)
        if exact and (kind is int or kind is float):
            return compare(value, constant)
        if kind in NUMBERS:
            return general(value, constant, meter)
        raise no_overload(symbol, value, constant)

    return ordered


def _same_as_constant(left: Run, constant: object, wanted: bool) -> Run:
    kind = type(constant)

    def compared(context: Context, meter: Meter) -> bool:
        value = left(context, meter)
        return (type(value) is kind and value == constant) is wanted

    return compared


def _ternary(node: nodes.Ternary) -> Run:
    condition, then, otherwise = map(compile_node, (node.condition, node.then, node.otherwise))

    def choose(context: Context, meter: Meter) -> object:
        answer = condition(context, meter)
        if answer is True:
            return then(context, meter)
        if answer is False:
            return otherwise(context, meter)
        raise EvaluationError(f"'?' needs true or false, this is {type_name(answer)}")

    return choose


def _call(node: nodes.Call) -> Run:
    run = FUNCTIONS[node.function].run
    match node:
        case nodes.Call(function="duration", arguments=(nodes.Literal(value=str() as text),)):
            return _literal(nodes.Literal(temporal.parse_duration(text), offset=node.offset))
        case nodes.Call(function="timestamp", arguments=(nodes.Literal(value=str() as text),)):
            return _literal(nodes.Literal(temporal.parse_timestamp(text), offset=node.offset))
    arguments = [compile_node(child) for child in node.children()]
    return lambda context, meter: run([argument(context, meter) for argument in arguments], meter)


def _list(node: nodes.ListLiteral) -> Run:
    if all(isinstance(item, nodes.Literal) for item in node.items):
        constants = [item.value for item in node.items if isinstance(item, nodes.Literal)]
        return lambda context, meter: constants.copy()
    items = [compile_node(item) for item in node.items]
    return lambda context, meter: [item(context, meter) for item in items]


def _map(node: nodes.MapLiteral) -> Run:
    entries = [(compile_node(key), compile_node(value)) for key, value in node.entries]

    def build(context: Context, meter: Meter) -> dict[object, object]:
        built: dict[object, object] = {}
        for make_key, make_value in entries:
            key = make_key(context, meter)
            if type(key) not in (str, int, UInt):
                raise EvaluationError(
                    f"the key of a map must be a string or an int, this is {type_name(key)}"
                )
            if key in built:
                raise EvaluationError(f"the key {str(key)[:100]!r} stands twice in a map")
            built[key] = make_value(context, meter)
        return built

    return build


def _logic(node: nodes.Logic) -> Run:
    return compile_logic(node.operator, [compile_node(term) for term in node.terms])


def _comprehension(node: nodes.Comprehension) -> Run:
    return compile_comprehension(
        node.macro,
        node.slot,
        ranged=compile_node(node.range),
        where=None if node.where is None else compile_node(node.where),
        body=compile_node(node.body),
        price=nodes.size(node) - nodes.size(node.range),
    )


_COMPILERS: Final[Mapping[type[nodes.Node], Callable[..., Run]]] = {
    nodes.Literal: _literal,
    nodes.Identifier: _identifier,
    nodes.Select: _select,
    nodes.Index: _index,
    nodes.Unary: _unary,
    nodes.Binary: _binary,
    nodes.Logic: _logic,
    nodes.Ternary: _ternary,
    nodes.Call: _call,
    nodes.ListLiteral: _list,
    nodes.MapLiteral: _map,
    nodes.Comprehension: _comprehension,
}
