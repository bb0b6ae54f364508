"""From the marketer's files to what the sender renders: MJML and text, per language, checked.

Partials are resolved first, with Jinja2 under other delimiters (`[% extends "base.mjml" %]`, `[[ ... ]]`), so
that a base is shared and yet every published template is complete in itself, addressed by its digest. What
stands between `{{ }}` and `{% %}` is left for the time of sending.
"""

import re
from collections.abc import Mapping
from html import unescape
from typing import Literal

import mrml
from jinja2 import DictLoader, Environment, StrictUndefined, TemplateError

from schemas.rule_set import Template, TemplateText
from sender.core.rendering import CompiledTemplate, RenderFailed, html_environment, plain_environment
from sender.core.template_lint import lint_expressions, lint_mjml

HTML_BYTES_MAX = 90_000
"""Gmail clips a mail at about 102 kB, and the unsubscribe link with it."""

_TITLE = re.compile(r"<mj-title>(.*?)</mj-title>", re.DOTALL)


class TemplateRefused(ValueError):
    """The template can't be published; the message lists every finding, a line each."""


def compile_template(
    name: str,
    sources: Mapping[str, tuple[str, str | None]],
    *,
    partials: Mapping[str, str] | None = None,
    kind: Literal["marketing", "transactional"] = "marketing",
) -> Template:
    """`sources`: (MJML, text) by locale. Raises TemplateRefused.

    Marketing needs {{ unsubscribe_url }} in both parts. The subject is the content of <mj-title>.
    """
    if not sources:
        raise TemplateRefused(f"{name}: there is no language; write for example {name}/tr.mjml and tr.txt")
    findings: list[str] = []
    locales = {}
    for locale, (mjml, text) in sorted(sources.items()):
        where = f"{name}/{locale}"
        if text is None or not text.strip():
            findings.append(f"{where}.txt is missing: every mail needs a text part of its own")
            continue
        try:
            locales[locale] = _compile_locale(name, locale, mjml, text, partials or {}, kind)
        except TemplateRefused as error:
            findings.append(str(error))
    if findings:
        raise TemplateRefused("\n".join(findings))
    return Template.of(name, locales)


def _compile_locale(
    name: str, locale: str, mjml: str, text: str, partials: Mapping[str, str], kind: str
) -> TemplateText:
    mjml_file, text_file = f"{name}/{locale}.mjml", f"{name}/{locale}.txt"
    full = _expand(mjml_file, mjml, partials, locale, kind)
    plain = _expand(text_file, text, partials, locale, kind)
    _refuse_if(mjml_file, lint_mjml(full))
    html = _to_html(mjml_file, full)
    subject = _subject(mjml_file, full)
    _refuse_if(mjml_file, lint_expressions(html, html_environment(locale)))
    _refuse_if(text_file, lint_expressions(plain, plain_environment(locale)))
    if kind == "marketing":
        for file, part in ((mjml_file, html), (text_file, plain)):
            if not re.search(r"\{\{\s*unsubscribe_url\s*\}\}", part):
                raise TemplateRefused(f"{file}: marketing mail needs a link to {{{{ unsubscribe_url }}}}")
    size = len(html.encode())
    if size > HTML_BYTES_MAX:
        raise TemplateRefused(f"{mjml_file}: {size} bytes of HTML; mail programs cut at {HTML_BYTES_MAX}")
    try:
        CompiledTemplate(name, locale, subject=subject, html=html, text=plain)
    except RenderFailed as error:
        raise TemplateRefused(str(error)) from error
    return TemplateText(subject=subject, html=html, text=plain)


def _expand(file: str, source: str, partials: Mapping[str, str], locale: str, kind: str) -> str:
    # No escaping here: the output is template source; the sender escapes when it renders.
    environment = Environment(
        loader=DictLoader({**partials, file: source}),
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
    try:
        return environment.get_template(file).render(locale=locale, kind=kind)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        where = getattr(error, "name", None) or file
        raise TemplateRefused(f"{where}{f', line {line}' if line else ''}: {error.message}") from error


def _to_html(file: str, mjml: str) -> str:
    try:
        output = mrml.to_html(mjml, mrml.ParserOptions(), mrml.RenderOptions(disable_comments=True, fonts={}))
    except OSError as error:  # mrml reports what it can't parse so
        raise TemplateRefused(f"{file}: the MJML can't be read: {error}") from error
    _refuse_if(file, [str(warning) for warning in output.warnings])
    return str(output.content)


def _subject(file: str, mjml: str) -> str:
    found = _TITLE.search(mjml)
    subject = " ".join(unescape(found[1]).split()) if found else ""
    if not subject:
        raise TemplateRefused(f"{file}: write the subject into <mj-head><mj-title>")
    return subject


def _refuse_if(file: str, findings: list[str]) -> None:
    if findings:
        raise TemplateRefused("\n".join(f"{file}: {finding}" for finding in findings))
