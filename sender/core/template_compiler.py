"""From the marketer's files to what the sender renders: MJML and text, per language, checked.

A template is a folder: `mail.mjml` and `mail.txt` with the words of each language in `words.<locale>.toml`;
or `<locale>.mjml` and `<locale>.txt` for a language with a structure of its own. Partials are resolved first,
with Jinja2 under other delimiters (`[% extends "base.mjml" %]`, `[[ words.headline ]]`), so that a base is
shared and yet every published template is complete in itself, addressed by its digest. What stands between
`{{ }}` and `{% %}` is left for the time of sending.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import Any, Literal

import mrml
from jinja2 import DictLoader, Environment, StrictUndefined, TemplateError

from schemas.rule_set import Template, TemplateText
from sender.core import template_words
from sender.core.template_lint import lint_expressions, lint_mjml
from sender.core.template_words import NO_BREAK_HYPHEN, Words, WordsRefused

HTML_BYTES_MAX = 90_000
"""Gmail clips a mail at about 102 kB, and the unsubscribe link with it."""

SHARED = "mail"
"""The name of the files that serve all languages."""

_TITLE = re.compile(r"<mj-title>(.*?)</mj-title>", re.DOTALL)
_MEMO_SIZE = 1024


class TemplateRefused(ValueError):
    """The template can't be published; the message lists every finding, a line each."""


def compile_template(
    name: str,
    files: Mapping[str, str],
    *,
    partials: Sequence[Mapping[str, str]] = (),
    kind: Literal["marketing", "transactional"] = "marketing",
) -> Template:
    """`files` by name, as they stand in the template's folder. Raises TemplateRefused.

    `partials` are folders of them, a later one over the earlier; their words are merged. Marketing needs
    {{ unsubscribe_url }} in both parts. The subject is the content of <mj-title>.
    """
    try:
        own = _own_words(name, files)
        base = _Base.of(tuple(tuple(sorted(folder.items())) for folder in partials))
    except WordsRefused as error:
        raise TemplateRefused(str(error)) from error
    languages = {stem for stem in _stems(files) if stem != SHARED}
    languages |= set(own) if f"{SHARED}.mjml" in files else set()
    if not languages:
        raise TemplateRefused(
            f"{name}: there is no language; write for example {name}/mail.mjml, mail.txt and words.tr.toml"
        )
    findings: list[str] = []
    locales = {}
    for locale in sorted(languages):
        stem = locale if f"{locale}.mjml" in files else SHARED
        text = files.get(f"{stem}.txt")
        if text is None or not text.strip():
            findings.append(f"{name}/{stem}.txt is missing: every mail needs a text part of its own")
            continue
        mail = _Mail(name, stem, locale, files[f"{stem}.mjml"], text, kind)
        try:
            locales[locale] = _compile(mail, base, own.get(locale, {}))
        except TemplateRefused as error:
            findings += str(error).splitlines()
    if findings:
        raise TemplateRefused("\n".join(dict.fromkeys(findings)))
    return Template.of(name, locales)


@dataclass(frozen=True, slots=True)
class _Mail:
    """One language of a template, as written."""

    name: str
    stem: str
    locale: str
    mjml: str
    text: str
    kind: str

    def file(self, ending: str) -> str:
        """How messages name the file; a shared one with the language at fault."""
        shared = "" if self.stem == self.locale else f" ({self.locale})"
        return f"{self.name}/{self.stem}.{ending}{shared}"


