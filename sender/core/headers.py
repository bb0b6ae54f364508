"""The wire form of e-mail headers.

Python's `email` package writes a long List-Unsubscribe as RFC 2047 encoded-words, which are illegal in
structured headers and make Gmail ignore it, and encoded-words of 76 characters, which Yahoo rejects. The
rules here, each held by a test:
- only unstructured text (Subject) and display names are ever encoded; a URI never is, nor is it folded;
- an encoded-word has at most 75 characters, ends between characters, and is separated by CRLF SPACE;
- no C0 control, DEL or line break gets into a value (header injection);
- header lines hold at most 998 octets.
"""

from base64 import b64encode
from datetime import UTC
from email.utils import format_datetime

from schemas.instants import Instant, datetime_of

LINE_LENGTH_MAX = 998
FOLD_AT = 76
ENCODED_BYTES_MAX = 45
"""45 bytes are 60 characters of base64; with `=?utf-8?b?` and `?=` the word has 72 (limit 75)."""

_ATOM = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~ ")


class HeaderRefused(ValueError):
    """The value can't be put into a header; the message names the header and the reason."""


def text_header(name: str, value: str) -> bytes:
    """An unstructured header (Subject): folded at spaces if it is plain ASCII, else encoded-words."""
    _check(name, value)
    if value.isascii() and "=?" not in value and max(map(len, value.split(" ")), default=0) < FOLD_AT:
        return _folded(name, value)
    return _line(name, "\r\n ".join(_encoded_words(value)))


def plain_header(name: str, value: str) -> bytes:
    """A structured header of ASCII, on one line, never encoded. Raises HeaderRefused."""
    _check(name, value)
    if not value.isascii():
        raise HeaderRefused(f"{name} must be ASCII")
    return _line(name, value)


def mailbox_header(name: str, address: str, display: str = "") -> bytes:
    """`From: =?utf-8?b?...?= <shop@example.com>`. `address` is normalised already."""
    _check(name, display)
    _check(name, address)
    if not address.isascii() or any(char in address for char in " <>,"):
        raise HeaderRefused(f"{name}: {address!r} is no normalised address")
    if not display:
        return _line(name, address)
    if not display.isascii() or "=?" in display or len(display) > FOLD_AT - 10:
        return _line(name, "\r\n ".join([*_encoded_words(display), f"<{address}>"]))
    phrase = (
        display if set(display) <= _ATOM else '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )
    return _line(name, f"{phrase}\r\n <{address}>")


def uri_list_header(name: str, uris: list[str]) -> bytes:
    """RFC 2369 list of URIs: each within angle brackets on a line of its own, untouched."""
    for uri in uris:
        _check(name, uri)
        if not uri.isascii() or any(char in uri for char in ' <>,"'):
            raise HeaderRefused(f"{name}: {uri!r} is not a URI that is written in ASCII")
    return _line(name, ",\r\n ".join(f"<{uri}>" for uri in uris))


def date_header(instant: Instant) -> bytes:
    """RFC 5322 date in UTC, whole seconds."""
    return plain_header("Date", format_datetime(datetime_of(instant, UTC)))


def _check(name: str, value: str) -> None:
    for char in value:
        if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000:
            raise HeaderRefused(f"{name} holds the control character U+{ord(char):04X}")


def _line(name: str, value: str) -> bytes:
    line = f"{name}: {value}\r\n".encode("ascii")
    if max(map(len, line.split(b"\r\n"))) > LINE_LENGTH_MAX:
        raise HeaderRefused(f"{name} is longer than {LINE_LENGTH_MAX} octets and may not be folded")
    return line


def _folded(name: str, value: str) -> bytes:
    """Folds only at single spaces between words; a run of spaces stays within its line."""
    lines, current = [], f"{name}:"
    for word in value.split(" "):
        if len(current) + 1 + len(word) > FOLD_AT and word and not current.endswith((":", " ")):
            lines.append(current)
            current = ""
        current += " " + word
    lines.append(current)
    return "\r\n".join(lines).encode("ascii") + b"\r\n"


def _encoded_words(value: str) -> list[str]:
    words, chunk = [], b""
    for char in value:
        encoded = char.encode()
        if len(chunk) + len(encoded) > ENCODED_BYTES_MAX:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    words.append(chunk)
    return [f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in words]
