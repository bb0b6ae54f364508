"""Which column of a file fills which field: by the field's own name, or by what others call it.

Case, spaces and a `g:` in front (Google's feeds) don't matter. The field's own name goes before another name
of it, and these in their order, whatever the order of the columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from ingest.core.event_types import snake_case
from services.importing.lines import Unreadable


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column fills which field, and which fill none."""

    by_field: Mapping[str, str]
    ignored: tuple[str, ...]


class Names:
    """The names that fields have. `aliases`: other names of some; `needed`: fields that each file must have;
    `hint`: what else to say of a file that has not."""

    def __init__(
        self, fields: Sequence[str], aliases: Mapping[str, str], needed: Sequence[str], hint: str = ""
    ) -> None:
        self._targets = {**{name: name for name in fields}, **aliases}
        self._ranks = {name: rank for rank, name in enumerate(self._targets)}
        self._aliases = aliases
        self.needed = needed
        self._hint = hint
        self.columns_of = lru_cache(maxsize=64)(self._columns_of)
        """The columns by field, of a header or the names of one object."""

    def knows(self, name: str) -> bool:
        """Whether a column of this name fills a field."""
        return plain(name) in self._targets

    def check_header(self, names: tuple[str, ...]) -> None:
        """Raises Unreadable if nothing can come of these columns."""
        by_field = self.columns_of(names).by_field
        for field in self.needed:
            if field not in by_field:
                others = ", ".join(other for other, target in self._aliases.items() if target == field)
                raise Unreadable(
                    f"no column is named {field} (or {others}); "
                    f"the header has {', '.join(names)[:200] or 'none'}{self._hint}"
                )

    def suggestion_for(self, column: str) -> str | None:
        """What an ignored column's name may have been meant to be."""
        near = get_close_matches(plain(column), self._targets, n=1, cutoff=0.75)
        return near[0] if near and near[0] != plain(column) else None

    def _columns_of(self, names: tuple[str, ...]) -> Columns:
        by_field: dict[str, str] = {}
        for name in sorted(filter(self.knows, names), key=lambda each: self._ranks[plain(each)]):
            by_field.setdefault(self._targets[plain(name)], name)
        used = set(by_field.values())
        return Columns(by_field, tuple(name for name in names if name not in used))


@lru_cache(maxsize=1024)
def plain(name: str) -> str:
    """`g:image_link`, `Image Link` and `imageLink` as `image_link`."""
    return snake_case(name.strip().removeprefix("g:")[:200])
