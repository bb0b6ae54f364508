"""What people write by habit or from CEL's extensions, and our answer: its name and what to write instead."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Final

NAME_SHOWN_MAX: Final = 60

HABITS: Final[Mapping[str, str]] = {
    "True": "write true",
    "False": "write false",
    "None": "write null",
    "nil": "write null",
    "undefined": "use has(x.y) to see whether y is there",
    "not": "write ! for 'not'",
    "len": "use size(x)",
    "length": "use size()",
    "count": "use size()",
    "includes": "use contains()",
    "any": "use exists(item, ...)",
    "some": "use exists(item, ...)",
    "every": "use all(item, ...)",
    "date": "use timestamp('2024-05-31T09:00:00Z')",
    "time": "use now",
    "today": "use now",
    "days": "use a duration in hours: duration('24h')",
    "customer": "use profile",
    "user": "use profile",
    "basket": "use cart",
    "purchases": "use orders",
}
"""Unknown names and functions."""

WORD_OPERATORS: Final[Mapping[str, str]] = {
    "and": "write && for 'and'",
    "or": "write || for 'or'",
    "not": "write ! for 'not'",
    "is": "write == for 'is'",
    "like": "use contains, startsWith or endsWith",
    "between": "write x >= 1 && x <= 5",
    "if": "write condition ? one : other",
    "else": "write condition ? one : other",
}
"""Words between operands."""

_BOTH_SPELLINGS: Final = "compare with both spellings, as in x in ['TR', 'tr']"
_COMPARE: Final = "use contains, startsWith, endsWith or =="
_WORK_ON_LISTS: Final = "use filter, map, exists, exists_one, all or size"

FUNCTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "matches": ("matches() is not supported", "use contains, startsWith or endsWith"),
    "bytes": ("byte strings are not supported", "compare the string itself"),
    "type": ("type() is not supported", "convert the value, as in int(x)"),
    **{
        name: (f"{name}() is of CEL's optional values, which are not supported", "use has(x.y) ? x.y : other")
        for name in (
            *("orValue", "hasValue", "optMap", "optFlatMap", "unwrapOpt", "optional", "unwrap"),
            *("optionalNone", "ofNonZeroValue"),
        )
    },
    **{
        name: (f"{name}() is of CEL's macros with two variables, which are not supported", _WORK_ON_LISTS)
        for name in ("transformList", "transformMap", "transformMapEntry", "existsOne")
    },
    **{
        name: (f"{name}() is of CEL's string extension, which is not supported", _COMPARE)
        for name in (
            *("charAt", "indexOf", "lastIndexOf", "join", "replace", "split", "substring", "trim"),
            *("format", "reverse", "quote"),
        )
    },
    **{
        name: (f"{name}() is not supported", _BOTH_SPELLINGS)
        for name in (
            *(
                "lowerAscii",
                "upperAscii",
                "lower",
                "upper",
                "toLowerCase",
                "toUpperCase",
                "toLower",
                "toUpper",
            ),
        )
    },
    **{
        name: (f"{name}() is of CEL's list extension, which is not supported", _WORK_ON_LISTS)
        for name in (
            "distinct",
            "flatten",
            "slice",
            "sort",
            "sortBy",
            "range",
            "first",
            "last",
            "sum",
            "min",
            "max",
        )
    },
    **{
        name: (f"{name}() is of CEL's network extension, which is not supported", _COMPARE)
        for name in ("ip", "cidr", "isIP", "url", "isURL")
    },
}
"""Functions of CEL and of its extensions that we leave out."""

NAMESPACES: Final[Mapping[str, str]] = {
    "math": "use + - * / % and ? :",
    "strings": _COMPARE,
    "lists": _WORK_ON_LISTS,
    "sets": "use x.all(item, item in y)",
    "base64": "compare the string itself",
    "cel": "write the expression out",
    "optional": "use has(x.y) ? x.y : other",
    "regex": "use contains, startsWith or endsWith",
    "proto": "write a map: {'name': value}",
    "google": "use timestamp('2024-05-31T09:00:00Z'), duration('1h') or the plain value",
    "net": _COMPARE,
}
"""First names of extensions, as in `math.greatest(1, 2)`, with what to do instead."""

TYPE_NAMES: Final = frozenset(
    {
        *("int", "uint", "double", "string", "bool", "bytes", "list", "map", "null_type", "type", "dyn"),
        *("timestamp", "duration"),
    }
)

_SPAN: Final = re.compile(r"(\d{1,6})([dw])")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?")


def suggested_constant(function: str, text: str) -> str | None:
    """What to write for a fixed duration or timestamp that cannot be read."""
    span, date = _SPAN.fullmatch(text), _DATE.fullmatch(text)
    if function == "duration" and span is not None:
        hours = int(span[1]) * (24 if span[2] == "d" else 168)
        return f"CEL durations end at hours: write duration('{hours}h')"
    if function == "timestamp" and date is not None:
        return f"say the time and the zone: timestamp('{text}{'T00:00:00'[len(text) - 10 :]}Z')"
    return None


_HOURS: Final[Mapping[str, int]] = {"h": 1, "d": 24, "w": 168}
_SIZES: Final = ("size", "length", "count", "len")
_OPEN: Final = ("traits", "properties")
"""Fields that hold whatever the shop sends."""


def unknown_name(name: str, known: Iterable[str]) -> str:
    """What to do about a name that nothing has."""
    in_quotes = f"known here: {', '.join(sorted(known))}; a text stands in quotes: {shown(name)}"
    return HABITS.get(name) or nearest(name, known) or in_quotes


def unknown_field(name: str, fields: Iterable[str], owner: str | None) -> str | None:
    """What to do about a field that a record lacks; `owner` is the record as the author wrote it."""
    near = nearest(name, fields)
    holder = next((each for each in _OPEN if each in fields), None)
    if near is None and holder is not None and owner is not None:
        return f"what the shop sends is in {owner}.{holder}: {owner}.{holder}.{name[:NAME_SHOWN_MAX]}"
    names = sorted(fields)
    return near or (f"it has {', '.join(names)}" if 0 < len(names) <= 8 else None)


def no_fields(kind: str, name: str) -> str | None:
    """What to do about a field of something that has none."""
    if kind == "timestamp":
        return "use getHours(), getDayOfWeek() and the like, as in now.getHours()"
    if kind == "list" and name not in _SIZES:
        return "use exists(item, ...) to look into it, or 'text' in x"
    return "use size(x)" if name in _SIZES else None


def after_number(number: str, found: str) -> str | None:
    """What to do about what follows a number: `90d`, `1,000`, `100 TRY`."""
    if found == ",":
        return "write a number without commas between its digits, as 1000 or 10.5"
    if found in _HOURS and number.isdigit() and len(number) <= 6:
        return f"a span of time is written duration('{int(number) * _HOURS[found]}h')"
    if found in ("m", "s"):
        return "a span of time is written duration('45m')"
    return "write the number alone" if found.isalpha() and found.lower() not in WORD_OPERATORS else None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, as a suggestion."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name[:NAME_SHOWN_MAX].lower(), by_lower, n=1)
    return f"did you mean {by_lower[close[0]]!r}?" if close else None


def shown(name: str) -> str:
    """A name of any length for a message."""
    return repr(cut(name))


def cut(text: str) -> str:
    """The beginning, if it is too long for a message."""
    return text if len(text) <= NAME_SHOWN_MAX else text[:NAME_SHOWN_MAX] + "…"
