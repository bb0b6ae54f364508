"""Every shipped mail as a picture, to be looked at: `python -m tests.pictures --out FOLDER`.

One PNG a mail and language, and sheets with several beside each other. What a browser can judge by itself is
printed: a mail that scrolls sideways, a button or answer that is too small for a thumb. Product pictures are
painted here; nothing is loaded from elsewhere.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import click
from playwright.sync_api import Page, sync_playwright

from schemas.rule_set import Template
from sender.adapters.template_files import SHIPPED, read_templates
from tests.fixtures.mail_samples import LOCALES
from tests.pictures.looking import CHROMIUM, WORLDS, open_page, problems, render

SHEET_COLUMNS = 4


@click.command()
@click.argument("names", nargs=-1)
@click.option("--templates", type=click.Path(path_type=Path), default=SHIPPED, help="Folder of templates.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the pictures.")
@click.option("--width", default=390, help="Of the window, in CSS pixels.")
@click.option("--dark", is_flag=True, help="As a reader in dark mode sees it.")
@click.option("--world", type=click.Choice(list(WORLDS)), default="a", help="The sample data.")
@click.option("--locale", "locales", multiple=True, default=LOCALES)
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
        page = open_page(browser, width=width, dark=dark)
        for locale in locales:
            painted = [_shoot(page, mail, locale, world, out) for mail in chosen if locale in mail.locales]
            for start in range(0, len(painted), SHEET_COLUMNS):
                part = painted[start : start + SHEET_COLUMNS]
                _sheet(page, part, out / f"sheet-{locale}-{start // SHEET_COLUMNS:02}.png", width)
        browser.close()


def _shoot(page: Page, template: Template, locale: str, world: str, out: Path) -> Path:
    rendered = render(template, locale, world)
    page.set_content(rendered.html, wait_until="load")
    for problem in problems(page):
        click.echo(f"{template.name}/{locale}: {problem}")
    picture = out / f"{template.name}.{locale}.png"
    page.screenshot(path=picture, full_page=True)
    picture.with_suffix(".txt").write_text(f"{rendered.subject}\n\n{rendered.text}", "utf-8")
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


if __name__ == "__main__":
    main()
