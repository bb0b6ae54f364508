"""What a file can hold, for the import to know: the names of its columns, and what a row becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.importing.columns import Names


class Unusable(ValueError):
    """Nothing can be made of the row; the message says why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of item. `noun` is what many of them are called.

    `item_of` makes one of a row's values, as the API at `path` takes it, or raises Unusable. A request
    holds at most `batch_rows` of them, with `opening` and `closing` around.
    """

    noun: str
    path: str
    names: Names
    item_of: Callable[[Mapping[str, Any]], Any]
    batch_rows: int = 500
    opening: bytes = b"["
    closing: bytes = b"]"
