"""What trigger files hold: conditions and values, compiled once and evaluated for every event."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from trigger_engine.core.cel import flips, nodes
from trigger_engine.core.cel.checker import check
from trigger_engine.core.cel.code import load
from trigger_engine.core.cel.errors import CelError, EvaluationError
from trigger_engine.core.cel.generator import PYTHON_TYPES, Generator
from trigger_engine.core.cel.lazy import logic_returned
from trigger_engine.core.cel.motion import NOTES, Motion, Moving, check_moving
from trigger_engine.core.cel.parser import parse
from trigger_engine.core.cel.reading import SUBJECT, Access, check_access, declared_at
from trigger_engine.core.cel.types import BOOL, CelType, agree

_Noting = Callable[[Any, flips.Notes], None]


class Expression:
    """A compiled expression of any type. Holds no state: one may serve all customers."""

    __slots__ = ("_noting", "evaluate", "python", "references", "source", "type")

    def __init__(
        self,
        source: str,
        type: CelType,
        references: frozenset[str],
        python: str,
        evaluate: Callable[[Any], Any],
        noting: _Noting | None,
    ) -> None:
        self.source = source
        self.type = type
        self.references = references
        """The dotted paths that it reads, such as `cart.value`; a prefix where the rest is not fixed."""
        self.python = python
        """The source of the function that `evaluate` is, for people who want to see it."""
        self.evaluate = evaluate
        """The value for a context, or for a scene if compiled with `access`. Raises EvaluationError."""
        self._noting = noting

    def next_flip(self, subject: Any, now: int) -> int | None:
        """The earliest instant (epoch ms) after `now` at which time alone may change the value.

        `subject` is what `evaluate` takes, its `now` being the given one. None: time alone changes nothing.
        The value may turn out the same at that instant, but it never changes before. Errors count as a value.
        Raises ValueError if compiled without `moving`.
        """
        if self._noting is None:
            raise ValueError("next_flip() needs an expression that was compiled with `moving`")
        notes = flips.Notes(now)
        # When it runs out of steps, it does so again until one of the instants noted so far.
        with suppress(EvaluationError):
            self._noting(subject, notes)
        return None if notes.after_ms is None else now + notes.after_ms

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"


class Condition(Expression):
    """A compiled expression that is true or false; anything else that it turns out to be is an error."""

    __slots__ = ()

    evaluate: Callable[[Any], bool]

    @property
    def holds(self) -> Callable[[Any], bool]:
        """`evaluate` by the name that reads well with a scene: `condition.holds(scene)`."""
        return self.evaluate


def compile_value(
    source: str,
    declarations: Mapping[str, CelType],
    access: Access | None = None,
    moving: Moving | None = None,
) -> Expression:
    """An expression of any type, for `once_per` and the like. Arguments and errors as `compile_condition`."""
    tree = _checked(source, declarations)
    return Expression(*_compiled(source, tree, declarations, access, moving, condition=False))


def compile_condition(
    source: str,
    declarations: Mapping[str, CelType],
    access: Access | None = None,
    moving: Moving | None = None,
) -> Condition:
    """An expression whose result is a bool, or may be one.

    With `access` it is evaluated on a scene, else on a context of dicts. With `moving`, which may be empty,
    it has a `next_flip`. Raises CelError; ValueError if `access` or `moving` do not fit the declarations.
    """
    tree = _checked(source, declarations)
    if not agree(tree.type, BOOL):
        suggestion = "compare it with something, as in x > 0"
        raise CelError(f"a condition must be true or false, this is {tree.type}", 1, 1, suggestion)
    return Condition(*_compiled(source, tree, declarations, access, moving, condition=True))


def _checked(source: str, declarations: Mapping[str, CelType]) -> nodes.Node:
    tree = parse(source)
    check(source, tree, declarations)
    return tree


def _compiled(
    source: str,
    tree: nodes.Node,
    declarations: Mapping[str, CelType],
    access: Access | None,
    moving: Moving | None,
    *,
    condition: bool,
) -> tuple[str, CelType, frozenset[str], str, Callable[[Any], Any], _Noting | None]:
    if access is not None:
        check_access(access, declarations)
    noting: _Noting | None = None
    if moving is not None:
        declared = {path: declared_at(tuple(path.split(".")), declarations) for path in moving}
        check_moving(moving, declared)
        noting = _noted(Generator(tree, declarations, access, Motion(source, tree, moving)), tree)
    python, evaluate = _evaluated(Generator(tree, declarations, access), tree, condition)
    return source, tree.type, frozenset(nodes.references(tree)), python, evaluate, noting


def _evaluated(generator: Generator, tree: nodes.Node, condition: bool) -> tuple[str, Callable[[Any], Any]]:
    """The function that returns the value of the tree."""
    if isinstance(tree, nodes.Logic):
        logic_returned(generator, tree)
    else:
        value = generator.strict(tree)
        sure = value.kind == "bool" if condition else value.kind in PYTHON_TYPES
        judged = "answered" if condition else "bounded"
        generator.code.line(f"return {value.text}" if sure else f"return {judged}({value.text})")
    name = "condition" if condition else "value"
    python = generator.source(name, [SUBJECT])
    return python, load(python, name, generator.code.namespace)


def _noted(generator: Generator, tree: nodes.Node) -> _Noting:
    """The twin that runs in the same way and notes what may change."""
    generator.code.namespace.update(flips.HELPERS)
    generator.caught(tree)
    python = generator.source("noting", [SUBJECT, NOTES])
    return load(python, "noting", generator.code.namespace)
