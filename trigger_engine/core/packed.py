"""Memories as packed bytes: 64-bit digests side by side.

A list of ids would be re-encoded id by id with every state; a byte string is copied as it is, and
searching 256 digests in it takes well under a microsecond. Two different ids share a digest with a
chance of 1 in 10^17 at these lengths.

An occasion is its digest and six bytes: the instant it was met, doubled, plus one if it has mailed.
Those of version 1 have the second in four bytes and their customer's key in the digest; they are read as
long as they last.
"""

from hashlib import blake2b

from schemas.instants import Instant
from trigger_engine.core.limits import HAND_OVERS_MAX, OCCASION_MEMORY_MS, OCCASIONS_MAX, RECENT_EVENTS_MAX

_DIGEST = 8
_OLD_OCCASION = _DIGEST + 4
_OCCASION = _DIGEST + 6
_RECENT_BYTES_MAX = RECENT_EVENTS_MAX * _DIGEST
_OLD_MEMORY_S = OCCASION_MEMORY_MS // 1000


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


def count_recent(recent: bytes) -> int:
    """How many event ids the window holds."""
    return len(recent) // _DIGEST


def unite_recent(hers: bytes, other: bytes) -> bytes:
    """Two dedup windows as one. Where they do not fit, each keeps its latest: their order among each other
    is not known."""
    known = {hers[start : start + _DIGEST] for start in range(0, len(hers), _DIGEST)}
    digests = (other[start : start + _DIGEST] for start in range(0, len(other), _DIGEST))
    new = b"".join(digest for digest in digests if digest not in known)
    half = _RECENT_BYTES_MAX // 2
    from_other = min(len(new), max(half, _RECENT_BYTES_MAX - len(hers)))
    from_hers = min(len(hers), _RECENT_BYTES_MAX - from_other)
    return new[len(new) - from_other :] + hers[len(hers) - from_hers :]


def add_hand_over(hand_overs: bytes, event_id: str) -> bytes | None:
    """The hand-overs applied with one more, the oldest dropped when full; None if it was in already."""
    digest = _digest(event_id)
    if _find(hand_overs, digest, _DIGEST) >= 0:
        return None
    return (hand_overs + digest)[-HAND_OVERS_MAX * _DIGEST :]


def occasion_known(values: bytes, value: str, at: Instant, memory_ms: int) -> bool:
    """Whether the occasion `value` was met within the memory before the instant `at`."""
    position = _find(values, _digest(value), _OCCASION)
    return position >= 0 and _met_at(values, position) + memory_ms > at


def add_occasion(values: bytes, value: str, at: Instant, memory_ms: int, room: int) -> bytes | None:
    """The memory with an unknown occasion added at `at`; None if more than `room` unforgotten ones are in."""
    digest = _digest(value)
    position = _find(values, digest, _OCCASION)
    if position >= 0:  # forgotten, or it would have been known
        values = values[:position] + values[position + _OCCASION :]
    while values and _met_at(values, 0) + memory_ms <= at:
        values = values[_OCCASION:]
    if len(values) >= min(room, OCCASIONS_MAX) * _OCCASION:
        return None
    return values + digest + (at << 1).to_bytes(6, "big")


def any_occasion_left(values: bytes, at: Instant, memory_ms: int) -> bool:
    """Whether any occasion is not forgotten yet at the instant `at`."""
    return any(_met_at(values, start) + memory_ms > at for start in range(0, len(values), _OCCASION))


def mark_mailed(values: bytes, value: str) -> bytes:
    """The memory with the occasion marked as one that has mailed, if it is in."""
    position = _find(values, _digest(value), _OCCASION)
    if position < 0:
        return values
    last = position + _OCCASION - 1
    return values[:last] + bytes([values[last] | 1]) + values[last + 1 :]


def has_mailed(values: bytes, value: str) -> bool:
    """Whether the occasion is remembered as one that has mailed."""
    position = _find(values, _digest(value), _OCCASION)
    return position >= 0 and bool(values[position + _OCCASION - 1] & 1)


def unite_occasions(hers: bytes, other: bytes) -> bytes:
    """Two memories as one, in order of time.

    Where they do not fit, the oldest go. That mails nothing twice: the memory is full until the oldest one
    kept is forgotten, and as long the trigger starts nothing; by then the older ones would be forgotten too.
    """
    met: dict[bytes, int] = {}
    for packed in (hers, other):
        for start in range(0, len(packed), _OCCASION):
            digest = packed[start : start + _DIGEST]
            word = int.from_bytes(packed[start + _DIGEST : start + _OCCASION], "big")
            before = met.get(digest, 0)
            met[digest] = max(word, before) | (word | before) & 1
    entries = sorted((word, digest) for digest, word in met.items())[-OCCASIONS_MAX:]
    return b"".join(digest + word.to_bytes(6, "big") for word, digest in entries)


def _met_at(values: bytes, position: int) -> Instant:
    return int.from_bytes(values[position + _DIGEST : position + _OCCASION], "big") >> 1


def old_occasion_known(occasions: bytes, occasion: str, at: Instant) -> bool:
    """Whether version 1 met `occasion`, customer key included, within its memory before `at`."""
    digest = _digest(occasion)
    position = _find(occasions, digest, _OLD_OCCASION)
    while position >= 0:
        ran_s = int.from_bytes(occasions[position + _DIGEST : position + _OLD_OCCASION], "big")
        if ran_s + _OLD_MEMORY_S > at // 1000:
            return True
        rest = _find(occasions[position + _OLD_OCCASION :], digest, _OLD_OCCASION)
        position = rest if rest < 0 else position + _OLD_OCCASION + rest
    return False


def old_occasions_left(occasions: bytes, at: Instant) -> bytes:
    """What version 1 packed, without what is forgotten at `at`."""
    oldest_s = at // 1000 - _OLD_MEMORY_S
    while occasions and int.from_bytes(occasions[_DIGEST:_OLD_OCCASION], "big") <= oldest_s:
        occasions = occasions[_OLD_OCCASION:]
    return occasions


def old_occasion_count(occasions: bytes) -> int:
    """How many occasions version 1 packed."""
    return len(occasions) // _OLD_OCCASION


def unite_old_occasions(hers: bytes, other: bytes) -> bytes:
    """Two memories of version 1 as one, in order of time; beyond the bound the oldest go, as above."""
    both = hers + other
    entries = [both[start : start + _OLD_OCCASION] for start in range(0, len(both), _OLD_OCCASION)]
    entries.sort(key=lambda entry: entry[_DIGEST:])
    return b"".join(entries[-OCCASIONS_MAX:])
