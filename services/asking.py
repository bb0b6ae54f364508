"""Whether to go on, asked of whoever sits at the terminal."""

import sys

import click

from services.platform.errors import PlatformError


class NobodyThere(PlatformError):
    """A program runs us and has not said --yes."""


def somebody_is_there() -> bool:
    """Whether a person reads what we print and can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def agreed(question: str) -> bool:
    """Whether the person at the terminal says yes. Raises NobodyThere."""
    if not somebody_is_there():
        raise NobodyThere("nobody is there to be asked: look with --dry-run, then give --yes")
    return click.confirm(question)
