"""The shipped mails on a phone: nothing scrolls sideways, and what is to be tapped is large enough."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from sender.adapters.template_files import read_templates
from tests.fixtures.mail_samples import LOCALES
from tests.pictures.looking import CHROMIUM, open_page, problems, render

PHONE_PX = 390


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield open_page(browser, width=PHONE_PX)
        browser.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_mails_fit_a_phone_whatever_the_data(page: Page, locale: str) -> None:
    found = []
    for template in read_templates():
        page.set_content(render(template, locale, "long").html, wait_until="load")
        found += [f"{template.name}: {problem}" for problem in problems(page)]
    assert found == []


def test_problems_are_seen(page: Page) -> None:
    page.set_content(
        "<div class='button'><a>small</a></div><p style='width:900px'>wide</p>", wait_until="load"
    )
    assert problems(page) == ["'small' is lower than 44 px", "it scrolls sideways"]
