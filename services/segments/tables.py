"""A table in plain text: the first column as it is, numbers to the right."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> list[str]:
    """Lines of equal columns, two spaces apart; the columns `left` begin at their left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def share(number: int, of: int) -> str:
    """`12.5%`, or nothing of nobody."""
    return f"{100 * number / of:.1f}%" if of else ""
