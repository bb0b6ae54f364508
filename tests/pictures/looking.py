"""A mail in a real browser: rendered with sample data, and judged by what a program can see of it."""

from collections.abc import Callable

from playwright.sync_api import Browser, Page, Route

from schemas.rule_set import Template
from sender.core.rendering import CompiledTemplate, Rendered
from sender.core.template_data import template_data
from tests.fixtures import mail_samples

CHROMIUM = "/usr/bin/chromium"
THUMB_PX = 44
"""What a thumb hits without looking."""

WORLDS: dict[str, tuple[Callable[[], mail_samples.Data], mail_samples.Data]] = {
    "a": (mail_samples.data_a, mail_samples.SETTINGS_A),
    "b": (mail_samples.data_b, mail_samples.SETTINGS_B),
    "long": (mail_samples.data_long, mail_samples.SETTINGS_A),
    "sparse": (mail_samples.data_sparse, mail_samples.SETTINGS_SPARSE),
}
_SMALL = """least => [...document.querySelectorAll('.button a, a.answer, .foot a')]
    .filter(a => a.getBoundingClientRect().height < least)
    .map(a => a.textContent.trim())"""


def open_page(browser: Browser, *, width: int, dark: bool = False) -> Page:
    """A window of `width` CSS pixels that loads nothing from elsewhere: product pictures are painted here."""
    page = browser.new_page(
        viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
    )
    page.route("**/*.jpg", _paint)
    return page


def render(template: Template, locale: str, world: str) -> Rendered:
    """The mail in one language, with a world's data."""
    data, settings = WORLDS[world]
    parts = template.locales[locale]
    compiled = CompiledTemplate(
        template.name, locale, subject=parts.subject, html=parts.html, text=parts.text
    )
    return compiled.render({**template_data(data()), **settings})


def problems(page: Page) -> list[str]:
    """What is wrong with the mail that the page shows; empty if nothing is."""
    small = page.evaluate(_SMALL, THUMB_PX)
    found = [f"{label!r} is lower than {THUMB_PX} px" for label in small]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append("it scrolls sideways")
    return found


def _paint(route: Route) -> None:
    """A plain picture whose colour follows from its address."""
    hue = sum(route.request.url.encode()) * 37 % 360
    route.fulfill(
        content_type="image/svg+xml",
        body=f"<svg xmlns='http://www.w3.org/2000/svg' width='600' height='600'>"
        f"<rect width='600' height='600' fill='hsl({hue} 45% 82%)'/>"
        f"<circle cx='300' cy='300' r='170' fill='hsl({hue} 45% 62%)'/></svg>",
    )
