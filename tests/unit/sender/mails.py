"""The shipped mails, compiled and rendered once for all tests that look at them."""

import re
from functools import cache
from html.parser import HTMLParser

from schemas.rule_set import Template
from sender.adapters.template_files import read_templates
from sender.core.rendering import CompiledTemplate, Rendered
from sender.core.template_data import template_data
from tests.fixtures import mail_samples

WORLDS = {
    "a": (mail_samples.data_a, mail_samples.SETTINGS_A),
    "b": (mail_samples.data_b, mail_samples.SETTINGS_B),
    "sparse": (mail_samples.data_sparse, mail_samples.SETTINGS_SPARSE),
}
_HIDDEN = ("style", "title", "head")


@cache
def shop() -> dict[str, Template]:
    """Every shipped template by name."""
    return {template.name: template for template in read_templates()}


@cache
def compiled(name: str, locale: str) -> CompiledTemplate:
    parts = shop()[name].locales[locale]
    return CompiledTemplate(name, locale, subject=parts.subject, html=parts.html, text=parts.text)


@cache
def rendered(name: str, locale: str, world: str) -> Rendered:
    """A mail with a world's data and settings."""
    data, settings = WORLDS[world]
    return compiled(name, locale).render({**template_data(data()), **settings})


class _Reader(HTMLParser):
    """What a reader sees of an HTML part, and where its links lead."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.links: set[str] = set()
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _HIDDEN or (tag == "div" and "display:none" in (values.get("style") or "")):
            self._hidden += 1
        if tag == "a":
            self.links.add(values.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag in (*_HIDDEN, "div"):
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)


def seen(html: str) -> tuple[str, set[str]]:
    """The visible words of an HTML part, one space between, and its links."""
    reader = _Reader()
    reader.feed(html)
    return plain(" ".join(reader.texts)), reader.links


def plain(text: str) -> str:
    """One space between words, also for no-break spaces; one kind of hyphen."""
    return " ".join(re.sub("[\u00a0\u200b]", " ", text).replace("\u2011", "-").split())
