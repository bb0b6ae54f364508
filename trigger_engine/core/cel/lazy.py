"""Chains of `&&` and `||`, choices and macros in generated code: lines that never raise.

`&&` and `||` are commutative over errors, as CEL specifies: one term that decides (false for `&&`, true for
`||`) wins over errors before and after it; a term that is no bool counts as an error. Terms run from left to
right and stop at the first that decides. `all` and `exists` are `&&` and `||` over all rounds. Each round of
a macro pays for its body in steps, so that nested macros over a large event end with an error.
"""

from typing import TYPE_CHECKING

from trigger_engine.core.cel import nodes
from trigger_engine.core.cel.code import Value

if TYPE_CHECKING:
    from trigger_engine.core.cel.generator import Generator

_LAZY = (nodes.Logic, nodes.Ternary, nodes.Comprehension)


def logic(generator: "Generator", node: nodes.Logic) -> Value:
    """One chain."""
    code, decisive = generator.code, node.operator == "||"
    out, error = code.name("t"), code.name("e")
    code.line(f"{out} = {not decisive}")
    code.line(f"{error} = None")
    for position, term in enumerate(node.terms):
        if position == 0:
            _term(generator, term, node.operator, out, error)
            continue
        undecided = f"if not {out}:" if decisive else f"if {out}:"
        with code.block(undecided):
            _term(generator, term, node.operator, out, error)
    with code.block(f"if {error} is not None and {out} is {not decisive}:"):
        code.line(f"{out} = {error}")
    return Value(out, "bool", may_fail=True)


def logic_returned(generator: "Generator", node: nodes.Logic) -> None:
    """One chain whose value is that of the whole function: it returns at the first term that decides."""
    code, decisive = generator.code, node.operator == "||"
    error = code.name("e")
    code.line(f"{error} = None")
    for term in node.terms:
        _returned_term(generator, term, node.operator, error)
    with code.block(f"if {error} is not None:"):
        code.line(f"raise again({error})")
    code.line(f"return {not decisive}")


def _returned_term(generator: "Generator", term: nodes.Node, operator: str, error: str) -> None:
    code, decisive = generator.code, operator == "||"

    def write() -> None:
        test = generator.strict(term)
        if test.kind != "bool":
            code.fallible = True
            test = Value(f"as_bool({test.text}, {operator!r})", "bool", atomic=False)
        with code.block(f"if {test.text}:" if decisive else f"if not {test.text}:"):
            code.line(f"return {decisive}")

    if not isinstance(term, _LAZY):
        generator.guarded(term, write, f"{error} = {error} or kept(raised)")
        return
    value = generator.lazy(term)
    with code.block(f"if {value.text} is {decisive}:"):
        code.line(f"return {decisive}")
    _note_error(generator, value, operator, error)


def _term(generator: "Generator", term: nodes.Node, operator: str, out: str, error: str) -> None:
    code, decisive = generator.code, operator == "||"

    def write() -> None:
        value = generator.strict(term)
        if value.kind == "bool":
            code.line(f"{out} = {value.text}")
        else:
            code.line(f"{out} = as_bool({value.text}, {operator!r})", fallible=True)

    if not isinstance(term, _LAZY):
        generator.guarded(term, write, f"{error} = {error} or kept(raised)")
        return
    value = generator.lazy(term)
    with code.block(f"if {value.text} is {decisive}:"):
        code.line(f"{out} = {decisive}")
    _note_error(generator, value, operator, error)


def _note_error(generator: "Generator", value: Value, wanted_by: str, error: str) -> None:
    """Keeps the first error of a chain; true and false are none."""
    with generator.code.block(f"elif {error} is None and type({value.text}) is not bool:"):
        generator.code.line(f"{error} = not_bool({wanted_by!r}, {value.text})")


def ternary(generator: "Generator", node: nodes.Ternary) -> Value:
    """A choice; what is not chosen does not run."""
    code = generator.code
    condition, out = generator.caught(node.condition), code.name("t")
    kinds = set()
    for word, answer, branch in (("if", True, node.then), ("elif", False, node.otherwise)):
        with code.block(f"{word} {condition.text} is {answer}:"):
            value = generator.caught(branch)
            code.line(f"{out} = {value.text}")
            kinds.add(value.kind)
    with code.block("else:"):
        code.line(f"{out} = not_bool('?', {condition.text})")
    return Value(out, kinds.pop() if len(kinds) == 1 else None, may_fail=True)


def comprehension(generator: "Generator", node: nodes.Comprehension, price: int) -> Value:
    """A macro: one loop over a list's items or a map's keys."""
    code = generator.code
    ranged, out, item = code.name("r"), code.name("t"), f"item{node.slot}"

    def write() -> None:
        value = generator.operand(node.range)
        code.line(f"{ranged} = elements({value.text}, {node.macro!r})", fallible=True)

    code.line(f"{ranged} = ()")
    code.line(f"{out} = {_START[node.macro]}")
    generator.guarded(node.range, write, f"{out} = kept(raised)")
    error = code.name("e")
    code.line(f"{error} = None")
    with code.block(f"for {item} in {ranged}:"):
        code.line(f"{generator.meter}[0] -= {price}")
        with code.block(f"if {generator.meter}[0] < 0:"):
            code.line("raise exhausted()")
        if node.macro in ("exists", "all"):
            _deciding_round(generator, node, out, error)
        else:
            _collecting_round(generator, node, out, item)
    if node.macro in ("exists", "all"):
        with code.block(f"if {error} is not None and {out} is {_START[node.macro]}:"):
            code.line(f"{out} = {error}")
    elif node.macro == "exists_one":
        with code.block(f"if type({out}) is int:"):
            code.line(f"{out} = {out} == 1")
    return Value(out, {"filter": "list", "map": "list"}.get(node.macro, "bool"), may_fail=True)


_START = {"exists": "False", "all": "True", "exists_one": "0", "filter": "[]", "map": "[]"}


def _deciding_round(generator: "Generator", node: nodes.Comprehension, out: str, error: str) -> None:
    code, decisive = generator.code, node.macro == "exists"
    value = generator.caught(node.body)
    with code.block(f"if {value.text} is {decisive}:"):
        code.line(f"{out} = {decisive}")
        code.line("break")
    _note_error(generator, value, node.macro, error)


def _collecting_round(generator: "Generator", node: nodes.Comprehension, out: str, item: str) -> None:
    """An error ends the loop; a test that is false ends the round."""
    code = generator.code
    test = node.body if node.where is None and node.macro != "map" else node.where
    if test is not None:
        tested = generator.caught(test)
        with code.block(f"if {tested.text} is False:"):
            code.line("continue")
        with code.block(f"if {tested.text} is not True:"):
            code.line(f"{out} = not_bool({node.macro!r}, {tested.text})")
            code.line("break")
    if node.macro == "exists_one":
        code.line(f"{out} += 1")
        return
    made = Value(item) if node.macro == "filter" else generator.caught(node.body)
    if made.may_fail:
        with code.block(f"if type({made.text}) is EvaluationError:"):
            code.line(f"{out} = {made.text}")
            code.line("break")
    code.line(f"{out}.append({made.text})")
