"""The catcher's folder and its index, with mails as broken as they come."""

from pathlib import Path

import pytest

from services.catcher.message import readable, with_links_in_new_tab
from services.catcher.store import MailStore

PLAIN = b"From: a@shop.example\r\nTo: B <b@one.example>\r\nSubject: Hi\r\n\r\nHello\r\n"


def test_mails_and_their_order_survive_a_restart(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    ids = [store.add("a@shop.example", ["b@one.example"], PLAIN).id for _ in range(3)]
    (tmp_path / "half.part").write_bytes(b"From:")
    again = MailStore(tmp_path)
    assert [each.id for each in again.find()] == ids[::-1]
    assert again.find() == store.find()
    assert not list(tmp_path.glob("*.part"))
    assert again.add("", ["b@one.example"], PLAIN).id > ids[-1]


def test_the_envelope_counts_where_the_header_does_not_name_the_recipient(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    store.add("bounce@shop.example", ["hidden@two.example", "b@one.example"], PLAIN)
    assert store.find(to="HIDDEN@two.example")[0].to == "B <b@one.example>"
    assert store.find(to="hidden@two") == []
    assert store.find(query="hidden hi")[0].subject == "Hi"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no header at all",
        b"Subject: =?no-such-charset?q?a?=\r\n\r\nx",
        b"Subject: \xff\xfe raw bytes\r\nDate: never\r\nContent-Type: text/html; charset=no-such\r\n\r\n\xe9",
        b"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nSubject: y\r\n\r\ncut o",
        b"Date: Mon, 99 Foo 2011 14:05:00 +0000\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64",
    ],
)
def test_a_broken_mail_is_shown_not_an_error(tmp_path: Path, content: bytes) -> None:
    store = MailStore(tmp_path)
    summary = store.add("a@shop.example", ["b@one.example"], content)
    mail = store.read(summary.id)
    assert mail is not None
    assert mail.summary == summary
    raw = store.raw(summary.id)
    assert raw is not None
    assert raw.endswith(content)


def test_clearing_empties_the_folder_and_arrivals_go_on(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    store.add("a@shop.example", ["b@one.example"], PLAIN)
    assert store.clear() == 1
    assert (len(store), store.arrivals, list(tmp_path.iterdir())) == (0, 1, [])
    store.add("a@shop.example", ["b@one.example"], PLAIN)
    assert (len(store), store.arrivals) == (1, 2)


def test_header_values_are_decoded_and_unfolded() -> None:
    assert readable("=?utf-8?q?Sepetinde_=C3=BCr=C3=BCn?=\r\n =?utf-8?q?_var?=") == "Sepetinde ürün var"
    assert readable("a\r\n b") == "a b"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            "<html><HEAD lang='x'><title>t</title>",
            "<html><HEAD lang='x'><base target=\"_blank\"><title>t</title>",
        ),
        ("<p>no head</p>", '<base target="_blank"><p>no head</p>'),
        ("<header>x</header>", '<base target="_blank"><header>x</header>'),
    ],
)
def test_links_open_in_a_new_tab(html: str, expected: str) -> None:
    assert with_links_in_new_tab(html) == expected
