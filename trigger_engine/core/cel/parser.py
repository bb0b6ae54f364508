"""Source text to a syntax tree: Lark's LALR parser over `grammar`, with nodes made as it goes.

The parser keeps its own stack, so no source, however nested, reaches Python's recursion limit; brackets and
the tree that results are still bounded. Macros become nodes here, as in the specification. What cannot be
parsed is answered with what is missing, and where.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Final, TypeVar

from lark import Lark, Transformer, UnexpectedToken, v_args
from lark import Token as LarkToken
from lark.common import LexerConf
from lark.lexer import Lexer

from trigger_engine.core.cel import nodes
from trigger_engine.core.cel.errors import CelError
from trigger_engine.core.cel.grammar import GRAMMAR
from trigger_engine.core.cel.lexer import Token, tokens_of
from trigger_engine.core.cel.limits import NESTING_MAX
from trigger_engine.core.cel.refusals import WORD_OPERATORS, after_number, shown
from trigger_engine.core.cel.values import INT_MAX

MACROS: Final = {"all": (2,), "exists": (2,), "exists_one": (2,), "filter": (2,), "map": (2, 3)}
RESERVED: Final = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import"),
        *("let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
_TERMINALS: Final = dict(
    pair.split()
    for pair in (
        *("literal LITERAL", "name NAME", "quoted_name QUOTED_NAME", "in IN", "? QUESTION", ": _COLON"),
        *("|| _OR", "&& _AND", "! NOT", "+ PLUS", "- MINUS", "* STAR", "/ SLASH", "% PERCENT"),
        *("< LESS", "<= LESS_EQUAL", "> GREATER", ">= GREATER_EQUAL", "== EQUAL", "!= NOT_EQUAL"),
        *(". _DOT", ", _COMMA", "( _OPEN", ") _CLOSE", "[ BRACKET", "] _END_BRACKET"),
        *("{ BRACE", "} _END_BRACE"),
    )
)
"""Kinds of tokens, by the names that they have in the grammar."""
_CLOSING: Final = {"_CLOSE": ")", "_END_BRACKET": "]", "_END_BRACE": "}", "_COLON": ":"}
_OPERAND_ENDS: Final = frozenset({"literal", "name", "quoted_name", ")", "]", "}"})

_N = TypeVar("_N", bound=nodes.Node)


class _Refused(Exception):
    """A CelError whose place is still an offset."""

    def __init__(self, offset: int, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message
        self.suggestion = suggestion


class _Lexeme(LarkToken):
    """A token of ours as Lark's parser takes it."""

    token: Token


def parse(source: str) -> nodes.Node:
    """The tree of one condition. Raises CelError."""
    try:
        tree: nodes.Node = _parser().parse(source)  # type: ignore[assignment]  # what the transformer makes of it
    except _Refused as refused:
        raise CelError.at(source, refused.offset, refused.message, refused.suggestion) from None
    except UnexpectedToken as unexpected:
        offset, message, suggestion = _explained(unexpected, source)
        raise CelError.at(source, offset, message, suggestion) from None
    return tree


@cache
def _parser() -> Lark:
    return Lark(
        GRAMMAR, parser="lalr", lexer=_Lexer, transformer=_Builder(), maybe_placeholders=False, strict=True
    )


class _Lexer(Lexer):
    def __init__(self, lexer_conf: LexerConf) -> None:
        pass

    def lex(self, data: str) -> Iterator[LarkToken]:  # type: ignore[override]  # Lark's form for lexers of one's own
        for token in _within_brackets(_signed(tokens_of(data))):
            if token.kind != "end":
                lexeme = _Lexeme(_TERMINALS[token.kind], token.text, token.offset)
                lexeme.token = token
                yield lexeme


def _signed(tokens: Sequence[Token]) -> Iterator[Token]:
    """A minus sign that subtracts nothing belongs to the number behind it."""
    previous = ""
    minus: Token | None = None
    for token in tokens:
        if minus is not None:
            if token.kind == "literal" and type(token.value) in (int, float):
                assert isinstance(token.value, int | float)
                yield Token("literal", minus.offset, f"-{token.text}", -token.value)
                minus, previous = None, "literal"
                continue
            yield minus
            minus = None
        if token.kind == "-" and previous not in _OPERAND_ENDS:
            minus = token
        else:
            yield token
        previous = token.kind


def _within_brackets(tokens: Iterator[Token]) -> Iterator[Token]:
    """Raises _Refused where brackets are nested too deeply, open ones included."""
    depth = 0
    for token in tokens:
        depth += (token.kind in ("(", "[", "{")) - (token.kind in (")", "]", "}"))
        if depth > NESTING_MAX:
            raise _too_deep(token.offset)
        yield token


def _too_deep(offset: int) -> _Refused:
    message = f"the condition is nested deeper than {NESTING_MAX} levels"
    return _Refused(offset, message, "split it into several clauses or a segment")


def _made(node: _N) -> _N:
    """Notes the node's depth. Raises _Refused when it is too deep."""
    node.depth = 1 + max((child.depth for child in node.children()), default=0)
    if node.depth > NESTING_MAX:
        raise _too_deep(node.offset)
    return node


