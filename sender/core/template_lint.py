"""What a template must not contain, found before anybody is mailed.

mrml drops or keeps what it doesn't know without a word: unknown tags, text between structural tags. So the
MJML is walked here first, and each finding says in which language and line, and what to write instead.
"""

import re
from difflib import get_close_matches
from functools import lru_cache
from html.parser import HTMLParser

from jinja2 import TemplateSyntaxError, meta

from sender.core.locales import FALLBACK
from sender.core.rendering import VARIABLES, plain_environment

CONTAINERS = frozenset(
    {
        "mjml", "mj-head", "mj-attributes", "mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column",
        "mj-hero",
    }
)  # fmt: skip
TAGS = CONTAINERS | {
    "mj-all", "mj-class", "mj-breakpoint", "mj-html-attributes", "mj-preview", "mj-style", "mj-title",
    "mj-raw", "mj-accordion", "mj-accordion-element", "mj-accordion-title", "mj-accordion-text", "mj-button",
    "mj-carousel", "mj-carousel-image", "mj-divider", "mj-image", "mj-navbar", "mj-navbar-link", "mj-social",
    "mj-social-element", "mj-spacer", "mj-table", "mj-text",
}  # fmt: skip
REFUSED_TAGS = {
    "mj-include": 'use [% include "name" %], which is resolved when the template is compiled',
    "mj-font": "mail must not load fonts from elsewhere; name system fonts in font-family",
}
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_LINK_ATTRIBUTES = ("href", "src", "background-url")


class _Walker(HTMLParser):
    """Collects findings as (line, text)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.findings: list[tuple[int, str]] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._check(tag, attrs)
        if tag.startswith("mj"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._check(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag.startswith("mj") and tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open and self._open[-1] in CONTAINERS:
            self._find(
                f"{' '.join(data.split())[:60]!r} stands directly in <{self._open[-1]}>: "
                "put it into <mj-text>, or into <mj-raw> if it is a {% tag %}"
            )

    def _check(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in REFUSED_TAGS:
            self._find(f"<{tag}>: {REFUSED_TAGS[tag]}")
        elif tag.startswith("mj") and tag not in TAGS:
            near = get_close_matches(tag, TAGS, 1)
            self._find(f"<{tag}> is no MJML tag" + (f"; did you mean <{near[0]}>?" if near else ""))
        elif not tag.startswith("mj") and self._open and self._open[-1] in CONTAINERS:
            self._find(f"<{tag}> stands directly in <{self._open[-1]}>: put it into <mj-text> or <mj-raw>")
        for name, value in attrs:
            if name in _LINK_ATTRIBUTES and value and not _is_safe_link(value):
                self._find(
                    f'{name}="{value}": write {{{{ ... | link }}}} or {{{{ ... | visit }}}}, '
                    "which let only http and https pass"
                )

    def _find(self, text: str) -> None:
        self.findings.append((self.getpos()[0], text))


def lint_mjml(source: str) -> list[str]:
    """Findings about the MJML, each with its line; empty if there are none."""
    walker = _Walker()
    for found in _EXPRESSION.finditer(source):
        if "<" in found[0] or "&" in found[0]:
            line = source.count("\n", 0, found.start()) + 1
            walker.findings.append(
                (line, f"{found[0]}: < and & break the XML around an expression; write `is lt`, `and`")
            )
    if not walker.findings:
        walker.feed(source)
        walker.close()
    return [f"line {line}: {text}" for line, text in walker.findings]


def lint_expressions(source: str) -> list[str]:
    """Syntax errors, unknown filters, and names that no mail has.

    What counts are the expressions. They are the same in all languages of a mail, and Jinja is slow: so they
    are judged first without the words between them, once, and with them only to say in which line it is.
    """
    between = _EXPRESSION.split(source)
    whole = not any(mark in part for part in between for mark in ("{{", "{%", "{#"))
    if whole and not _expression_findings("".join(_EXPRESSION.findall(source))):
        return []
    return list(_expression_findings(source))


@lru_cache(1024)
def _expression_findings(source: str) -> tuple[str, ...]:
    try:
        used = meta.find_undeclared_variables(plain_environment(FALLBACK).parse(source))
    except TemplateSyntaxError as error:
        return (f"line {error.lineno}: {error.message}",)
    findings = []
    for name in sorted(used - VARIABLES):
        near = get_close_matches(name, VARIABLES, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(VARIABLES))}"
        findings.append(f"{{{{ {name} }}}} is unknown; {hint}")
    return tuple(findings)


def _is_safe_link(value: str) -> bool:
    """Fixed http(s) and mailto links, the unsubscribe link, and what ends in `| link` or `| visit`."""
    stripped = value.strip()
    if "{{" not in stripped and "{%" not in stripped:
        return stripped.startswith(("https://", "http://", "mailto:", "#"))
    return bool(re.fullmatch(r"\{\{\s*(unsubscribe_url|[^{}]*\|\s*(link|visit))\s*\}\}", stripped))
