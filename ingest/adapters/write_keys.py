"""Write keys: who may send, and under which source name.

SDKs carry the key in five ways. Any of them counts: an SDK with OAuth puts its token where another puts
the key. Keys are kept and compared as SHA-256 digests, each against each in constant time, so that the
time of an answer tells nothing about a key.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping

from starlette.requests import Request

from ingest.core.outcomes import Refused
from ingest.core.write_keys import digest_of

_QUERY_NAMES = ("writeKey", "writekey", "write_key")


class WriteKeys:
    """The known keys, as digests by the name of their source."""

    def __init__(self, digests: Mapping[str, bytes]) -> None:
        self._digests = digests

    def source_of(self, request: Request, body_key: str | None) -> str:
        """The name of the source whose key the request carries.

        Raises Refused: `missing_write_key`, `unknown_write_key`.
        """
        found = False
        for candidate in _candidates(request, body_key):
            found = True
            source = self._source(candidate)
            if source is not None:
                return source
        if found:
            raise Refused("unknown_write_key", "the write key is unknown: check it against the settings")
        raise Refused(
            "missing_write_key",
            "no write key: send it as the user name of Basic authentication, as a Bearer token, as "
            "X-Write-Key, as ?writeKey= or as writeKey in the body",
        )

    def _source(self, key: str) -> str | None:
        digest = digest_of(key)
        matching = [name for name, known in self._digests.items() if hmac.compare_digest(known, digest)]
        return matching[0] if matching else None


def _candidates(request: Request, body_key: str | None) -> Iterator[str]:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        yield from _basic_user(credentials.strip())
    elif scheme.lower() == "bearer":
        yield credentials.strip()
    if "x-write-key" in request.headers:
        yield request.headers["x-write-key"]
    for name in _QUERY_NAMES:
        if name in request.query_params:
            yield request.query_params[name]
    if body_key is not None:
        yield body_key


def _basic_user(credentials: str) -> Iterator[str]:
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return
    yield decoded.partition(":")[0]
