"""The mail catcher's pages in a real browser, at phone and desktop width."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.fixtures.platform import Catcher

WIDTHS = (390, 1280)
TO = "browser@customers.example"
HTML = """<html><body><h1>Your cart</h1><p id="said">as sent</p>
<a href="https://shop.example/cart">Back to the cart</a>
<script>document.getElementById("said").textContent = "a script ran"</script></body></html>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(params=WIDTHS)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def mail_id(catcher: Catcher) -> str:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "shop@tetik.example",
        TO,
        "Sepetinizde ürünler var " + "x" * 90,
    )
    mail["X-Tetik-Trigger"] = "cart-abandoned"
    mail.set_content("The text part")
    mail.add_alternative(HTML, subtype="html")
    with smtplib.SMTP(catcher.smtp_host, catcher.smtp_port) as smtp:
        smtp.send_message(mail)
    (found,) = httpx.get(f"{catcher.url}/api/mails", params={"to": TO}).json()["mails"]
    return str(found["id"])


def fits(page: Page) -> bool:
    """Whether nothing makes the page scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_the_inbox_lists_the_mail_and_fits(page: Page, catcher: Catcher, mail_id: str) -> None:
    page.goto(f"{catcher.url}/?q={TO}")
    assert page.get_by_text("Sepetinizde ürünler var").first.is_visible()
    assert page.get_by_text("cart-abandoned").first.is_visible()
    assert fits(page)


def test_a_mail_shows_its_parts_and_runs_no_script(page: Page, catcher: Catcher, mail_id: str) -> None:
    page.goto(f"{catcher.url}/mails/{mail_id}")
    frame = page.frame_locator("iframe:visible").first
    frame.get_by_role("heading", name="Your cart").wait_for()
    assert frame.locator("#said").inner_text() == "as sent"
    assert fits(page)
    page.get_by_text("Text", exact=True).first.click()
    assert page.get_by_text("The text part").first.is_visible()
    page.get_by_text("Headers", exact=True).first.click()
    assert page.get_by_text("X-Tetik-Trigger").first.is_visible()
    assert fits(page)
