"""`DeadLetter`: a record that could not be used, with the reason (topic `tetik.dead-letters`)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.contract import Contract
from schemas.instants import WireInstant


class DeadLetter(Contract):
    """The record as it was met, so that it can be replayed.

    `value` is the record's text, or its base64 form where it is no UTF-8 (`value_encoding` says which).
    `topic` is where it was read; for a request that never reached a topic it is the topic it was meant
    for, with partition and offset -1.
    """

    schema_name: ClassVar[str] = "dead_letter"

    topic: str
    partition: Annotated[int, Field(ge=-1)]
    offset: Annotated[int, Field(ge=-1)]
    key: str | None = None
    value: str
    value_encoding: Literal["utf-8", "base64"] = "utf-8"
    stage: Literal["ingest", "engine", "sender"]
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    traceback_digest: str | None = None
    rules_digest: str | None = None
    failed_at: WireInstant