@v_args(inline=True)
class _Builder(Transformer[LarkToken, nodes.Node]):
    """Makes a node of each rule of the grammar."""

    def start(self, tree: nodes.Node) -> nodes.Node:
        return tree

    def ternary(
        self, condition: nodes.Node, mark: _Lexeme, then: nodes.Node, other: nodes.Node
    ) -> nodes.Node:
        return _made(nodes.Ternary(condition, then, other, offset=mark.token.offset))

    def any_of(self, *terms: nodes.Node) -> nodes.Node:
        return _made(nodes.Logic("||", terms, offset=terms[0].offset))

    def all_of(self, *terms: nodes.Node) -> nodes.Node:
        return _made(nodes.Logic("&&", terms, offset=terms[0].offset))

    def binary(self, left: nodes.Node, operator: _Lexeme, right: nodes.Node) -> nodes.Node:
        return _made(nodes.Binary(operator.token.kind, left, right, offset=operator.token.offset))

    def unary(self, *parts: Any) -> nodes.Node:
        *operators, node = parts
        for operator in reversed(operators):
            node = _made(nodes.Unary(operator.token.kind, node, offset=operator.token.offset))
        made: nodes.Node = node
        return made

    def literal(self, lexeme: _Lexeme) -> nodes.Node:
        value = lexeme.token.value
        if type(value) is int and value > INT_MAX:
            message = f"{shown(lexeme.token.text)} is larger than the largest int"
            raise _Refused(lexeme.token.offset, message, "write it with .0")
        return nodes.Literal(value, offset=lexeme.token.offset)

    def name(self, lexeme: _Lexeme) -> nodes.Node:
        _check_reserved(lexeme)
        return nodes.Identifier(lexeme.token.text, offset=lexeme.token.offset)

    def select(self, operand: nodes.Node, name: _Lexeme) -> nodes.Node:
        return _made(nodes.Select(operand, str(name.token.value), offset=name.token.offset))

    def index(self, operand: nodes.Node, bracket: _Lexeme, key: nodes.Node) -> nodes.Node:
        return _made(nodes.Index(operand, key, offset=bracket.token.offset))

    def entry(self, key: nodes.Node, value: nodes.Node) -> tuple[nodes.Node, nodes.Node]:
        return key, value

    def list_literal(self, bracket: _Lexeme, *items: nodes.Node) -> nodes.Node:
        return _made(nodes.ListLiteral(items, offset=bracket.token.offset))

    def map_literal(self, brace: _Lexeme, *entries: tuple[nodes.Node, nodes.Node]) -> nodes.Node:
        return _made(nodes.MapLiteral(entries, offset=brace.token.offset))

    def function(self, name: _Lexeme, *arguments: nodes.Node) -> nodes.Node:
        _check_reserved(name)
        if name.token.text == "has":
            return _has(name, arguments)
        return _made(nodes.Call(name.token.text, None, arguments, offset=name.token.offset))

    def method(self, receiver: nodes.Node, name: _Lexeme, *arguments: nodes.Node) -> nodes.Node:
        if len(arguments) in MACROS.get(name.token.text, ()):
            return _comprehension(name, receiver, arguments)
        return _made(nodes.Call(name.token.text, receiver, arguments, offset=name.token.offset))


def _check_reserved(name: _Lexeme) -> None:
    if name.token.text in RESERVED:
        message = f"{name.token.text!r} is a reserved word"
        raise _Refused(name.token.offset, message, WORD_OPERATORS.get(name.token.text))


def _has(name: _Lexeme, arguments: Sequence[nodes.Node]) -> nodes.Node:
    argument = arguments[0] if len(arguments) == 1 else None
    if not isinstance(argument, nodes.Select) or argument.test_only:
        suggestion = "write it like has(event.properties.total)"
        raise _Refused(name.token.offset, "has() takes a field", suggestion)
    argument.test_only = True
    return argument


def _comprehension(name: _Lexeme, receiver: nodes.Node, arguments: Sequence[nodes.Node]) -> nodes.Node:
    variable, *where, body = arguments
    macro, offset = name.token.text, name.token.offset
    if not isinstance(variable, nodes.Identifier):
        message = f"the first argument of {macro}() must be a simple name"
        raise _Refused(variable.offset, message, f"write it like {macro}(item, item > 1)")
    where_node = where[0] if where else None
    return _made(nodes.Comprehension(macro, receiver, variable.name, where_node, body, offset=offset))


# --- what is wrong


def _explained(unexpected: UnexpectedToken, source: str) -> tuple[int, str, str | None]:
    """What is missing before the token that does not fit, from what would have fitted."""
    found, fitting = unexpected.token, unexpected.accepts or set()
    token = found.token if isinstance(found, _Lexeme) else Token("end", len(source), "the end")
    before = [earlier for earlier in tokens_of(source) if earlier.offset < token.offset]
    previous = before[-1].text if before else ""
    if token.kind == "?":
        return token.offset, "optional values (?) are not supported", "use has(x.y) ? x.y : other"
    if token.kind == "{" and "LITERAL" not in fitting:
        suggestion = "write a map: {'name': value}"
        return token.offset, "message types are not supported", suggestion
    where = "the end" if token.kind == "end" else shown(token.text)
    if "LITERAL" in fitting:
        habit = "write != for 'is not'" if (previous, token.kind) == ("<", ">") else None
        if previous == "%":
            habit = "% gives the rest of a division; write the number alone"
        return token.offset, f"a value is missing before {where}", habit
    if "NAME" in fitting:
        return token.offset, f"a field name is missing before {where}", None
    missing = [text for name, text in _CLOSING.items() if name in fitting]
    if missing:
        in_round = ("in", "(") in pairwise(earlier.text for earlier in before) and token.kind == ","
        return (
            token.offset,
            f"{missing[0]!r} is missing before {where}",
            "a list stands in square brackets: ['TR', 'DE']" if in_round else None,
        )
    habit = WORD_OPERATORS.get(token.text.lower()) or WORD_OPERATORS.get(previous)
    if habit is None and previous[:1].isdigit():
        habit = after_number(previous, token.text)
    return token.offset, f"unexpected {where}", habit
