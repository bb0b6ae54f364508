"""Markdown as the tests of documents read it: code spans, code blocks, links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.tidy.repository import FOREIGN, text, tracked

_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, empty if none is given, and its lines."""

    language: str
    lines: tuple[str, ...]


def documents() -> list[str]:
    return [name for name in tracked() if name.endswith(".md") and not name.startswith(FOREIGN)]


def blocks(content: str) -> list[Block]:
    return [Block(match[1], tuple(match[2].splitlines())) for match in _FENCE.finditer(content)]


def spans(content: str) -> list[str]:
    """`Inline code`, outside of blocks."""
    return [" ".join(match[2].split()) for match in _SPAN.finditer(_FENCE.sub("", content))]


def links(content: str) -> list[str]:
    """Targets of links to other files, without their anchor."""
    targets = (match[1] for match in _LINK.finditer(_FENCE.sub("", content)))
    return [target.split("#")[0] for target in targets if "://" not in target and target[0] != "#"]


def code(name: str) -> Iterator[str]:
    """Every span and every line of a block."""
    content = text(name)
    yield from spans(content)
    for block in blocks(content):
        yield from block.lines
