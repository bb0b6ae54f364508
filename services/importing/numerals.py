"""Numbers as people and feeds write them: `12.50 TRY`, `1.234,56`, `EUR 12`.

A text that can be read in two ways is refused: `1,234` taken for 1.234 would be a price drop that
never was, and a mail about it.
"""

import re
from typing import Literal, TypeAlias

Decimal: TypeAlias = Literal["auto", "point", "comma"]
"""Which mark stands before decimals; `auto` takes what can be meant in one way only."""

_GROUPING = ".,'’ \u00a0\u202f"  # noqa: RUF001 - what Swiss prices are grouped by


def _form(mark: str) -> re.Pattern[str]:
    group = f"(?P<group>[{_GROUPING.replace(mark, '')}])"
    grouped = f"[1-9][0-9]{{0,2}}{group}[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*"
    return re.compile(rf"(?P<whole>[0-9]+|{grouped})(?:[{mark}](?P<rest>[0-9]+))?")


_FORMS: dict[Decimal, tuple[re.Pattern[str], ...]] = {
    "auto": (_form("."), _form(",")),
    "point": (_form("."),),
    "comma": (_form(","),),
}
_PRICE = re.compile(r"(?:([A-Za-z]{3})\s*)?(\d.*?)(?:\s*([A-Za-z]{3}))?")
_WHOLE = re.compile(r"-?\d{1,18}(?=(?:\.0)?\Z)")


def read_price(text: str, decimal: Decimal = "auto") -> tuple[float, str | None]:
    """A price and the currency beside it, if there is one. Raises ValueError."""
    match = _PRICE.fullmatch(text.strip())
    if match is None or (match[1] and match[3]):
        raise ValueError(f"{text[:40]!r} is no price: write it as 12.50 or 12.50 TRY")
    currency = match[1] or match[3]
    return read_number(match[2], decimal), currency.upper() if currency else None


def read_number(text: str, decimal: Decimal = "auto") -> float:
    """A number from 0. Raises ValueError, also if the text can be read in two ways."""
    found = {_value(match) for form in _FORMS[decimal] if (match := form.fullmatch(text)) is not None}
    if not found:
        mark = "" if decimal == "auto" else f" with a decimal {decimal}"
        raise ValueError(f"{text[:40]!r} is no number{mark}: write it as 1234.50")
    if len(found) > 1:
        low, high = sorted(found)
        raise ValueError(f"{text[:40]!r} can be {low:g} or {high:g}: say --decimal point or --decimal comma")
    return found.pop()


def read_whole(text: str) -> int:
    """A whole number; spreadsheets may write `5.0`. Raises ValueError."""
    match = _WHOLE.match(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is no whole number")
    return int(match[0])


def _value(match: re.Match[str]) -> float:
    whole = match["whole"] if match["group"] is None else match["whole"].replace(match["group"], "")
    return float(f"{whole}.{match['rest'] or 0}")
