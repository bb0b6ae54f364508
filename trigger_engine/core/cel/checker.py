"""Type-checks a tree against the declared variables, and writes each node's type into it.

Rules: what can never work is an error when the file is loaded; what a `dyn` may turn out to be is left to run
time. As in the official checker, save for one thing that marketers need: numbers of different declared types
compare (`cart.value > 0`, where the value is a double), as they do at run time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NoReturn

from trigger_engine.core.cel import nodes, refusals, temporal
from trigger_engine.core.cel.errors import CelError, EvaluationError
from trigger_engine.core.cel.functions import FUNCTIONS
from trigger_engine.core.cel.limits import MACRO_NESTING_MAX
from trigger_engine.core.cel.parser import MACROS
from trigger_engine.core.cel.refusals import HABITS, nearest, shown
from trigger_engine.core.cel.types import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    ORDERED_KINDS,
    STRING,
    TIMESTAMP,
    UINT,
    CelType,
    agree,
    both_numeric,
    join,
    list_of,
    map_of,
)
from trigger_engine.core.cel.values import UInt

_LITERALS: Final[Mapping[type, CelType]] = {
    int: INT,
    UInt: UINT,
    float: DOUBLE,
    str: STRING,
    bool: BOOL,
    type(None): NULL,
}
_NUMBERS: Final = ((INT, INT, INT), (UINT, UINT, UINT), (DOUBLE, DOUBLE, DOUBLE))
_ARITHMETIC: Final[Mapping[str, Sequence[tuple[CelType, CelType, CelType]]]] = {
    "+": (
        *_NUMBERS,
        (STRING, STRING, STRING),
        (DURATION, DURATION, DURATION),
        (TIMESTAMP, DURATION, TIMESTAMP),
        (DURATION, TIMESTAMP, TIMESTAMP),
    ),
    "-": (
        *_NUMBERS,
        (DURATION, DURATION, DURATION),
        (TIMESTAMP, DURATION, TIMESTAMP),
        (TIMESTAMP, TIMESTAMP, DURATION),
    ),
    "*": _NUMBERS,
    "/": _NUMBERS,
    "%": ((INT, INT, INT), (UINT, UINT, UINT)),
}
_KEY_KINDS: Final = frozenset({"int", "uint", "string", "dyn"})


def check(source: str, tree: nodes.Node, declarations: Mapping[str, CelType]) -> None:
    """Types the whole tree and numbers the variables of its macros. Raises CelError."""
    _Checker(source, declarations).check(tree)


class _Checker:
    def __init__(self, source: str, declarations: Mapping[str, CelType]) -> None:
        self._source = source
        self._declarations = declarations
        self._scope: list[tuple[str, CelType, int]] = []
        """Macro variables in sight, innermost last: name, type, slot."""
        self._slots = 0
        self._rules: Mapping[type[nodes.Node], Callable[..., CelType]] = {
            nodes.Literal: self._literal,
            nodes.Identifier: self._identifier,
            nodes.Select: self._select,
            nodes.Index: self._index,
            nodes.Unary: self._unary,
            nodes.Binary: self._binary,
            nodes.Logic: self._logic,
            nodes.Ternary: self._ternary,
            nodes.Call: self._call,
            nodes.ListLiteral: self._list,
            nodes.MapLiteral: self._map,
            nodes.Comprehension: self._comprehension,
        }

    def check(self, node: nodes.Node) -> CelType:
        node.type = self._rules[type(node)](node)
        return node.type

    def _fail(self, node: nodes.Node, message: str, suggestion: str | None = None) -> NoReturn:
        raise CelError.at(self._source, node.offset, message, suggestion)

    # --- reading

    def _literal(self, node: nodes.Literal) -> CelType:
        return _LITERALS[type(node.value)]

    def _identifier(self, node: nodes.Identifier) -> CelType:
        for name, kind, slot in reversed(self._scope):
            if name == node.name:
                node.slot = slot
                return kind
        declared = self._declarations.get(node.name)
        if declared is None:
            self._fail_name(node)
        return declared

    def _fail_name(self, node: nodes.Identifier) -> NoReturn:
        name = node.name
        if name in refusals.NAMESPACES:
            self._fail(node, f"CEL's {name} extension is not supported", refusals.NAMESPACES[name])
        if name in refusals.TYPE_NAMES:
            self._fail(node, f"types as values, such as {name}, are not supported", "convert, as in int(x)")
        known = [*self._declarations, *(variable for variable, _, _ in self._scope)]
        self._fail(node, f"unknown name {shown(name)}", refusals.unknown_name(name, known))

    def _select(self, node: nodes.Select) -> CelType:
        operand = self.check(node.operand)
        if operand.kind == "record":
            found = self._field(node, node.operand, node.name)
        elif operand.kind == "map":
            found = operand.parameters[1]
        elif operand.kind == "dyn":
            found = DYN
        else:
            said = f"a {operand} has no fields, so no {shown(node.name)}"
            self._fail(node, said, refusals.no_fields(operand.kind, node.name))
        return BOOL if node.test_only else found

    def _field(self, node: nodes.Node, owner: nodes.Node, name: str) -> CelType:
        fields = dict(owner.type.fields)
        found = fields.get(name)
        if found is None:
            path = nodes.static_path(owner)
            whose = ".".join(path) if path else None
            message = f"{whose or 'this record'} has no field {shown(name)}"
            self._fail(node, message, refusals.unknown_field(name, fields, whose))
        return found

    def _index(self, node: nodes.Index) -> CelType:
        operand, key = self.check(node.operand), self.check(node.key)
        match operand.kind:
            case "dyn":
                return DYN
            case "list" if agree(key, INT):
                return operand.parameters[0]
            case "map" if agree(key, operand.parameters[0]):
                return operand.parameters[1]
            case "record" if agree(key, STRING):
                if isinstance(node.key, nodes.Literal):
                    return self._field(node.key, node.operand, str(node.key.value))
                return DYN
        return self._fail(node, f"{operand} cannot be indexed with {key}")

    # --- operators

    def _unary(self, node: nodes.Unary) -> CelType:
        operand = self.check(node.operand)
        if node.operator == "!":
            self._want_bool(node.operand, operand, "'!'")
            return BOOL
        if operand.kind not in ("int", "double", "dyn"):
            self._fail(node, f"'-' does not work on {operand}")
        return operand

    def _binary(self, node: nodes.Binary) -> CelType:
        left, right = self.check(node.left), self.check(node.right)
        if node.operator in _ARITHMETIC:
            return self._arithmetic(node, left, right)
        if node.operator in ("==", "!="):
            fits = agree(left, right) or both_numeric(left, right)
        elif node.operator == "in":
            fits = _may_contain(left, right)
        else:
            fits = (agree(left, right) or both_numeric(left, right)) and all(
                kind in ORDERED_KINDS or kind == "dyn" for kind in (left.kind, right.kind)
            )
        if not fits:
            self._fail_operator(node, left, right)
        return BOOL

    def _arithmetic(self, node: nodes.Binary, left: CelType, right: CelType) -> CelType:
        results = {
            result
            for first, second, result in _ARITHMETIC[node.operator]
            if agree(left, first) and agree(right, second)
        }
        lists = {left.kind, right.kind} <= {"list", "dyn"}
        if node.operator == "+" and lists and agree(left, right):
            known = [kind for kind in (left, right) if kind.kind == "list"]
            results.add(join(known[0], known[-1]) if known else DYN)
        if not results:
            self._fail_operator(node, left, right)
        return results.pop() if len(results) == 1 else DYN

    def _fail_operator(self, node: nodes.Binary, left: CelType, right: CelType) -> NoReturn:
        suggestion = None
        if both_numeric(left, right):
            suggestion = "convert one of them, as in double(x)"
        elif isinstance(node.left, nodes.Binary) and node.left.type == BOOL:
            suggestion = "join comparisons with &&"
        elif {left.kind, right.kind} == {"duration", "string"}:
            suggestion = "write duration('1h') for a span of time"
        elif {left.kind, right.kind} == {"timestamp", "string"}:
            suggestion = "write timestamp('2024-05-31T09:00:00Z') for an instant"
        elif left.kind in ("duration", "timestamp") and right.kind in ("int", "double"):
            suggestion = "a span of time is written duration('1h')"
        elif "null" in (left.kind, right.kind) and node.operator in ("==", "!="):
            suggestion = "it is never null; has(...) tells whether it is there"
        self._fail(node, f"{node.operator!r} does not work on {left} and {right}", suggestion)

    def _logic(self, node: nodes.Logic) -> CelType:
        for term in node.terms:
            self._want_bool(term, self.check(term), repr(node.operator))
        return BOOL

    def _want_bool(self, node: nodes.Node, found: CelType, wanted_by: str) -> None:
        if not agree(found, BOOL):
            self._fail(node, f"{wanted_by} needs true or false, this is {found}")

    def _ternary(self, node: nodes.Ternary) -> CelType:
        self._want_bool(node.condition, self.check(node.condition), "'?'")
        then, otherwise = self.check(node.then), self.check(node.otherwise)
        if not agree(then, otherwise):
            self._fail(node, f"both answers of '? :' must be of one type, not {then} and {otherwise}")
        return join(then, otherwise)

    # --- calls and literals

    def _call(self, node: nodes.Call) -> CelType:
        function = FUNCTIONS.get(node.function)
        shape = ".{}()" if node.receiver is not None else "{}()"
        called = shape.format(node.function[: refusals.NAME_SHOWN_MAX])
        if function is None:
            self._fail_function(node, called)
        types = [self.check(child) for child in node.children()]
        member = node.receiver is not None
        results = {
            signature.result
            for signature in function.signatures
            if signature.member == member
            and len(signature.parameters) == len(types)
            and all(map(agree, types, signature.parameters))
        }
        if not results:
            given = ", ".join(map(str, types)) or "nothing"
            self._fail(node, f"{called} does not take {given}", self._other_form(node, member))
        self._check_constants(node)
        return results.pop() if len(results) == 1 else DYN

    def _fail_function(self, node: nodes.Call, called: str) -> NoReturn:
        name, owner = node.function, node.receiver
        space = owner.name if isinstance(owner, nodes.Identifier) else ""
        if space in refusals.NAMESPACES and space not in self._declarations:
            message = f"{space}{called} is of an extension of CEL that is not supported"
            self._fail(node, message, refusals.NAMESPACES[space])
        if name in refusals.FUNCTIONS:
            self._fail(node, *refusals.FUNCTIONS[name])
        if name in MACROS:
            form = f"write it like event.properties.items.{name}(item, item.price > 100)"
            two = owner is not None and len(node.arguments) > 2
            self._fail(
                node,
                f"{name}() with two variables is not supported" if two else f"unknown function {called}",
                form,
            )
        suggestion = HABITS.get(name) or nearest(name, [*FUNCTIONS, *MACROS, "has"])
        self._fail(node, f"unknown function {called}", suggestion)

    def _other_form(self, node: nodes.Call, member: bool) -> str | None:
        if any(signature.member == member for signature in FUNCTIONS[node.function].signatures):
            return None
        return f"write {node.function}(x)" if member else f"write x.{node.function}(...)"

    def _check_constants(self, node: nodes.Call) -> None:
        """A fixed duration, timestamp or zone that can never be read is the author's slip, so say so now."""
        match node:
            case nodes.Call(
                function="duration" | "timestamp", arguments=(nodes.Literal(value=str() as text),)
            ):
                read: Callable[[str], object] = getattr(temporal, f"parse_{node.function}")
            case nodes.Call(receiver=nodes.Node(), arguments=(nodes.Literal(value=str() as text),)) if (
                node.function in temporal.TIMESTAMP_ACCESSORS
            ):
                read = temporal.check_zone
            case _:
                return
        try:
            read(text)
        except EvaluationError as error:
            suggestion = refusals.suggested_constant(node.function, text)
            self._fail(node.arguments[0], error.message, suggestion)

    def _list(self, node: nodes.ListLiteral) -> CelType:
        return list_of(self._common(node.items))

    def _map(self, node: nodes.MapLiteral) -> CelType:
        keys = [key for key, _ in node.entries]
        kind = self._common(keys)
        for key in keys:
            if key.type.kind not in _KEY_KINDS:
                self._fail(key, f"the key of a map must be a string or an int, this is {key.type}")
        constants = [key.value for key in keys if isinstance(key, nodes.Literal)]
        if len(constants) != len(set(constants)):
            self._fail(node, "a key stands twice in the map")
        return map_of(self._common([value for _, value in node.entries]), key=kind)

    def _common(self, items: Iterable[nodes.Node]) -> CelType:
        kinds = [self.check(item) for item in items]
        if not kinds:
            return DYN
        common = kinds[0]
        for kind in kinds[1:]:
            common = join(common, kind)
        return common

    # --- macros

    def _comprehension(self, node: nodes.Comprehension) -> CelType:
        ranged = self.check(node.range)
        match ranged.kind:
            case "list" | "map":
                element = ranged.parameters[0]
            case "record":
                element = STRING
            case "dyn":
                element = DYN
            case _:
                self._fail(node, f".{node.macro}() works on a list or a map, this is {ranged}")
        if len(self._scope) >= MACRO_NESTING_MAX:
            self._fail(node, f"macros stand inside one another deeper than {MACRO_NESTING_MAX} levels")
        self._slots += 1
        node.slot = self._slots
        self._scope.append((node.variable, element, node.slot))
        if node.where is not None:
            self._want_bool(node.where, self.check(node.where), f".{node.macro}()")
        body = self.check(node.body)
        self._scope.pop()
        if node.macro == "map":
            return list_of(body)
        self._want_bool(node.body, body, f".{node.macro}()")
        return list_of(element) if node.macro == "filter" else BOOL


def _may_contain(item: CelType, container: CelType) -> bool:
    match container.kind:
        case "dyn":
            return True
        case "record":
            return agree(item, STRING)
        case "list" | "map":
            element = container.parameters[0]
            return agree(item, element) or both_numeric(item, element)
    return False
