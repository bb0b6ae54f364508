"""The message as bytes: own headers, multipart/alternative with the text first, base64 bodies, CRLF only.

Everything in it follows from the request and the rendered texts, nothing from the present: Message-ID and
boundary come from the send id, Date from `decided_at`. So a retry is byte-identical, and stores that fold
duplicates (Exchange, Cyrus, Sieve `duplicate`) can do so.
"""

from base64 import b64encode
from dataclasses import dataclass

from schemas.ids import stable_hash
from schemas.instants import Instant
from sender.core.headers import (
    date_header,
    mailbox_header,
    plain_header,
    text_header,
    uri_list_header,
)

BASE64_LINE_BYTES = 57
"""57 bytes are one line of 76 characters (RFC 2045)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """All that a message says. `from_address` and `to_address` are normalised (`core/addresses.py`).

    `one_click_url` is set for marketing and becomes List-Unsubscribe with List-Unsubscribe-Post (RFC 8058).
    `feedback_id` is Gmail's `a:b:c:SenderId`, never a value of one recipient.
    """

    send_id: str
    trigger_id: str
    step: str
    decided_at: Instant
    from_address: str
    from_name: str
    to_address: str
    subject: str
    html: str
    text: str
    feedback_id: str
    one_click_url: str | None = None
    reply_to: str | None = None
    auto_submitted: bool = False


def write_message(mail: Outgoing) -> bytes:
    """The whole message, ready for the wire but for dot-stuffing. Raises HeaderRefused."""
    boundary = "=_" + stable_hash("boundary", mail.send_id)
    parts = [_headers(mail, boundary)]
    for subtype, body in (("plain", mail.text), ("html", mail.html)):
        parts.append(f"\r\n--{boundary}\r\n".encode("ascii"))
        parts.append(f"Content-Type: text/{subtype}; charset=utf-8\r\n".encode("ascii"))
        parts.append(b"Content-Transfer-Encoding: base64\r\n\r\n")
        parts.append(_base64_lines(_with_crlf(body)))
    parts.append(f"\r\n--{boundary}--\r\n".encode("ascii"))
    return b"".join(parts)


def _headers(mail: Outgoing, boundary: str) -> bytes:
    domain = mail.from_address.rpartition("@")[2]
    headers = [
        mailbox_header("From", mail.from_address, mail.from_name),
        mailbox_header("To", mail.to_address),
        text_header("Subject", mail.subject),
        date_header(mail.decided_at),
        plain_header("Message-ID", f"<{stable_hash('message', mail.send_id)}@{domain}>"),
        plain_header("MIME-Version", "1.0"),
        b'Content-Type: multipart/alternative;\r\n boundary="' + boundary.encode("ascii") + b'"\r\n',
    ]
    if mail.reply_to:
        headers.append(mailbox_header("Reply-To", mail.reply_to))
    if mail.one_click_url:
        headers.append(uri_list_header("List-Unsubscribe", [mail.one_click_url]))
        headers.append(plain_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    if mail.auto_submitted:
        headers.append(plain_header("Auto-Submitted", "auto-generated"))
    headers += [
        plain_header("Feedback-ID", mail.feedback_id),
        plain_header("X-Tetik-Send-Id", mail.send_id),
        plain_header("X-Tetik-Trigger", mail.trigger_id),
        plain_header("X-Tetik-Step", mail.step),
    ]
    return b"".join(headers)


def _with_crlf(body: str) -> bytes:
    return body.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()


def _base64_lines(content: bytes) -> bytes:
    return b"".join(
        b64encode(content[start : start + BASE64_LINE_BYTES]) + b"\r\n"
        for start in range(0, len(content), BASE64_LINE_BYTES)
    )


def stuff_dots(message: bytes) -> bytes:
    """RFC 5321 4.5.2: a line that begins with a dot gets another one, or it could end the message early."""
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed
