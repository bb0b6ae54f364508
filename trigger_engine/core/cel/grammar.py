"""The grammar of the language, as the CEL specification has it, for the LALR parser of Lark.

Tokens come from `lexer`; a name in capitals is a kind of token (`parser` says which). A number behind a minus
sign that subtracts nothing is one token. Messages, `x{field: 1}`, are left out.
"""

from typing import Final

GRAMMAR: Final = """
start: expr

?expr: or_ | or_ QUESTION or_ _COLON expr -> ternary
?or_: and_ | and_ (_OR and_)+ -> any_of
?and_: relation | relation (_AND relation)+ -> all_of
?relation: sum_ | relation _relop sum_ -> binary
_relop: LESS | LESS_EQUAL | GREATER_EQUAL | GREATER | EQUAL | NOT_EQUAL | IN
?sum_: product | sum_ (PLUS | MINUS) product -> binary
?product: unary_ | product (STAR | SLASH | PERCENT) unary_ -> binary
?unary_: member | NOT+ member -> unary | MINUS+ member -> unary

?member: primary
    | member _DOT (NAME | QUOTED_NAME) -> select
    | member _DOT NAME _OPEN [_list] _CLOSE -> method
    | member BRACKET expr _END_BRACKET -> index

?primary: LITERAL -> literal
    | [_DOT] NAME -> name
    | [_DOT] NAME _OPEN [_list] _CLOSE -> function
    | _OPEN expr _CLOSE
    | BRACKET [_list [_COMMA]] _END_BRACKET -> list_literal
    | BRACE [_entries [_COMMA]] _END_BRACE -> map_literal

_list: expr | _list _COMMA expr
_entries: entry | _entries _COMMA entry
entry: expr _COLON expr

%declare LITERAL NAME QUOTED_NAME QUESTION _COLON _OR _AND NOT PLUS MINUS STAR SLASH PERCENT
%declare LESS LESS_EQUAL GREATER_EQUAL GREATER EQUAL NOT_EQUAL IN
%declare _DOT _COMMA _OPEN _CLOSE BRACKET _END_BRACKET BRACE _END_BRACE
"""
