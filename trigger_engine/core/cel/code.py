"""The text of one generated function: its lines, its names and the constants that it is given.

Safety rule of the whole generator: what an author wrote never becomes part of the Python text other than as
`ascii()` of a string or `repr()` of a number. All names in it are made here, from a prefix and a number; all
other values are bound in the namespace. Every line is one operation on names, so nothing ever nests deeply.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any, Final

from trigger_engine.core.cel.values import Duration, Timestamp, UInt

_NO_CONSTANT: Final = object()
_WRITTEN: Final = (bool, int, type(None))


@dataclass(frozen=True, slots=True)
class Value:
    """What a line of the generated function can use."""

    text: str
    """A name or a literal; an expression if not `atomic`, to be used once and right away."""
    kind: str | None = None
    """The CEL kind that it surely has; None: only the value tells."""
    atomic: bool = True
    may_fail: bool = False
    """The name may hold an EvaluationError in place of a value."""
    or_null: str | None = None
    """The kind that it has unless it is null, if `kind` is None."""
    constant: object = _NO_CONSTANT

    @property
    def fixed(self) -> bool:
        """Whether the value is known now: it is `constant`."""
        return self.constant is not _NO_CONSTANT

    @property
    def milliseconds(self) -> str:
        """The number of a timestamp or a duration."""
        return str(self.constant.ms) if isinstance(self.constant, Timestamp | Duration) else f"{self.text}.ms"


class Code:
    """Collects the lines of the function `name(subject...)`."""

    def __init__(self, helpers: Mapping[str, object]) -> None:
        self.namespace: dict[str, Any] = {**helpers, "__builtins__": {}}
        self.fallible = False
        """Whether a line since the last `captured` may raise EvaluationError."""
        self._lines: list[str] = []
        self._indent = 1
        self._made = 0

    def line(self, text: str, *, fallible: bool = False) -> None:
        self._lines.append("    " * self._indent + text)
        self.fallible = self.fallible or fallible

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """The lines written inside stand in a block; an empty one gets `pass`."""
        self.line(head)
        self._indent += 1
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.line("pass")
        self._indent -= 1

    def name(self, prefix: str) -> str:
        """A name that nothing else in the function has."""
        self._made += 1
        return f"{prefix}{self._made}"

    def bound(self, prefix: str, value: object) -> str:
        """A new name for a value that the function is given."""
        name = self.name(prefix)
        self.namespace[name] = value
        return name

    def constant(self, value: object, kind: str | None) -> Value:
        """A value of the source: small plain ones are written out, others are bound."""
        if isinstance(value, str):
            text = ascii(value)
        elif type(value) in _WRITTEN or (type(value) is float and abs(value) < float("inf")):
            text = repr(value)
            text = f"({text})" if text.startswith("-") else text
        else:
            prefix = {Timestamp: "instant", Duration: "span", UInt: "unsigned"}.get(type(value), "fixed")
            text = self.bound(prefix, value)
        return Value(text, kind, constant=value)

    def assigned(self, value: Value, prefix: str = "v") -> Value:
        """The value under a name, so that it can be used more than once."""
        if value.atomic:
            return value
        name = self.name(prefix)
        self.line(f"{name} = {value.text}")
        return Value(name, value.kind, may_fail=value.may_fail, or_null=value.or_null)

    def named(self, value: Value) -> Value:
        """The value under a name even if it is a literal: Python warns of `1 is None` and `True['a']`."""
        return self.assigned(replace(value, atomic=False)) if value.fixed else self.assigned(value)

    def guarded(self, write: Callable[[], None], when_raised: str) -> None:
        """Writes lines that may raise; if they can, under a `try` whose handler is `when_raised`."""
        outer, self._lines = self._lines, []
        fallible, self.fallible = self.fallible, False
        self._indent += 1
        write()
        self._indent -= 1
        body, raises = self._lines, self.fallible
        self._lines, self.fallible = outer, fallible
        if not raises:
            self._lines += [text[4:] for text in body]
            return
        self.line("try:")
        self._lines += body
        self.line("except EvaluationError as raised:")
        self._lines.append("    " * (self._indent + 1) + when_raised)

    def source(self, signature: str, opening: list[str]) -> str:
        """The whole function, `opening` being lines that come first."""
        return "\n".join([signature, *(f"    {text}" for text in opening), *self._lines, ""])


def load(source: str, name: str, namespace: dict[str, Any]) -> Callable[..., Any]:
    """The function of a generated source, which can reach nothing but the namespace."""
    compiled: CodeType = compile(source, "<condition>", "exec", dont_inherit=True)
    exec(compiled, namespace)  # noqa: S102  # our own text, see the module's rule
    function: Callable[..., Any] = namespace[name]
    return function
