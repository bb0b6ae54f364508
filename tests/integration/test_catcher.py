"""The mail catcher over its real doors: SMTP in, HTTP out."""

import smtplib
from email.message import EmailMessage
from email.policy import SMTP

import httpx
import pytest

from tests.fixtures.platform import Catcher


def mail(to: str, subject: str = "Sepetinde ürün var", trigger: str = "cart-abandoned") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Shop <shop@shop.example>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = "Mon, 05 Dec 2011 14:05:00 +0000"
    message["X-Tetik-Trigger"] = trigger
    message.set_content("Merhaba, https://shop.example/cart")
    html = "<html><head></head><body><a href='https://shop.example/cart'>Sepet</a><script>alert(1)</script></body></html>"
    message.add_alternative(html, subtype="html")
    return message


def send(catcher: Catcher, message: EmailMessage, to: str) -> bytes:
    """The very bytes that were sent."""
    content = message.as_bytes(policy=SMTP)
    with smtplib.SMTP(catcher.smtp_host, catcher.smtp_port, timeout=10) as smtp:
        smtp.sendmail("shop@shop.example", [to], content)
    return content


@pytest.fixture
def http(catcher: Catcher) -> httpx.Client:
    return httpx.Client(base_url=catcher.url, trust_env=False)


def test_a_mail_is_kept_as_sent_and_shown_by_the_api(catcher: Catcher, http: httpx.Client) -> None:
    sent = send(catcher, mail("Ayşe <ayse@one.example>"), "ayse@one.example")
    with http:
        listed = http.get("/api/mails", params={"to": "Ayse@one.example"}).json()
        assert listed["count"] == 1
        (summary,) = listed["mails"]
        shown = http.get(f"/api/mails/{summary['id']}").json()
        raw = http.get(f"/mails/{summary['id']}/raw").content
    assert summary["subject"] == "Sepetinde ürün var"
    assert summary["to"] == "Ayşe <ayse@one.example>"
    assert summary["trigger"] == "cart-abandoned"
    assert summary["dated_at"] == "2011-12-05T14:05:00.000Z"
    assert shown["text"].strip() == "Merhaba, https://shop.example/cart"
    assert {"name": "X-Tetik-Trigger", "value": "cart-abandoned"} in shown["headers"]
    assert raw == (catcher.mails / f"{summary['id']}.eml").read_bytes()
    envelope = b"Return-Path: <shop@shop.example>\r\nDelivered-To: ayse@one.example\r\n"
    assert raw == envelope + sent


def test_the_newest_is_first_and_the_search_narrows(catcher: Catcher, http: httpx.Client) -> None:
    for number in range(3):
        send(catcher, mail("b@two.example", f"Number {number}", f"rule-{number}"), "b@two.example")
    with http:
        newest = http.get("/api/mails", params={"to": "b@two.example", "limit": 2}).json()
        found = http.get("/api/mails", params={"q": "number TWO.example 1"}).json()
        by_trigger = http.get("/api/mails", params={"trigger": "rule-2"}).json()
        page = http.get("/", params={"q": "b@two.example"}).text
    assert newest["count"] == 3
    assert [each["subject"] for each in newest["mails"]] == ["Number 2", "Number 1"]
    assert [each["subject"] for each in found["mails"]] == ["Number 1"]
    assert [each["subject"] for each in by_trigger["mails"]] == ["Number 2"]
    assert page.index("Number 2") < page.index("Number 1") < page.index("Number 0")


def test_a_mail_cannot_run_scripts_and_its_links_open_beside(catcher: Catcher, http: httpx.Client) -> None:
    send(catcher, mail("c@three.example", "<b>bold</b>"), "c@three.example")
    with http:
        (summary,) = http.get("/api/mails", params={"to": "c@three.example"}).json()["mails"]
        page = http.get(f"/mails/{summary['id']}")
        framed = http.get(f"/mails/{summary['id']}/html")
    assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
    assert "<b>bold</b>" not in page.text
    assert page.text.count('sandbox="allow-popups allow-popups-to-escape-sandbox"') == 2
    policy = framed.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-popups" in policy
    assert '<head><base target="_blank"></head>' in framed.text


def test_another_host_name_and_an_unknown_mail_are_refused(http: httpx.Client) -> None:
    with http:
        assert http.get("/api/mails", headers={"Host": "evil.example"}).status_code == 400
        assert http.get("/mails/0000000000000-0000001").status_code == 404
        assert http.get("/mails/..%2f..%2fsecret/raw").status_code == 404
        assert http.get("/api/mails", params={"limit": 0}).status_code == 422
