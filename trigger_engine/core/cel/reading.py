"""How generated code reads declared paths, such as `event.properties.total`: at most once, and when needed.

Without `access` the function takes a context, dicts inside dicts. With `access` it takes a scene: the longest
accessible path at the front of what is read is asked of its accessor, the rest are keys inside the answer. A
record that is used whole (`cart == x`) is made of its fields.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from trigger_engine.core.cel import nodes
from trigger_engine.core.cel.code import Value
from trigger_engine.core.cel.types import DYN, CelType

if TYPE_CHECKING:
    from trigger_engine.core.cel.generator import Generator

Accessor = Callable[[Any], object] | str
"""A function of the scene, or the dotted name of an attribute of the scene: `state.profile.country`."""

Access = Mapping[str, Accessor]
"""Declared paths (`cart.value`) to accessors. Written by us, never by the author of a condition."""

Path = tuple[str, ...]

SUBJECT: Final = "subject"
_ATTRIBUTES: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*", re.ASCII)


class Reader:
    """Writes the lines that read paths into one generated function."""

    def __init__(
        self,
        generator: "Generator",
        tree: nodes.Node,
        declarations: Mapping[str, CelType],
        access: Access | None,
    ) -> None:
        self.opening: list[str] = []
        """Lines for the beginning of the function: paths that may be needed twice."""
        self._generator = generator
        self._declarations = declarations
        self._access = (
            None if access is None else {tuple(path.split(".")): how for path, how in access.items()}
        )
        self._names: dict[Path, str] = {}
        self._uses: Counter[Path] = Counter()
        for path, times in _paths(tree, 1):
            self._count(path, times)

    def _count(self, path: Path, times: int) -> None:
        self._uses[path] += times
        if self._access is None or path in self._access:
            return
        owner = self._owner(path)
        for read in [owner] if owner else self._inside(path):
            self._uses[read] += times

    def path(self, path: Path, declared: CelType) -> Value:
        """The value at a path."""
        if self._uses[path] == 1:
            return self._read(path, declared)
        code = self._generator.code
        name = self._names.get(path)
        if name is None:
            name = self._names[path] = code.name("path")
            self.opening.append(f"{name} = UNREAD")
        with code.block(f"if {name} is UNREAD:"):
            value = self._read(path, declared)
            code.line(f"{name} = {value.text}")
        return Value(name, value.kind, or_null=value.or_null)

    def always_there(self, path: Path) -> bool:
        """Whether an accessor answers for this path, so that it is there whatever the scene."""
        return self._access is not None and path in self._access and not self._owner(path)

    def _read(self, path: Path, declared: CelType) -> Value:
        generator = self._generator
        if generator.motion is not None:
            generator.motion.note_read(generator, path)
        name = self._raw(path)
        return generator.adapted(name, declared, ".".join(path))

    def _raw(self, path: Path) -> str:
        code = self._generator.code
        if self._access is None:
            return self._keys(SUBJECT, path, ())
        accessor = self._access.get(path)
        if accessor is not None:
            name = code.name("v")
            code.line(f"{name} = {self._asked(accessor)}  # {'.'.join(path)}", fallible=True)
            return name
        owner = self._owner(path)
        if owner:
            return self._keys(self.path(owner, DYN).text, path[len(owner) :], owner)
        return self._whole(path)

    def _asked(self, accessor: Accessor) -> str:
        if isinstance(accessor, str):
            return f"{SUBJECT}.{accessor}"
        return f"{self._generator.code.bound('read', accessor)}({SUBJECT})"

    def _keys(self, start: str, keys: Path, owner: Path) -> str:
        """Plain look-ups; where one fails, `walk` goes again and says which."""
        code = self._generator.code
        name = code.name("v")
        with code.block("try:"):
            code.line(f"{name} = {start}{''.join(f'[{key!a}]' for key in keys)}")
        with code.block("except LOOKUP:"):
            places = ", ".join(map(ascii, keys))
            code.line(f"{name} = walk({start}, ({places},), {'.'.join(owner)!a})", fallible=True)
        return name

    def _owner(self, path: Path) -> Path:
        """The longest accessible path in front of this one; empty if there is none."""
        fronts = (path[:length] for length in range(len(path) - 1, 0, -1))
        return next((front for front in fronts if front in (self._access or ())), ())

    def _inside(self, path: Path) -> list[Path]:
        return [inner for inner in self._access or () if inner[: len(path)] == path]

    def _whole(self, path: Path) -> str:
        """A dict of all accessible fields of a record."""
        code = self._generator.code
        entries: dict[str, str] = {}
        for inner in self._inside(path):
            field = inner[len(path)]
            if field not in entries:
                below = (*path, field)
                entries[field] = self.path(below, declared_at(below, self._declarations)).text
        name = code.name("v")
        fields = ", ".join(f"{field!a}: {text}" for field, text in entries.items())
        code.line(f"{name} = {{{fields}}}")
        return name


def check_access(access: Access, declarations: Mapping[str, CelType]) -> None:
    """Raises ValueError, our own mistake, unless each declared variable can be read in full."""
    for path, accessor in access.items():
        if isinstance(accessor, str) and not _ATTRIBUTES.fullmatch(accessor):
            raise ValueError(f"the accessor of {path} is no dotted name of attributes: {accessor!r}")
        declared_at(tuple(path.split(".")), declarations)
    for name, declared in declarations.items():
        _check_readable((name,), declared, access)


def _check_readable(path: Path, declared: CelType, access: Access) -> None:
    if ".".join(path) in access:
        return
    if declared.kind != "record" or declared.nullable or not declared.fields:
        raise ValueError(f"there is no accessor for {'.'.join(path)}")
    for name, field in declared.fields:
        _check_readable((*path, name), field, access)


def declared_at(path: Path, declarations: Mapping[str, CelType]) -> CelType:
    """The declared type of a path of records. Raises ValueError if there is no such path."""
    declared = CelType("record", fields=tuple(declarations.items()))
    for name in path:
        found = dict(declared.fields).get(name)
        if found is None:
            raise ValueError(f"{'.'.join(path)} is not declared")
        declared = found
    return declared


def _paths(node: nodes.Node, times: int) -> Iterator[tuple[Path, int]]:
    """The paths that a tree reads; one inside a macro's body may be read more than once."""
    path = nodes.static_path(node)
    if path is not None:
        yield path, times
        return
    again = node.children()[1:] if isinstance(node, nodes.Comprehension) else ()
    for child in node.children():
        yield from _paths(child, 2 if any(child is one for one in again) else times)
