"""Reads stored mails: a summary from the headers alone (for lists), and the whole for one page.

Mails under test may be broken in any way, so nothing here trusts them: what cannot be decoded is shown raw.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from pathlib import Path

HEADER_BYTES_MAX = 64 * 1024
TRIGGER_HEADER = "X-Tetik-Trigger"
BASE_TAG = '<base target="_blank">'
_HEADERS = BytesHeaderParser(policy=policy.compat32)
# The parser reads every line that it is given, so it is given the headers alone.
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_ADDRESS = re.compile(r"[^\s<>,;\"']+@[^\s<>,;\"']+")


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the inbox. Instants are epoch milliseconds; `dated_at` is what the mail itself claims."""

    id: str
    received_at: int
    dated_at: int | None
    sender: str
    to: str
    recipients: tuple[str, ...]
    subject: str
    trigger: str
    size: int
    searchable: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in full; a part that it lacks is None. Header values are decoded and unfolded."""

    summary: Summary
    headers: tuple[tuple[str, str], ...]
    html: str | None
    text: str | None
    attachments: tuple[str, ...]


def summarise(path: Path) -> Summary:
    """From the first bytes of the file. The name gives the instant: `<received ms>-<number>.eml`."""
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES_MAX)
    head = _HEADERS.parsebytes(_BLANK_LINE.split(start, maxsplit=1)[0])
    sender, to, subject = (readable(head.get(name, "")) for name in ("From", "To", "Subject"))
    recipients = tuple(dict.fromkeys(str(each).strip("<> ") for each in head.get_all("Delivered-To", [])))
    if not recipients:
        recipients = tuple(_ADDRESS.findall(to))
    trigger = readable(head.get(TRIGGER_HEADER, ""))
    return Summary(
        id=path.stem,
        received_at=int(path.stem.partition("-")[0]),
        dated_at=_instant(str(head.get("Date", ""))),
        sender=sender,
        to=to or ", ".join(recipients),
        recipients=recipients,
        subject=subject,
        trigger=trigger,
        size=path.stat().st_size,
        searchable="\n".join((sender, to, *recipients, subject, trigger)).casefold(),
    )


def read_mail(path: Path) -> Mail:
    message = message_from_bytes(path.read_bytes(), policy=policy.compat32)
    html = text = None
    attachments: list[str] = []
    for part in _leaves(message):
        if name := part.get_filename():
            attachments.append(readable(name))
        elif part.get_content_type() == "text/html" and html is None:
            html = _decoded(part)
        elif part.get_content_type() == "text/plain" and text is None:
            text = _decoded(part)
    headers = tuple((name, readable(value)) for name, value in message.items())
    return Mail(summarise(path), headers, html, text, tuple(attachments))


def readable(value: object) -> str:
    """A header's value with encoded words decoded and folds removed; raw where that is impossible."""
    raw = re.sub(r"\r?\n(?=[ \t])", "", str(value))
    try:
        return str(make_header(decode_header(raw))).strip()
    except (HeaderParseError, LookupError, ValueError):
        return raw.strip()


def with_links_in_new_tab(html: str) -> str:
    """The document with a `base` element that makes each link open beside the catcher, not inside it."""
    changed, count = re.subn(r"(<head\b[^>]*>)", rf"\1{BASE_TAG}", html, count=1, flags=re.IGNORECASE)
    return changed if count else BASE_TAG + html


def _leaves(message: Message) -> Iterator[Message]:
    return (part for part in message.walk() if not part.is_multipart())


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return content.decode("latin-1")


def _instant(date: str) -> int | None:
    try:
        return int(parsedate_to_datetime(date).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
