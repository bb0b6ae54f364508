"""What is wrong with a definition, and the collector that every reader of a field reports to.

Readers never raise: they say what is wrong and give something of the right kind back, so that one pass
finds every problem. What they give back is to be used only if nothing was said.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from unicodedata import category
from unicodedata import name as name_of

Path = tuple[str | int, ...]
"""Where in the definition: keys and list positions."""

SHOWN_MAX = 60
UNKNOWN_FIELDS_MAX = 20
"""So many are named one by one; a file with more of them is something else than a trigger."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition. `suggestion` is a clause such as "did you mean 'unless'?"."""

    path: Path
    message: str
    suggestion: str | None = None
    about_key: bool = False
    """The problem is the name itself, not what it holds."""
    offset: int | None = None
    """For an expression: the character of its text that is wrong, counted from 0."""

    @property
    def is_slip(self) -> bool:
        """A known name was meant: what else seems to be missing is not worth saying."""
        return self.suggestion is not None and self.suggestion.startswith("did you mean")

    @property
    def field(self) -> str:
        """The path as people write it: `steps[0].mail`. Empty for the whole."""
        return field_of(self.path)


def field_of(path: Path) -> str:
    """`steps[0].mail`. What cannot be seen in a name is written as its code."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{_plain(part)}" if text else _plain(part)
    return text


def _plain(name: str) -> str:
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in cut(name))


def cut(text: str) -> str:
    """The beginning, if it is too long for a message."""
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A clause that offers the known name most like this one, if there is one."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower()[:100], by_lower, n=1)
    return f"did you mean {by_lower[near[0]]!r}?" if near else None


def shown(value: object) -> str:
    """A value in a message: short, in quotes if it is text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a group of fields"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return cut(text)


def out_of_place(text: str) -> str | None:
    """What to do about a character that nobody sees, or that looks like a Latin letter; None: nothing.

    Copied text brings them along: spaces that do not break, joiners, Cyrillic letters that look Latin.
    """
    for position, character in enumerate(text):
        kind = category(character)
        code = f"U+{ord(character):04X}"
        if kind == "Cf" or (kind == "Zs" and character != " "):
            return f"character {position + 1} cannot be seen ({code}); type it anew"
        if kind[0] == "L" and name_of(character, "").startswith(("CYRILLIC", "GREEK")):
            return f"{character!r} is no Latin letter ({code}); type it anew"
    return None


class Check:
    """Collects the problems of one definition.

    `written`: it comes from a file that a person wrote, where `10` is not taken for ten basis points; in
    a normal form it is.
    """

    def __init__(self, *, written: bool = False) -> None:
        self.problems: list[Problem] = []
        self.written = written

    def say(self, path: Path, message: str, suggestion: str | None = None) -> None:
        """Something is wrong with what stands at `path`."""
        self.problems.append(Problem(path, message, suggestion))

    def say_key(self, path: Path, message: str, suggestion: str | None = None) -> None:
        """Something is wrong with the name at the end of `path`."""
        self.problems.append(Problem(path, message, suggestion, about_key=True))

    def names(self, path: Path, data: Mapping[Any, Any], known: Iterable[str]) -> None:
        """Every field must be one of the known ones."""
        known = tuple(known)
        unknown = [str(name) for name in data if name not in known]
        for name in unknown[:UNKNOWN_FIELDS_MAX]:
            said = nearest(name, known) or f"known here: {', '.join(known)}"
            if name.startswith(("\N{EN DASH} ", "\N{EM DASH} ")):
                said = "begin the step with a hyphen: -"
            self.say_key((*path, name), f"unknown field {shown(name)}", out_of_place(name) or said)
        if len(unknown) > UNKNOWN_FIELDS_MAX:
            more = f"{len(unknown) - UNKNOWN_FIELDS_MAX} more fields are unknown"
            self.say_key((*path, unknown[UNKNOWN_FIELDS_MAX]), more, "look whether this is the right file")

    def fields(
        self, path: Path, value: object, known: Iterable[str], required: Iterable[str], example: str
    ) -> Mapping[str, Any] | None:
        """A group of fields, or None if it is none; names and missing ones are reported."""
        if not isinstance(value, Mapping):
            self.say(path, f"{shown(value)} stands where a group of fields belongs", f"write {example}")
            return None
        self.names(path, value, known)
        for name in required:
            if name not in value:
                self.say(path, f"the field {name!r} is missing", f"write {example}")
        return value
