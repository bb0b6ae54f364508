"""The syntax tree: plain nodes, each with its place in the source, its depth, and the type the checker finds.

A chain of `&&` or of `||` is one node with many terms, so that long lists of alternatives do not nest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from trigger_engine.core.cel.types import DYN, CelType


@dataclass(slots=True, kw_only=True)
class Node:
    offset: int
    """Where the node's operator or first character stands, for messages."""
    type: CelType = DYN
    depth: int = 1

    def children(self) -> tuple["Node", ...]:
        return ()


@dataclass(slots=True)
class Literal(Node):
    value: object


@dataclass(slots=True)
class Identifier(Node):
    name: str
    slot: int = field(default=0)
    """0: a variable of the context; else the number of the macro's variable."""


@dataclass(slots=True)
class Select(Node):
    operand: Node
    name: str
    test_only: bool = False
    """`has(operand.name)`."""

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(slots=True)
class Index(Node):
    operand: Node
    key: Node

    def children(self) -> tuple[Node, ...]:
        return (self.operand, self.key)


@dataclass(slots=True)
class Unary(Node):
    operator: str
    operand: Node

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(slots=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node

    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(slots=True)
class Logic(Node):
    operator: str
    terms: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        return self.terms


@dataclass(slots=True)
class Ternary(Node):
    condition: Node
    then: Node
    otherwise: Node

    def children(self) -> tuple[Node, ...]:
        return (self.condition, self.then, self.otherwise)


@dataclass(slots=True)
class Call(Node):
    function: str
    receiver: Node | None
    arguments: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        return self.arguments if self.receiver is None else (self.receiver, *self.arguments)


@dataclass(slots=True)
class ListLiteral(Node):
    items: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        return self.items


@dataclass(slots=True)
class MapLiteral(Node):
    entries: tuple[tuple[Node, Node], ...]

    def children(self) -> tuple[Node, ...]:
        return tuple(part for entry in self.entries for part in entry)


@dataclass(slots=True)
class Comprehension(Node):
    """`range.macro(variable, body)`, or `range.map(variable, where, body)`."""

    macro: str
    range: Node
    variable: str
    where: Node | None
    body: Node
    slot: int = 0

    def children(self) -> tuple[Node, ...]:
        inner = (self.body,) if self.where is None else (self.where, self.body)
        return (self.range, *inner)


def size(node: Node) -> int:
    """How many nodes the tree holds: the price of running it once."""
    return 1 + sum(map(size, node.children()))


def static_path(node: Node) -> tuple[str, ...] | None:
    """`cart.items['a']` → ('cart', 'items', 'a'), if the node reads one fixed place of the context."""
    keys: list[str] = []
    while True:
        match node:
            case Select(operand=operand, name=name, test_only=False):
                keys.append(name)
                node = operand
            case Index(operand=operand, key=Literal(value=str() as key)):
                keys.append(key)
                node = operand
            case Identifier(name=name, slot=0):
                return (name, *reversed(keys))
            case _:
                return None


def references(node: Node) -> Iterator[str]:
    """The dotted paths that the tree reads. A key with a dot in it ends its path at the part before."""
    if isinstance(node, Select) and node.test_only:
        inner = static_path(node.operand)
        path = None if inner is None else (*inner, node.name)
    else:
        path = static_path(node)
    if path is not None and not any("." in key for key in path):
        yield ".".join(path)
        return
    for child in node.children():
        yield from references(child)
