"""Short ways to put one request through the core."""

import json
from typing import Any

from ingest.core.accept import accept
from ingest.core.envelopes import open_envelope
from ingest.core.outcomes import Accepted, Arrival, Form, Limits, Outcome, Rejected
from schemas.instants import parse_instant

NOW = parse_instant("2026-11-22T17:00:00.000Z")
MACHINE_NOW = parse_instant("2031-01-01T00:00:00.000Z")
"""Far from NOW: whatever mixes the two clocks up shows at once."""
LIMITS = Limits()


def outcomes_of(body: Any, form: Form, limits: Limits = LIMITS) -> list[Outcome]:
    """What becomes of each event of a body, given as bytes or as the object to send."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    envelope = open_envelope(raw, form, limits.batch_events_max)
    arrival = Arrival(NOW, MACHINE_NOW, request_id="r", source="web", path=f"/v1/{form}")
    return [accept(index, item, envelope, arrival, limits) for index, item in enumerate(envelope.items)]


def accepted(body: Any, form: Form = "native", limits: Limits = LIMITS) -> Accepted:
    (outcome,) = outcomes_of(body, form, limits)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def rejected(body: Any, form: Form = "native", limits: Limits = LIMITS) -> Rejected:
    (outcome,) = outcomes_of(body, form, limits)
    assert isinstance(outcome, Rejected), outcome
    return outcome
