"""The types a trigger file's variables are declared with, and when two of them agree.

DYN agrees with everything: what a shop sends in `event.properties` is known only at run time. A record is a
message-like object whose fields are known, so that a misspelt field is found when the file is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class CelType:
    """One type. Use the constants and the functions below rather than this constructor."""

    kind: str
    parameters: tuple["CelType", ...] = ()
    """list: (element,); map: (key, value)."""
    fields: tuple[tuple[str, "CelType"], ...] = ()
    """record only."""
    nullable: bool = False

    def __str__(self) -> str:
        if self.parameters:
            return f"{self.kind}({', '.join(map(str, self.parameters))})"
        return self.kind


INT = CelType("int")
UINT = CelType("uint")
DOUBLE = CelType("double")
STRING = CelType("string")
BOOL = CelType("bool")
TIMESTAMP = CelType("timestamp")
DURATION = CelType("duration")
NULL = CelType("null")
DYN = CelType("dyn")

NUMERIC_KINDS = frozenset({"int", "uint", "double"})
ORDERED_KINDS = NUMERIC_KINDS | {"string", "bool", "timestamp", "duration"}


def list_of(element: CelType) -> CelType:
    return CelType("list", (element,))


def map_of(value: CelType, key: CelType = STRING) -> CelType:
    """A map with unknown keys, as JSON objects are; the keys of JSON are strings."""
    return CelType("map", (key, value))


def record(fields: Mapping[str, CelType]) -> CelType:
    """A map whose fields are known: any other field is an error at load time."""
    return CelType("record", fields=tuple(fields.items()))


def nullable(of: CelType) -> CelType:
    """As `of`, but may be null, and may be compared with `null` (the wrapper types of CEL)."""
    return replace(of, nullable=True)


def agree(left: CelType, right: CelType) -> bool:
    """Whether a value can be of both types."""
    if left.kind == "dyn" or right.kind == "dyn":
        return True
    if left.kind == "null" or right.kind == "null":
        other = right if left.kind == "null" else left
        return other.kind == "null" or other.nullable
    if {left.kind, right.kind} == {"record", "map"}:
        mapping = left if left.kind == "map" else right
        return agree(mapping.parameters[0], STRING)
    return left.kind == right.kind and all(map(agree, left.parameters, right.parameters))


def both_numeric(left: CelType, right: CelType) -> bool:
    return left.kind in NUMERIC_KINDS and right.kind in NUMERIC_KINDS


def join(left: CelType, right: CelType) -> CelType:
    """The type of a value that may be either; DYN where they differ."""
    if left == right:
        return left
    if {left.kind, right.kind} == {"record", "map"} and agree(left, right):
        return map_of(DYN)
    if left.kind == right.kind and left.parameters:
        return CelType(left.kind, tuple(map(join, left.parameters, right.parameters)))
    if replace(left, nullable=False) == replace(right, nullable=False):
        return nullable(left)
    return DYN