class _Base:
    """What all templates of a shop share: the partials, compiled once, and the words of each language."""

    def __init__(self, folders: tuple[tuple[tuple[str, str], ...], ...]) -> None:
        self.words: dict[str, dict[str, Any]] = {}
        sources: dict[str, str] = {}
        for folder in folders:
            for file, source in folder:
                match = template_words.FILE.fullmatch(file)
                if match is None:
                    sources[file] = source
                    continue
                words = template_words.read_words(f"_base/{file}", source)
                self.words[match["locale"]] = template_words.merged(
                    self.words.get(match["locale"], {}), words
                )
        older = {
            f"words.{locale}.txt": template_words.as_partial(words) for locale, words in self.words.items()
        }
        # No escaping here: the output is template source; the sender escapes when it renders.
        environment = Environment(
            loader=DictLoader({**older, **sources}),
            block_start_string="[%",
            block_end_string="%]",
            variable_start_string="[[",
            variable_end_string="]]",
            comment_start_string="[#",
            comment_end_string="#]",
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,  # noqa: S701
        )
        self._compiled = lru_cache(_MEMO_SIZE)(environment.from_string)

    @staticmethod
    @lru_cache(8)
    def of(folders: tuple[tuple[tuple[str, str], ...], ...]) -> "_Base":
        """The base of these partials; the same for all templates of a folder. Raises WordsRefused."""
        return _Base(folders)

    def expand(self, file: str, source: str, mail: _Mail, words: Mapping[str, Any], *, escaped: bool) -> str:
        """The source with its partials and words filled in. Raises TemplateRefused."""
        place = f"{mail.name}/words.{mail.locale}.toml"
        own = template_words.merged(self.words.get(mail.locale, {}), words)
        try:
            return self._compiled(source).render(
                locale=mail.locale, kind=mail.kind, words=Words(own, place, escaped=escaped)
            )
        except WordsRefused as error:
            raise TemplateRefused(str(error)) from error
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            where = getattr(error, "name", None) or file
            raise TemplateRefused(f"{where}{f', line {line}' if line else ''}: {error.message}") from error


def _own_words(name: str, files: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    own, findings = {}, []
    for file in sorted(files):
        if match := template_words.FILE.fullmatch(file):
            try:
                own[match["locale"]] = template_words.read_words(f"{name}/{file}", files[file])
            except WordsRefused as error:
                findings.append(str(error))
    if findings:
        raise WordsRefused("\n".join(findings))
    template_words.refuse_differences(name, own)
    return own


def _stems(files: Mapping[str, str]) -> set[str]:
    return {file.removesuffix(".mjml") for file in files if file.endswith(".mjml")}


def _compile(mail: _Mail, base: _Base, words: Mapping[str, Any]) -> TemplateText:
    full = base.expand(mail.file("mjml"), mail.mjml, mail, words, escaped=True)
    plain = base.expand(mail.file("txt"), mail.text, mail, words, escaped=False)
    return _checked(mail.file("mjml"), mail.file("txt"), full, plain, mail.kind)


@lru_cache(_MEMO_SIZE)
def _checked(mjml_file: str, text_file: str, full: str, plain: str, kind: str) -> TemplateText:
    """The parts of one language. Kept: a folder is read again and again while somebody works on it."""
    _refuse_if(mjml_file, lint_mjml(full))
    html = _to_html(mjml_file, full)
    subject = _subject(mjml_file, full)
    _refuse_if(mjml_file, lint_expressions(html))
    _refuse_if(mjml_file, lint_expressions(subject))
    _refuse_if(text_file, lint_expressions(plain))
    if kind == "marketing":
        for file, part in ((mjml_file, html), (text_file, plain)):
            if not re.search(r"\{\{\s*unsubscribe_url\s*\}\}", part):
                raise TemplateRefused(f"{file}: marketing mail needs a link to {{{{ unsubscribe_url }}}}")
    size = len(html.encode())
    if size > HTML_BYTES_MAX:
        raise TemplateRefused(f"{mjml_file}: {size} bytes of HTML; mail programs cut at {HTML_BYTES_MAX}")
    return TemplateText(subject=subject, html=html, text=plain)


def _to_html(file: str, mjml: str) -> str:
    try:
        output = mrml.to_html(mjml, mrml.ParserOptions(), mrml.RenderOptions(disable_comments=True, fonts={}))
    except OSError as error:  # mrml reports what it can't parse so
        raise TemplateRefused(f"{file}: the MJML can't be read: {error}") from error
    _refuse_if(file, [str(warning) for warning in output.warnings])
    return str(output.content)


def _subject(file: str, mjml: str) -> str:
    found = _TITLE.search(mjml)
    subject = " ".join(unescape(found[1]).split()).replace(NO_BREAK_HYPHEN, "-") if found else ""
    if not subject:
        raise TemplateRefused(f"{file}: write the subject into <mj-head><mj-title>")
    return subject


def _refuse_if(file: str, findings: list[str]) -> None:
    if findings:
        raise TemplateRefused("\n".join(f"{file}: {finding}" for finding in findings))
