"""A rejected event as a dead letter: what came, why it was not taken, and nothing secret."""

import base64
import re

from ingest.core.envelopes import Item
from ingest.core.outcomes import Arrival, Limits, Rejected
from schemas.dead_letter import DeadLetter
from schemas.instants import datetime_of

_WRITE_KEY = re.compile(rb'("(?:writeKey|write_key)"\s*:\s*")(?:[^"\\]|\\.)*"')


def dead_letter(item: Item, rejected: Rejected, topic: str, arrival: Arrival, limits: Limits) -> bytes:
    """The dead letter, encoded. An oversized event is cut: it would only be rejected again."""
    raw, size_max = _WRITE_KEY.sub(rb'\1***"', item.raw), limits.event_bytes_max
    cut = "" if len(raw) <= size_max else f" (cut to {size_max} bytes)"
    value = _text(raw, size_max)
    letter = DeadLetter(
        topic=topic,
        partition=-1,
        offset=-1,
        value=base64.b64encode(raw[:size_max]).decode() if value is None else value,
        value_encoding="base64" if value is None else "utf-8",
        stage="ingest",
        reason=f"{rejected.code}: {rejected.message}{cut}",
        failed_at=datetime_of(arrival.received_at),
    )
    return letter.model_dump_json().encode()


def _text(raw: bytes, size_max: int) -> str | None:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return None
    return raw[:size_max].decode(errors="ignore")
