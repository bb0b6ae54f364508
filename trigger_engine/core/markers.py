"""Markers: records of the log that change what a partition decides by, from their offset on.

The shell asks before it applies a record, because it must flush first and may have to read what is named.
Markers concern no customer and no product, so only a record without a key can be one (`schemas.keys`).
"""

from schemas.event import RULES_ACTIVATED, SNAPSHOT_ACTIVATED
from schemas.records import Malformed, decode_event

# Codes for offers have no key either: they answer by not holding these bytes.
_RULES = f'"{RULES_ACTIVATED}"'.encode()
_SNAPSHOT = f'"{SNAPSHOT_ACTIVATED}"'.encode()


def activated_rules(value: bytes) -> str | None:
    """The digest of a rule set if this record is the marker that activates one."""
    return _named(value, RULES_ACTIVATED, "digest") if _RULES in value else None


def activated_snapshot(value: bytes) -> str | None:
    """The version of a snapshot if this record is the marker that activates one."""
    return (_named(value, SNAPSHOT_ACTIVATED, "version") or None) if _SNAPSHOT in value else None


def _named(value: bytes, event_type: str, field: str) -> str | None:
    try:
        event = decode_event(value)
    except Malformed:
        return None
    name = event.properties.get(field)
    return name if event.type == event_type and isinstance(name, str) else None
