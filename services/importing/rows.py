"""A row of a file, whatever its format: named values, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """`line` is the number of its first line, `raw` its text, `cells` its values by column."""

    line: int
    raw: str
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, and why."""

    line: int
    raw: str
    reason: str
