"""The wire form of a mail: what RFC 5322, 2047, 2045, 2369 and 8058 demand, over a corpus of hard values."""

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import parse_instant
from sender.core.headers import HeaderRefused, mailbox_header, plain_header, text_header, uri_list_header
from sender.core.message import Outgoing, stuff_dots, write_message

SUBJECTS = [
    "Plain",
    "Sepetinizde ürünler kaldı: İĞŞÇÖÜ ığşçöü",
    "Səbətinizdə məhsullar qalıb",
    "你的购物车里还有商品" * 20,
    "🛒 " * 60 + "end",
    "x" * 500,
    "word " * 100 + "end",
    "looks =?utf-8?q?encoded?=",
    "two  spaces   kept",
    "a" * 74 + " b",
    "é" + "x" * 300,
    'quoted "text", with: colons; and\\slashes',
]
LONG_URI = "https://mail.shop.example/u/" + "A1-_" * 75


def mail(**changes: object) -> Outgoing:
    fields: dict[str, object] = {
        "send_id": "0123456789abcdef",
        "trigger_id": "cart-abandoned",
        "step": "cart-reminder",
        "decided_at": parse_instant("2026-11-22T16:52:03.120Z"),
        "from_address": "shop@mail.example",
        "from_name": "Tetik Demo Shop",
        "to_address": "ayse@shop.example",
        "subject": "Sepetinizde ürünler kaldı",
        "html": "<p>ürün</p>",
        "text": "ürün\n.\n..nokta\r\nson",
        "feedback_id": "a:b:c:tetik",
        "one_click_url": LONG_URI,
    }
    return Outgoing(**(fields | changes))  # type: ignore[arg-type]


def decoded(wire: bytes) -> str:
    """An unfolded header's value, encoded-words decoded as RFC 2047 says."""
    unfolded = wire.replace(b"\r\n ", b" ").rstrip().decode("ascii").partition(": ")[2]
    return str(make_header(decode_header(unfolded)))


def headers_of(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_comes_back_as_it_was(subject: str) -> None:
    wire = text_header("Subject", subject)
    for line in wire.split(b"\r\n"):
        assert len(line) <= 998
    for word in re.findall(rb"=\?.*?\?=", wire):
        if b"looks" not in wire:
            assert len(word) <= 75
    parsed = message_from_bytes(wire + b"\r\n", policy=policy.default)
    assert decoded(wire) == subject
    assert parsed["Subject"] == subject


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cc", "Cs"]), min_size=1, max_size=300))
def test_any_printable_subject_is_conformant(subject: str) -> None:
    wire = text_header("Subject", subject)
    assert wire.isascii()
    assert wire.endswith(b"\r\n")
    assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
    lines = wire[:-2].split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert all(line.startswith(b" ") for line in lines[1:])
    for line in lines:
        words = re.findall(rb"=\?utf-8\?b\?[^?]*\?=", line)
        assert len(words) <= 1, "adjacent encoded-words without white space"
        assert all(len(word) <= 75 for word in words)


@pytest.mark.parametrize("bad", ["a\r\nBcc: x@y", "a\nb", "a\x00b", "a\x7fb", "tab\there", "\x85next"])
def test_control_characters_never_get_into_a_header(bad: str) -> None:
    for write in (text_header, plain_header):
        with pytest.raises(HeaderRefused, match="control character"):
            write("Subject", bad)
    with pytest.raises(HeaderRefused):
        mailbox_header("From", "a@b.example", bad)
    with pytest.raises(HeaderRefused):
        uri_list_header("List-Unsubscribe", [f"https://x.example/{bad}"])


def test_list_unsubscribe_is_neither_encoded_nor_folded_inside_the_uri() -> None:
    wire = headers_of(write_message(mail()))
    assert f"\r\nList-Unsubscribe: <{LONG_URI}>\r\n".encode() in wire
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in wire
    two = uri_list_header("List-Unsubscribe", [LONG_URI, "mailto:leave@mail.example"])
    assert two == f"List-Unsubscribe: <{LONG_URI}>,\r\n <mailto:leave@mail.example>\r\n".encode()
    with pytest.raises(HeaderRefused, match="998"):
        uri_list_header("List-Unsubscribe", ["https://x.example/" + "a" * 1000])


def test_transactional_mail_offers_no_list_to_leave() -> None:
    wire = write_message(mail(one_click_url=None, auto_submitted=True))
    assert b"List-Unsubscribe" not in wire
    assert b"\r\nAuto-Submitted: auto-generated\r\n" in wire


def test_structured_headers_hold_no_encoded_word() -> None:
    wire = headers_of(write_message(mail(subject="Plain", from_name="Shop")))
    assert b"=?" not in wire


@pytest.mark.parametrize("name", ["Tetik Demo Shop", 'A "B" \\ C', "Ayşe, Ltd.", "Mağaza" * 20, "a@b"])
def test_a_display_name_comes_back_as_it_was(name: str) -> None:
    parsed = message_from_bytes(write_message(mail(from_name=name)), policy=policy.default)
    (address,) = parsed["From"].addresses
    assert address.addr_spec == "shop@mail.example"
    # The library's address parser keeps the space between encoded-words; decode_header obeys RFC 2047.
    assert (
        decoded(mailbox_header("From", "shop@mail.example", name))
        .replace("\\", "")
        .count(name.replace("\\", ""))
        == 1
    )


def test_the_message_parses_back_and_its_lines_are_legal() -> None:
    wire = write_message(mail(html="<p>" + "ü" * 40_000 + "</p>"))
    assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    assert wire.isascii()
    parsed = message_from_bytes(wire, policy=policy.default)
    assert not parsed.defects
    text, html = parsed.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r\n", "\n") == "ürün\n.\n..nokta\nson"
    assert html.get_content().strip() == "<p>" + "ü" * 40_000 + "</p>"
    assert parsed["Date"] == "Sun, 22 Nov 2026 16:52:03 +0000"
    assert parsed["X-Tetik-Trigger"] == "cart-abandoned"


def test_the_same_request_makes_the_same_bytes_and_another_one_does_not() -> None:
    assert write_message(mail()) == write_message(mail())
    ids = {
        message_from_bytes(write_message(mail(send_id=send_id)))["Message-ID"] for send_id in ("a", "b", "a")
    }
    assert len(ids) == 2
    assert all(re.fullmatch(r"<[0-9a-f]{32}@mail\.example>", message_id) for message_id in ids)


def test_dots_at_the_start_of_a_line_are_doubled() -> None:
    assert stuff_dots(b".a\r\n.\r\nb.\r\n..c\r\n") == b"..a\r\n..\r\nb.\r\n...c\r\n"
