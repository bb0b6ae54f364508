"""Request ids, which must differ between processes and restarts: so they are drawn, not derived."""

import uuid


def draw_request_id() -> str:
    """32 hex digits."""
    return uuid.uuid4().hex
