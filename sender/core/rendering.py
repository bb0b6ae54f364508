"""Rendering: a compiled template and the request's data become subject, HTML and text.

Jinja2's immutable sandbox, HTML escaped always. What is special here:
- data is data: `cart.items` is the cart's list, never the method of a Python dict;
- control characters and bidirectional overrides in values (product names come from outside) are dropped;
- a missing variable is an error that names the template, the language and the line, never an empty spot;
- output is bounded, and so are the operators that could make a giant of a short expression.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, pass_context
from jinja2.environment import Environment
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from sender.core.formats import format_day, format_money, format_quantity, format_value

OUTPUT_LENGTH_MAX = 400_000
SUBJECT_LENGTH_MAX = 250
REPEAT_MAX = 1_000
VARIABLES = frozenset(
    {
        "profile", "cart", "event", "offer", "recommended", "answer", "views", "purchase",
        "unsubscribe_url", "locale", "brand", "shop_url", "survey_url",
    }
)  # fmt: skip
"""What a template may name."""
CAMPAIGN = "campaign"
"""The variable that holds the mail's UTM parameters, for the filter `visit`; templates do not name it."""

_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


class RenderFailed(ValueError):
    """The template and the data don't fit; the message names template, language, line and reason."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message's texts."""

    subject: str
    html: str
    text: str


class CompiledTemplate:
    """One language of a template, its three parts compiled: 10 to 25 ms, done once."""

    def __init__(self, name: str, locale: str, *, subject: str, html: str, text: str) -> None:
        """Raises RenderFailed on a syntax error."""
        self.name = f"{name}/{locale}"
        self.locale = locale
        self._subject = self._compile("subject", subject, plain_environment(locale))
        self._html = self._compile("html", html, html_environment(locale))
        self._text = self._compile("text", text, plain_environment(locale))

    def render(self, variables: Mapping[str, Any]) -> Rendered:
        """Raises RenderFailed."""
        given = {**variables, "locale": self.locale}
        subject = " ".join(self._render("subject", self._subject, given).split())
        if not subject:
            raise RenderFailed(f"template {self.name}: the subject is empty")
        return Rendered(
            subject=subject[:SUBJECT_LENGTH_MAX],
            html=self._render("html", self._html, given),
            text=_BLANK_LINES.sub("\n\n", self._render("text", self._text, given)).strip() + "\n",
        )

    def _compile(self, part: str, source: str, environment: Environment) -> Template:
        try:
            return environment.from_string(source)
        except TemplateSyntaxError as error:
            raise RenderFailed(
                f"template {self.name}, {part}, line {error.lineno}: {error.message}"
            ) from error

    def _render(self, part: str, template: Template, variables: Mapping[str, Any]) -> str:
        chunks: list[str] = []
        length = 0
        try:
            for chunk in template.generate(variables):
                length += len(chunk)
                if length > OUTPUT_LENGTH_MAX:
                    raise RenderFailed(
                        f"template {self.name}, {part}: the output exceeds {OUTPUT_LENGTH_MAX} characters"
                    )
                chunks.append(chunk)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            if isinstance(error, RenderFailed):
                raise
            raise RenderFailed(f"template {self.name}, {part}: {error}") from error
        return "".join(chunks)


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox of all templates; see the module's docstring for what it adds."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping):
            if attribute in obj:
                return obj[attribute]
            return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or (operator == "%" and not numbers):
            raise SecurityError(f"the operator {operator} is not available here")
        if operator == "*" and not numbers:
            count = right if isinstance(right, int) else left
            if not isinstance(count, int) or count > REPEAT_MAX:
                raise SecurityError(f"a text may be repeated {REPEAT_MAX} times at most")
        return super().call_binop(context, operator, left, right)


def clean_value(value: Any) -> Any:
    """Drops what could forge lines or turn the reading direction; for each printed value."""
    if isinstance(value, str) and _UNWANTED.search(value):
        cleaned = _UNWANTED.sub("", value)
        return Markup(cleaned) if isinstance(value, Markup) else cleaned  # noqa: S704 - was safe before
    return value


def safe_link(value: Any) -> str:
    """The URL if it is http or https with a host, else an empty string (no javascript:, no data:)."""
    if not isinstance(value, str) or any(char in value for char in "\r\n\t <>\"'"):
        return ""
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    return value if parts.scheme in ("http", "https") and parts.netloc else ""


def answer_link(survey_url: Any, survey: str, answer: str) -> str:
    """The survey page's URL with the answer that a tap on it means; empty if there is no page."""
    return _with_query(safe_link(survey_url), {"survey": survey, "answer": answer})


@pass_context
def visit(context: Context, url: Any) -> str:
    """A safe link to the shop that tells its analytics which mail it stands in; empty as `safe_link`.

    What the shop's own link says of a campaign stays as it is.
    """
    link = safe_link(url)
    said = {name for name, _ in parse_qsl(urlsplit(link).query, keep_blank_values=True)}
    campaign: Mapping[str, str] = context.get(CAMPAIGN) or {}
    return link if said & campaign.keys() else _with_query(link, campaign)


def _with_query(url: str, added: Mapping[str, str]) -> str:
    """The address with these parameters behind those it has; an empty one stays empty."""
    if not url or not added:
        return url
    parts = urlsplit(url)
    query = urlencode(added)
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


@lru_cache(64)
def html_environment(locale: str) -> Environment:
    """For HTML parts: everything printed is escaped."""
    return _environment(locale, autoescape=True)


@lru_cache(64)
def plain_environment(locale: str) -> Environment:
    """For subjects and text parts."""
    return _environment(locale, autoescape=False)


def _environment(locale: str, *, autoescape: bool) -> Environment:
    environment = _Sandbox(
        autoescape=autoescape,
        undefined=StrictUndefined,
        finalize=clean_value,
        trim_blocks=not autoescape,
        lstrip_blocks=not autoescape,
        keep_trailing_newline=False,
    )
    filters: dict[str, Callable[..., Any]] = {
        "money": lambda value, currency=None: format_money(value, currency, locale),
        "quantity": lambda value: format_quantity(value, locale),
        "day": lambda value: format_day(value, locale),
        "value": lambda value: format_value(value, locale),
        "link": safe_link,
        "answer_link": answer_link,
        "visit": visit,
    }
    environment.filters.update(filters)
    environment.globals.pop("lipsum", None)
    return environment
