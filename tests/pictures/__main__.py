"""Every shipped mail as a picture, to be looked at: `python -m tests.pictures --out FOLDER`.

One PNG a mail and language, and sheets with several beside each other. What a browser can judge by itself is
printed: a mail that scrolls sideways, a button or answer that is too small for a thumb. Product pictures are
painted here; nothing is loaded from elsewhere.
"""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import click
from playwright.sync_api import Page, Route, sync_playwright

from schemas.rule_set import Template
from sender.adapters.template_files import SHIPPED, read_templates
from sender.core.rendering import CompiledTemplate
from sender.core.template_data import template_data
from tests.fixtures import mail_samples

WORLDS: dict[str, tuple[Callable[[], mail_samples.Data], mail_samples.Data]] = {
    "a": (mail_samples.data_a, mail_samples.SETTINGS_A),
    "b": (mail_samples.data_b, mail_samples.SETTINGS_B),
    "sparse": (mail_samples.data_sparse, mail_samples.SETTINGS_SPARSE),
}
THUMB_PX = 44
SHEET_COLUMNS = 4
CHROMIUM = "/usr/bin/chromium"
_SMALL = """least => [...document.querySelectorAll('.button a, a.answer, .foot a')]
    .filter(a => a.getBoundingClientRect().height < least)
    .map(a => a.textContent.trim())"""


@click.command()
@click.argument("names", nargs=-1)
@click.option("--templates", type=click.Path(path_type=Path), default=SHIPPED, help="Folder of templates.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the pictures.")
@click.option("--width", default=390, help="Of the window, in CSS pixels.")
@click.option("--dark", is_flag=True, help="As a reader in dark mode sees it.")
@click.option("--world", type=click.Choice(list(WORLDS)), default="a", help="The sample data.")
@click.option("--locale", "locales", multiple=True, default=mail_samples.LOCALES)
def main(
    names: Sequence[str],
    templates: Path,
    out: Path,
    width: int,
    dark: bool,
    world: str,
    locales: Sequence[str],
) -> None:
    """Paint the mails NAMES (default: all)."""
    out.mkdir(parents=True, exist_ok=True)
    chosen = [each for each in read_templates(templates) if not names or each.name in names]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
        )
        page.route("**/*.jpg", _paint)
        for locale in locales:
            painted = [_shoot(page, mail, locale, world, out) for mail in chosen if locale in mail.locales]
            for start in range(0, len(painted), SHEET_COLUMNS):
                part = painted[start : start + SHEET_COLUMNS]
                _sheet(page, part, out / f"sheet-{locale}-{start // SHEET_COLUMNS:02}.png", width)
        browser.close()


def _shoot(page: Page, template: Template, locale: str, world: str, out: Path) -> Path:
    data, settings = WORLDS[world]
    parts = template.locales[locale]
    compiled = CompiledTemplate(
        template.name, locale, subject=parts.subject, html=parts.html, text=parts.text
    )
    rendered = compiled.render({**template_data(data()), **settings})
    page.set_content(rendered.html, wait_until="load")
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        click.echo(f"{template.name}/{locale}: it scrolls sideways")
    for label in page.evaluate(_SMALL, THUMB_PX):
        click.echo(f"{template.name}/{locale}: {label!r} is lower than {THUMB_PX} px")
    picture = out / f"{template.name}.{locale}.png"
    page.screenshot(path=picture, full_page=True)
    (out / f"{template.name}.{locale}.txt").write_text(f"{rendered.subject}\n\n{rendered.text}", "utf-8")
    return picture


def _sheet(page: Page, pictures: list[Path], target: Path, width: int) -> None:
    """Several pictures side by side, each under its name."""
    before = page.viewport_size
    cells = "".join(
        f"<td><b>{escape(each.stem)}</b><br><img src='{each.resolve().as_uri()}' width='{width}'></td>"
        for each in pictures
    )
    sheet = target.with_suffix(".html")
    sheet.write_text(
        f"<meta charset='utf-8'><body style='margin:0'><table><tr valign='top'>{cells}</table>", "utf-8"
    )
    page.set_viewport_size({"width": len(pictures) * (width + 4) + 4, "height": 600})
    page.goto(sheet.resolve().as_uri())
    page.screenshot(path=target, full_page=True)
    sheet.unlink()
    if before:
        page.set_viewport_size(before)


def _paint(route: Route) -> None:
    """A plain picture whose colour follows from its address."""
    hue = sum(route.request.url.encode()) * 37 % 360
    route.fulfill(
        content_type="image/svg+xml",
        body=f"<svg xmlns='http://www.w3.org/2000/svg' width='600' height='600'>"
        f"<rect width='600' height='600' fill='hsl({hue} 45% 82%)'/>"
        f"<circle cx='300' cy='300' r='170' fill='hsl({hue} 45% 62%)'/></svg>",
    )


if __name__ == "__main__":
    main()
