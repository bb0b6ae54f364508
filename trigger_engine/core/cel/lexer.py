"""Source text to tokens, as the lexis of the CEL specification has it.

One regular expression, every alternative of it linear in the text. Literals leave here as values. What people
write by habit from other languages (`=`, `and`, curly quotes) is answered with what to write instead.
"""

import re
from dataclasses import dataclass
from typing import Final
from unicodedata import category

from trigger_engine.core.cel.errors import CelError
from trigger_engine.core.cel.limits import SOURCE_CHARS_MAX
from trigger_engine.core.cel.refusals import cut
from trigger_engine.core.cel.values import INT_MAX, UINT_MAX, UInt


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is the operator itself, or one of: literal, name, quoted_name, end."""

    kind: str
    offset: int
    text: str
    value: object = None


_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\n\f\r]+|//[^\n]*)
  | (?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<uint>(?:0x[0-9a-fA-F]+|\d+)[uU])
  | (?P<int>0x[0-9a-fA-F]+|\d+)
  | (?P<string>[bB]?(?:
        (?P<triple>\"\"\"|''')(?P<long>(?:[^\\]|\\.)*?)(?P=triple)
      | (?P<quote>["'])(?P<short>(?:(?!(?P=quote))[^\\\n\r]|\\[^\n\r])*)(?P=quote) ))
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | `(?P<quoted_name>[A-Za-z0-9_.\-/ ]+)`
  | (?P<operator>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:,.()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_RAW_STRING: Final = re.compile(
    r"""[bB]?[rR](?:(?P<triple>\"\"\"|''')(?P<long>.*?)(?P=triple)|(?P<quote>["'])(?P<short>[^\n\r]*?)(?P=quote))""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\?\"'`])|[xX](?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})"
    r"|U(?P<U>[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2})|(?P<bad>.))",
    re.DOTALL,
)
_PLAIN_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_KEYWORD_VALUES: Final = {"true": True, "false": False, "null": None}
_HABITS: Final = {
    "=": "write == to compare",
    "&": "write && for 'and'",
    "|": "write || for 'or'",
    "\N{LEFT DOUBLE QUOTATION MARK}": "use straight quotes: '",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "use straight quotes: '",
    "\N{LEFT SINGLE QUOTATION MARK}": "use straight quotes: '",
    "\N{RIGHT SINGLE QUOTATION MARK}": "use straight quotes: '",
    "'": "close the quotation mark",
    '"': "close the quotation mark",
    ";": "one condition has no ';'",
    "#": "a comment begins with //",
    "$": "write the number alone",
    "\N{EURO SIGN}": "write the number alone",
    "\N{MINUS SIGN}": "write a hyphen: -",
    "\N{EN DASH}": "write a hyphen: -",
    "\N{GREATER-THAN OR EQUAL TO}": "write >=",
    "\N{LESS-THAN OR EQUAL TO}": "write <=",
    "\N{NOT EQUAL TO}": "write !=",
    "=>": "write >= for 'at least'",
    "=<": "write <= for 'at most'",
}
_UNSEEN: Final = "it cannot be seen; type the space there anew"


def tokens_of(source: str) -> list[Token]:
    """All tokens, the last of kind `end`. Raises CelError."""
    if len(source) > SOURCE_CHARS_MAX:
        raise CelError(
            f"the condition has {len(source)} characters, the limit is {SOURCE_CHARS_MAX}",
            suggestion="split it into several clauses or a segment",
        )
    tokens: list[Token] = []
    offset = 0
    while offset < len(source):
        # A raw string ends at the first quote, whatever stands before it, so it has a pattern of its own.
        match = _RAW_STRING.match(source, offset) or _TOKEN.match(source, offset)
        if match is None:
            character = source[offset]
            habit = _HABITS.get(source[offset : offset + 2]) or _HABITS.get(character)
            if category(character) in ("Cf", "Zs"):
                habit = _UNSEEN
            raise CelError.at(source, offset, f"unexpected {character!r}", habit)
        if match.re is _RAW_STRING or match.lastgroup != "space":
            tokens.append(_token(source, match))
        offset = match.end()
    tokens.append(Token("end", len(source), "the end"))
    return tokens


def _token(source: str, match: re.Match[str]) -> Token:
    offset, text = match.start(), match.group()
    if match.re is _RAW_STRING or match["string"] is not None:
        return Token("literal", offset, text, _string(source, match))
    if match["name"] is not None:
        if text in _KEYWORD_VALUES:
            return Token("literal", offset, text, _KEYWORD_VALUES[text])
        return Token("in" if text == "in" else "name", offset, text, text)
    if match["quoted_name"] is not None:
        return Token("quoted_name", offset, text, match["quoted_name"])
    if match["operator"] is not None:
        return Token(text, offset, text)
    return Token("literal", offset, text, _number(source, match))


def _number(source: str, match: re.Match[str]) -> object:
    text = match.group()
    if match["double"] is not None:
        return float(text)
    digits = text.rstrip("uU")
    value = int(digits, 16) if digits.startswith("0x") else int(digits)
    if match["uint"] is not None:
        if value > UINT_MAX:
            raise CelError.at(source, match.start(), f"{cut(text)} is larger than the largest uint")
        return UInt(value)
    # 2**63 may stand here: the parser admits it only behind a minus sign.
    if value > INT_MAX + 1:
        said = f"{cut(text)} is larger than the largest int"
        raise CelError.at(source, match.start(), said, "write it with .0")
    return value


def _string(source: str, match: re.Match[str]) -> str:
    if match.group()[0] in "bB":
        raise CelError.at(source, match.start(), "byte strings are not supported", "leave out the b prefix")
    part = "long" if match["triple"] is not None else "short"
    body = match[part]
    if match.re is _RAW_STRING or "\\" not in body:
        return body
    start = match.start(part)

    def unescaped(escape: re.Match[str]) -> str:
        if escape["plain"] is not None:
            return _PLAIN_ESCAPES.get(escape["plain"], escape["plain"])
        if escape["octal"] is not None:
            return chr(int(escape["octal"], 8))
        digits = escape["x"] or escape["u"] or escape["U"]
        code = int(digits, 16) if digits else -1
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            message = f"{escape.group()!r} is not an escape sequence"
            raise CelError.at(source, start + escape.start(), message, "write \\\\ for a backslash")
        return chr(code)

    return _ESCAPE.sub(unescaped, body)
