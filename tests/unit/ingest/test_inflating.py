"""Content encodings, and bombs."""

import gzip
import zlib

import pytest

from ingest.core.inflating import inflate
from ingest.core.outcomes import Refused

BODY = b'{"batch": []}'


def gzipped(data: bytes) -> bytes:
    """The same bytes at any time: they are part of the tests' names, which all workers have to agree on."""
    return gzip.compress(data, mtime=0)


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()


@pytest.mark.parametrize(
    ("sent", "encoding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (BODY, "gzip"),
        (BODY, "deflate"),
        (gzipped(BODY), "gzip"),
        (gzipped(BODY), " GZIP "),
        (gzipped(BODY), ""),
        (zlib.compress(BODY), "deflate"),
        (zlib.compress(BODY, level=1), "deflate"),
        (raw_deflate(BODY), "deflate"),
        (b"", ""),
    ],
)
def test_bodies_come_out_plain(sent: bytes, encoding: str) -> None:
    assert inflate(sent, encoding, 1_000) == (BODY if sent else b"")


@pytest.mark.parametrize(
    ("sent", "encoding", "code"),
    [
        (BODY, "br", "unsupported_encoding"),
        (gzipped(BODY)[:-4], "gzip", "bad_encoding"),
        (b"\x1f\x8b" + b"x" * 20, "gzip", "bad_encoding"),
        (b"\x78xxxx", "deflate", "bad_encoding"),
        (gzipped(b"x" * 1_001), "gzip", "body_too_large"),
        (zlib.compress(b"x" * 1_001), "deflate", "body_too_large"),
        (gzipped(b"\0" * 50_000_000), "", "body_too_large"),
    ],
)
def test_what_cannot_be_inflated_is_refused(sent: bytes, encoding: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        inflate(sent, encoding, 1_000)
    assert refused.value.code == code


def test_the_bound_itself_fits() -> None:
    assert inflate(gzipped(b"x" * 1_000), "gzip", 1_000) == b"x" * 1_000
