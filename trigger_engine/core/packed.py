"""Memories as packed bytes: 64-bit digests side by side.

A list of ids would be re-encoded id by id with every state; a byte string is copied as it is, and
searching 256 digests in it takes well under a microsecond. Two different ids share a digest with a
chance of 1 in 10^17 at these lengths.
"""

from hashlib import blake2b

from trigger_engine.core.limits import OCCASION_MEMORY_MS, OCCASIONS_MAX, RECENT_EVENTS_MAX

_DIGEST = 8
_OCCASION = _DIGEST + 4
_RECENT_BYTES_MAX = RECENT_EVENTS_MAX * _DIGEST
_MEMORY_S = OCCASION_MEMORY_MS // 1000


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_DIGEST).digest()


def _find(packed: bytes, digest: bytes, stride: int) -> int:
    """The byte position of an entry, or -1; matches that straddle two entries do not count."""
    position = packed.find(digest)
    while position >= 0 and position % stride:
        position = packed.find(digest, position + 1)
    return position


def add_recent(recent: bytes, event_id: str) -> bytes | None:
    """The dedup window with `event_id` added, the oldest dropped when full; None if it was in already."""
    digest = blake2b(event_id.encode(), digest_size=_DIGEST).digest()
    if digest in recent and _find(recent, digest, _DIGEST) >= 0:
        return None
    if len(recent) >= _RECENT_BYTES_MAX:
        return recent[len(recent) - _RECENT_BYTES_MAX + _DIGEST :] + digest
    return recent + digest


def occasion_known(occasions: bytes, occasion: str, at: int) -> bool:
    """Whether `occasion` ran within the memory before the instant `at`."""
    digest = _digest(occasion)
    position = _find(occasions, digest, _OCCASION)
    while position >= 0:
        ran_s = int.from_bytes(occasions[position + _DIGEST : position + _OCCASION], "big")
        if ran_s + _MEMORY_S > at // 1000:
            return True
        rest = _find(occasions[position + _OCCASION :], digest, _OCCASION)
        position = rest if rest < 0 else position + _OCCASION + rest
    return False


def add_occasion(occasions: bytes, occasion: str, at: int) -> bytes | None:
    """The memory with `occasion` added at the instant `at`; None if it is full of unforgotten ones."""
    oldest_s = at // 1000 - _MEMORY_S
    while occasions and int.from_bytes(occasions[_DIGEST:_OCCASION], "big") <= oldest_s:
        occasions = occasions[_OCCASION:]
    if len(occasions) >= OCCASIONS_MAX * _OCCASION:
        return None
    return occasions + _digest(occasion) + (at // 1000 & 0xFFFFFFFF).to_bytes(4, "big")
