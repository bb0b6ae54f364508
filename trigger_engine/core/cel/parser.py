"""Tokens to a syntax tree, by precedence climbing over the grammar of the CEL specification.

    Expr    = Or ["?" Or ":" Expr]          Or   = And {"||" And}      And = Rel {"&&" Rel}
    Rel     = Add {relop Add}               Add  = Mul {("+"|"-") Mul} Mul = Unary {("*"|"/"|"%") Unary}
    Unary   = Member | "!"+ Member | "-"+ Member
    Member  = Primary {"." Name ["(" Args ")"] | "[" Expr "]"}

Nesting is counted, in parentheses and in the tree that results, so that no input reaches Python's own limit.
Macros become nodes here, as in the specification.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from trigger_engine.core.cel import nodes
from trigger_engine.core.cel.errors import CelError
from trigger_engine.core.cel.lexer import Token, tokens_of
from trigger_engine.core.cel.limits import NESTING_MAX
from trigger_engine.core.cel.refusals import WORD_OPERATORS, shown
from trigger_engine.core.cel.values import INT_MAX

_LEVELS: Final[tuple[frozenset[str], ...]] = (
    frozenset({"<", "<=", ">=", ">", "==", "!=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
RESERVED: Final = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import"),
        *("let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
MACROS: Final = {"all": (2,), "exists": (2,), "exists_one": (2,), "filter": (2,), "map": (2, 3)}
_OPTIONAL: Final = ("optional values (?) are not supported", "use has(x.y) ? x.y : other")

_N = TypeVar("_N", bound=nodes.Node)


def parse(source: str) -> nodes.Node:
    """The tree of one condition. Raises CelError."""
    parser = _Parser(source)
    tree = parser.expression()
    parser.expect("end")
    return tree


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = tokens_of(source)
        self._position = 0
        self._nesting = 0

    # --- tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _take(self) -> Token:
        token = self._tokens[self._position]
        self._position += 1
        return token

    def _accept(self, *kinds: str) -> Token | None:
        return self._take() if self._token.kind in kinds else None

    def expect(self, kind: str) -> Token:
        token = self._token
        if token.kind == kind:
            # The end is never stepped over, so that a look at the current token is always safe.
            return token if kind == "end" else self._take()
        if kind == "end":
            previous = self._tokens[self._position - 1]
            habit = WORD_OPERATORS.get(token.text) or WORD_OPERATORS.get(previous.text)
            raise self._error(token, f"unexpected {shown(token.text)}", habit)
        raise self._error(token, f"{kind!r} is missing before {_shown(token)}")

    def _error(self, token: Token, message: str, suggestion: str | None = None) -> CelError:
        return CelError.at(self._source, token.offset, message, suggestion)

    def _made(self, node: _N) -> _N:
        """Notes the node's depth. Raises CelError when it is too deep."""
        node.depth = 1 + max((child.depth for child in node.children()), default=0)
        if node.depth > NESTING_MAX:
            raise self._too_deep(node.offset)
        return node

    def _too_deep(self, offset: int) -> CelError:
        message = f"the condition is nested deeper than {NESTING_MAX} levels"
        return CelError.at(self._source, offset, message, "split it into several clauses or a segment")

    # --- grammar

    def expression(self) -> nodes.Node:
        self._nesting += 1
        if self._nesting > NESTING_MAX:
            raise self._too_deep(self._token.offset)
        node = self._logic("||")
        if mark := self._accept("?"):
            then = self._logic("||")
            self.expect(":")
            node = self._made(nodes.Ternary(node, then, self.expression(), offset=mark.offset))
        self._nesting -= 1
        return node

    def _logic(self, operator: str) -> nodes.Node:
        first = self._token
        terms = [self._logic("&&") if operator == "||" else self._binary(0)]
        while self._accept(operator):
            terms.append(self._logic("&&") if operator == "||" else self._binary(0))
        if len(terms) == 1:
            return terms[0]
        return self._made(nodes.Logic(operator, tuple(terms), offset=first.offset))

    def _binary(self, level: int) -> nodes.Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._binary(level + 1)
        while operator := self._accept(*_LEVELS[level]):
            right = self._binary(level + 1)
            node = self._made(nodes.Binary(operator.kind, node, right, offset=operator.offset))
        return node

    def _unary(self) -> nodes.Node:
        operators: list[Token] = []
        kind = self._token.kind
        if kind in ("!", "-"):
            while operator := self._accept(kind):
                operators.append(operator)
        if operators and operators[-1].kind == "-" and _is_number(self._token):
            operators.pop()
            self._tokens[self._position] = self._negated(self._token)
        node = self._member()
        for operator in reversed(operators):
            node = self._made(nodes.Unary(operator.kind, node, offset=operator.offset))
        return node

    def _negated(self, token: Token) -> Token:
        assert isinstance(token.value, int | float)
        return Token(token.kind, token.offset, f"-{token.text}", -token.value)

    def _member(self) -> nodes.Node:
        node = self._primary()
        while token := self._accept(".", "[", "{"):
            if token.kind == "{":
                raise self._error(token, "message types are not supported", "write a map: {'name': value}")
            if token.kind == "[":
                key = self.expression()
                self.expect("]")
                node = self._made(nodes.Index(node, key, offset=token.offset))
            else:
                node = self._dotted(node)
        return node

    def _dotted(self, operand: nodes.Node) -> nodes.Node:
        name = self._token
        if name.kind == "?":
            raise self._error(name, *_OPTIONAL)
        if name.kind not in ("name", "quoted_name"):
            raise self._error(name, f"a field name is missing before {_shown(name)}")
        self._take()
        if name.kind == "name" and self._accept("("):
            return self._call(name, operand, self._list_until(")"))
        return self._made(nodes.Select(operand, str(name.value), offset=name.offset))

    def _primary(self) -> nodes.Node:
        token = self._take() if self._token.kind != "end" else self._token
        match token.kind:
            case "literal":
                return self._literal(token)
            case "(":
                node = self.expression()
                self.expect(")")
                return node
            case "[":
                return self._made(
                    nodes.ListLiteral(self._list_until("]", comma_may_end=True), offset=token.offset)
                )
            case "{":
                return self._map_literal(token)
            case ".":
                return self._name(self.expect("name"))
            case "name":
                return self._name(token)
        if token.kind == "?":
            raise self._error(token, *_OPTIONAL)
        previous = self._tokens[max(self._position - 2, 0)]
        habit = "write != for 'is not'" if (previous.kind, token.kind) == ("<", ">") else None
        raise self._error(token, f"a value is missing before {_shown(token)}", habit)

    def _literal(self, token: Token) -> nodes.Node:
        if type(token.value) is int and token.value > INT_MAX:
            raise self._error(token, f"{token.text} is larger than the largest int", "write it with .0")
        return nodes.Literal(token.value, offset=token.offset)

    def _name(self, token: Token) -> nodes.Node:
        if token.text in RESERVED:
            raise self._error(token, f"{token.text!r} is a reserved word", WORD_OPERATORS.get(token.text))
        if self._accept("("):
            return self._call(token, None, self._list_until(")"))
        return nodes.Identifier(token.text, offset=token.offset)

    def _list_until(self, end: str, comma_may_end: bool = False) -> tuple[nodes.Node, ...]:
        items: list[nodes.Node] = []
        if self._accept(end):
            return ()
        while True:
            items.append(self.expression())
            if not self._accept(","):
                break
            if comma_may_end and self._token.kind == end:
                break
        self.expect(end)
        return tuple(items)

    def _map_literal(self, start: Token) -> nodes.Node:
        entries: list[tuple[nodes.Node, nodes.Node]] = []
        while self._token.kind != "}":
            key = self.expression()
            self.expect(":")
            entries.append((key, self.expression()))
            if not self._accept(","):
                break
        self.expect("}")
        return self._made(nodes.MapLiteral(tuple(entries), offset=start.offset))

    # --- macros

    def _call(self, name: Token, receiver: nodes.Node | None, arguments: Sequence[nodes.Node]) -> nodes.Node:
        if receiver is None and name.text == "has" and len(arguments) == 1:
            return self._has(name, arguments[0])
        if receiver is not None and len(arguments) in MACROS.get(name.text, ()):
            return self._comprehension(name, receiver, arguments)
        return self._made(nodes.Call(name.text, receiver, tuple(arguments), offset=name.offset))

    def _has(self, name: Token, argument: nodes.Node) -> nodes.Node:
        if not isinstance(argument, nodes.Select) or argument.test_only:
            raise self._error(name, "has() takes a field", "write it like has(event.properties.total)")
        argument.test_only = True
        return argument

    def _comprehension(
        self, name: Token, receiver: nodes.Node, arguments: Sequence[nodes.Node]
    ) -> nodes.Comprehension:
        variable, *where, body = arguments
        if not isinstance(variable, nodes.Identifier):
            message = f"the first argument of {name.text}() must be a simple name"
            raise CelError.at(
                self._source, variable.offset, message, f"write it like {name.text}(item, item > 1)"
            )
        return self._made(
            nodes.Comprehension(
                name.text, receiver, variable.name, where[0] if where else None, body, offset=name.offset
            )
        )


def _is_number(token: Token) -> bool:
    return token.kind == "literal" and type(token.value) in (int, float)


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else shown(token.text)
