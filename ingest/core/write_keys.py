"""Write keys as they are kept: SHA-256 digests by the name of their source."""

import hashlib
from collections.abc import Mapping

DIGEST_PREFIX = "sha256:"


def digest_of(key: str) -> bytes:
    """The digest of a key as a client sends it."""
    return hashlib.sha256(key.encode(errors="replace")).digest()


def configured_digests(keys: Mapping[str, str]) -> dict[str, bytes]:
    """Digests of configured keys, which may be digests already (`sha256:<hex>`).

    Raises ValueError, naming the source, if a key is empty or a digest none, or two sources share a key.
    """
    digests = {name: _configured_digest(name, key) for name, key in keys.items()}
    if len(set(digests.values())) < len(digests):
        raise ValueError("two sources have the same write key; give each its own")
    return digests


def _configured_digest(name: str, key: str) -> bytes:
    if not key:
        raise ValueError(f"the write key of {name!r} is empty")
    if not key.startswith(DIGEST_PREFIX):
        return digest_of(key)
    try:
        digest = bytes.fromhex(key.removeprefix(DIGEST_PREFIX))
    except ValueError as error:
        raise ValueError(f"the write key of {name!r} is no SHA-256 digest in hex") from error
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError(f"the write key of {name!r} is no SHA-256 digest: it has {len(digest)} bytes")
    return digest
