"""`DeadLetter`: a record that could not be used, with the reason (topic `tetik.dead-letters`)."""

from base64 import b64encode
from typing import ClassVar, Literal

from schemas.contract import Contract, Offset, Reason
from schemas.instants import WireInstant


class DeadLetter(Contract):
    """The record as it was met, so that it can be replayed.

    `value` is the record's text, or its base64 form where it is no UTF-8 (`value_encoding` says which).
    `topic` is where it was read; for a request that never reached a topic it is the topic it was meant
    for, with partition and offset -1.
    """

    schema_name: ClassVar[str] = "dead_letter"

    topic: str
    """Where the record was read, or was meant to go."""
    partition: Offset
    """Its partition; -1 if it never reached one."""
    offset: Offset
    """Its offset; -1 if it never reached one."""
    key: str | None = None
    """Its key."""
    value: str
    """The record itself: text, or base64."""
    value_encoding: Literal["utf-8", "base64"] = "utf-8"
    """How `value` is written."""
    stage: Literal["ingest", "engine", "sender"]
    """Who could not use it."""
    reason: Reason
    """Why, in one readable sentence."""
    traceback_digest: str | None = None
    """Groups letters of one programming error."""
    rules_digest: str | None = None
    """The rule set in force."""
    failed_at: WireInstant
    """When it failed."""
    replayed_at: WireInstant | None = None
    """Set on the note that a replay leaves behind, whose `value` is empty: the record that stood in this
    place was written again at that time."""


def value_text(value: bytes) -> tuple[str, Literal["utf-8", "base64"]]:
    """A record as `value` and `value_encoding` hold it: its text, or base64 where it is no UTF-8."""
    try:
        return value.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return b64encode(value).decode("ascii"), "base64"
