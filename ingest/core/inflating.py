"""Content encodings: gzip and deflate, inflated under a bound (a small body can hold gigabytes).

A body that begins as gzip is taken for gzip whatever the header says, and a body that does not is taken
as it is: SDKs and proxies forget the header, or leave it on a body that they have inflated.
"""

import zlib

from ingest.core.outcomes import Refused

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_BITS, _ZLIB_BITS, _RAW_BITS = 31, 15, -15
_PLAIN = frozenset({"", "identity", "utf-8"})


def inflate(body: bytes, encoding: str, inflated_bytes_max: int) -> bytes:
    """The body without its content encoding.

    Raises Refused: `bad_encoding`, `unsupported_encoding`, `body_too_large`.
    """
    encoding = encoding.strip().lower()
    if body.startswith(_GZIP_MAGIC):
        return _inflated(body, _GZIP_BITS, inflated_bytes_max)
    if encoding == "deflate" and not body.lstrip().startswith((b"{", b"[")):
        bits = _ZLIB_BITS if body[:1] == b"\x78" else _RAW_BITS
        return _inflated(body, bits, inflated_bytes_max)
    if encoding in _PLAIN or encoding in {"gzip", "x-gzip", "deflate"}:
        return body
    raise Refused("unsupported_encoding", f"Content-Encoding {encoding[:40]!r} is unknown: send gzip or none")


def _inflated(body: bytes, bits: int, inflated_bytes_max: int) -> bytes:
    inflater = zlib.decompressobj(bits)
    try:
        plain = inflater.decompress(body, inflated_bytes_max + 1)
    except zlib.error as error:
        raise Refused("bad_encoding", f"the compressed body is damaged: {error}") from error
    if len(plain) > inflated_bytes_max:
        raise Refused("body_too_large", f"the body inflates to more than {inflated_bytes_max} bytes")
    if not inflater.eof:
        raise Refused("bad_encoding", "the compressed body is cut off")
    return plain
