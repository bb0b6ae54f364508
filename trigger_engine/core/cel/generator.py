"""A checked tree to the source of one Python function, which is compiled when a file is loaded.

`strict` writes lines that give a node's value or raise EvaluationError. `caught` writes lines that never
raise, but may leave the error in place of the value; `lazy` does so for what need not run all its parts. A
`try` holds only straight lines: the lazy parts of an expression run before it, so that blocks do not nest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from trigger_engine.core.cel import inline, lazy, nodes, temporal
from trigger_engine.core.cel.code import Code, Value
from trigger_engine.core.cel.functions import FUNCTIONS
from trigger_engine.core.cel.helpers import HELPERS
from trigger_engine.core.cel.motion import Motion
from trigger_engine.core.cel.reading import Access, Reader
from trigger_engine.core.cel.types import CelType
from trigger_engine.core.cel.values import UInt

_LAZY: Final = (nodes.Logic, nodes.Ternary, nodes.Comprehension)
PYTHON_TYPES: Final[Mapping[str, str]] = {
    "int": "int",
    "uint": "UInt",
    "double": "float",
    "string": "str",
    "bool": "bool",
    "timestamp": "Timestamp",
    "duration": "Duration",
}
"""Scalar kinds, by the Python type that their values have."""
_LITERAL_KINDS: Final[Mapping[type, str]] = {
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bool: "bool",
    type(None): "null",
}
_METER: Final = "meter"


class Generator:
    """Writes one function for one tree."""

    def __init__(
        self,
        tree: nodes.Node,
        declarations: Mapping[str, CelType],
        access: Access | None,
        motion: Motion | None = None,
    ) -> None:
        self.code = Code(HELPERS)
        self.motion = motion
        self._macros: dict[int, nodes.Comprehension] = {}
        self._hoisted: dict[int, Value] = {}
        self._given: dict[int, bool] = {}
        self._metered = False
        self._note_macros(tree)
        self.reader = Reader(self, tree, declarations, access)
        self._rules: Mapping[type[nodes.Node], Callable[..., Value]] = {
            nodes.Literal: self._literal,
            nodes.Identifier: self._identifier,
            nodes.Select: self._select,
            nodes.Index: self._index,
            nodes.Unary: self._unary,
            nodes.Binary: self._binary,
            nodes.Call: self._call,
            nodes.ListLiteral: self._list,
            nodes.MapLiteral: self._map,
        }

    @property
    def meter(self) -> str:
        """The name of the list that counts the steps left; asking for it makes the function have one."""
        self._metered = True
        return _METER

    def source(self, name: str, parameters: Sequence[str]) -> str:
        """The whole function, once its lines are written."""
        opening = [f"{_METER} = [STEPS_MAX]"] if self._metered else []
        return self.code.source(f"def {name}({', '.join(parameters)}):", [*opening, *self.reader.opening])

    # --- the three ways to write a node

    def strict(self, node: nodes.Node) -> Value:
        """Lines that give the value or raise."""
        if not isinstance(node, _LAZY):
            return self._rules[type(node)](node)
        value = self._hoisted.get(id(node)) or self.lazy(node)
        if not value.may_fail:
            return value
        with self.code.block(f"if type({value.text}) is EvaluationError:"):
            self.code.line(f"raise again({value.text})", fallible=True)
        return Value(value.text, value.kind)

    def operand(self, node: nodes.Node) -> Value:
        """As `strict`, under a name or a literal."""
        return self.code.assigned(self.strict(node))

    def caught(self, node: nodes.Node) -> Value:
        """Lines that give the value, or the error in its place."""
        if isinstance(node, _LAZY):
            return self.lazy(node)
        out = self.code.name("t")
        kinds: list[str | None] = []

        def write() -> None:
            value = self.strict(node)
            self.code.line(f"{out} = {value.text}")
            kinds.append(value.kind)

        self.guarded(node, write, f"{out} = kept(raised)")
        return Value(out, kinds[0], may_fail=True)

    def guarded(self, node: nodes.Node, write: Callable[[], None], when_raised: str) -> None:
        """`write` uses the node strictly; its errors go to the handler. Lazy parts run before."""
        for part in _lazy_parts(node):
            self._hoisted[id(part)] = self.lazy(part)
        self.code.guarded(write, when_raised)

    def lazy(self, node: nodes.Node) -> Value:
        """Lines for a chain of `&&` or `||`, a choice or a macro; they never raise."""
        match node:
            case nodes.Logic():
                return lazy.logic(self, node)
            case nodes.Ternary():
                return lazy.ternary(self, node)
            case nodes.Comprehension():
                return lazy.comprehension(self, node, price=nodes.size(node) - nodes.size(node.range))
        raise AssertionError(node)

    # --- reading

    def _literal(self, node: nodes.Literal) -> Value:
        return self.code.constant(node.value, _LITERAL_KINDS[type(node.value)])

    def _identifier(self, node: nodes.Identifier) -> Value:
        if not node.slot:
            return self.reader.path((node.name,), node.type)
        return self._adapted(f"item{node.slot}", node, node.name)

    def _select(self, node: nodes.Select) -> Value:
        path = None if node.test_only else nodes.static_path(node)
        if path is not None:
            return self.reader.path(path, node.type)
        return self._has(node) if node.test_only else self._field(node)

    def _has(self, node: nodes.Select) -> Value:
        path = nodes.static_path(node.operand)
        if path is not None and self.reader.always_there((*path, node.name)):
            return Value("True", "bool")
        operand, name = self.operand(node.operand), ascii(node.name)
        self.code.fallible = True
        return Value(
            f"({name} in {operand.text} if type({operand.text}) is dict else has({operand.text}, {name}))",
            "bool",
            atomic=False,
        )

    def _field(self, node: nodes.Select) -> Value:
        operand, name = self.code.named(self.strict(node.operand)), ascii(node.name)
        read = self.code.name("v")
        with self.code.block("try:"):
            self.code.line(f"{read} = {operand.text}[{name}]")
        with self.code.block("except LOOKUP:"):
            self.code.line(f"{read} = select({operand.text}, {name})", fallible=True)
        return self._adapted(read, node, node.name)

    def _index(self, node: nodes.Index) -> Value:
        path = nodes.static_path(node)
        if path is not None:
            return self.reader.path(path, node.type)
        operand, key = self.operand(node.operand), self.operand(node.key)
        read = self.code.name("v")
        self.code.line(f"{read} = item({operand.text}, {key.text})", fallible=True)
        return self._adapted(read, node, "an item")

    def _adapted(self, name: str, node: nodes.Node, called: str) -> Value:
        """A value from inside a container: one of the context's is as loosely typed as JSON."""
        return self.adapted(name, node.type, called) if self._from_context(node) else Value(name)

    def adapted(self, name: str, declared: CelType, called: str) -> Value:
        """Makes sure that the value under the name has its declared type."""
        python_type = PYTHON_TYPES.get(declared.kind)
        if python_type is None:
            return Value(name)
        unlike = f"if type({name}) is not {python_type}"
        with self.code.block(f"{unlike} and {name} is not None:" if declared.nullable else f"{unlike}:"):
            call = f"declared({name}, {declared.kind!a}, {called!a})"
            self.code.line(f"{name} = {call}", fallible=True)
        if declared.nullable:
            return Value(name, or_null=declared.kind)
        return Value(name, declared.kind)

    def _from_context(self, node: nodes.Node) -> bool:
        """Whether the value, or what it holds, was given and not made by the expression."""
        if id(node) not in self._given:
            # Remembered: a variable used twice in each of many macros would be followed 2**n times.
            self._given[id(node)] = self._is_given(node)
        return self._given[id(node)]

    def _is_given(self, node: nodes.Node) -> bool:
        match node:
            case nodes.Identifier(slot=slot):
                return not slot or self._from_context(self._macros[slot].range)
            case nodes.Select(operand=operand) | nodes.Index(operand=operand):
                return self._from_context(operand)
            case nodes.Comprehension(macro="filter", range=ranged):
                return self._from_context(ranged)
            case nodes.Comprehension(macro="map", body=body):
                return self._from_context(body)
            case nodes.Ternary(then=then, otherwise=otherwise):
                return self._from_context(then) and self._from_context(otherwise)
            case nodes.Binary(left=left, right=right):
                return self._from_context(left) and self._from_context(right)
            case nodes.ListLiteral(items=items):
                return all(map(self._from_context, items))
        return False

    # --- operators, calls, literals

    def _unary(self, node: nodes.Unary) -> Value:
        operand = self.operand(node.operand)
        if node.operator == "!" and operand.kind == "bool":
            return Value(f"not {operand.text}", "bool", atomic=False)
        if node.operator == "-" and operand.kind == "double":
            return Value(f"-{operand.text}", "double", atomic=False)
        self.code.fallible = True
        helper = "invert" if node.operator == "!" else "negate"
        kind = "bool" if node.operator == "!" else operand.kind
        return Value(f"{helper}({operand.text})", kind, atomic=False)

    def _binary(self, node: nodes.Binary) -> Value:
        left = self.operand(node.left)
        if node.operator == "in":
            return inline.contained(self, left, node.right)
        right = self.operand(node.right)
        if self.motion is not None:
            self.motion.note_binary(self, node, left, right)
        return inline.binary(self, node, left, right)

    def _call(self, node: nodes.Call) -> Value:
        match node:
            case nodes.Call(function="duration", arguments=(nodes.Literal(value=str() as text),)):
                return self.code.constant(temporal.parse_duration(text), "duration")
            case nodes.Call(function="timestamp", arguments=(nodes.Literal(value=str() as text),)):
                return self.code.constant(temporal.parse_timestamp(text), "timestamp")
            case nodes.Call(function="dyn", arguments=(argument,)):
                return self.operand(argument)
        operands = [self.operand(child) for child in node.children()]
        if self.motion is not None:
            self.motion.note_call(self, node, operands)
        return inline.call(self, node, operands, FUNCTIONS[node.function].run)

    def _list(self, node: nodes.ListLiteral) -> Value:
        items = ", ".join(self.operand(item).text for item in node.items)
        return Value(f"[{items}]", "list", atomic=False)

    def _map(self, node: nodes.MapLiteral) -> Value:
        entries = [f"({self.operand(key).text}, {self.operand(value).text})" for key, value in node.entries]
        self.code.fallible = True
        return Value(f"map_of_entries([{', '.join(entries)}])", "map", atomic=False)

    def _note_macros(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Comprehension):
            self._macros[node.slot] = node
        for child in node.children():
            self._note_macros(child)


def _lazy_parts(node: nodes.Node) -> list[nodes.Node]:
    """The topmost lazy nodes below a strict one: each is run whenever the node is."""
    if isinstance(node, _LAZY):
        return [node]
    return [part for child in node.children() for part in _lazy_parts(child)]
