"""What `step` asks for: a closed set of imperatives. The shell turns each into records; nothing else acts."""

from typing import NamedTuple, TypeAlias

import msgspec

from schemas.records import DecisionRecord, EmailRequestRecord, EventRecord, InterestRecord
from trigger_engine.core.baskets import Basket


class GivenCode(NamedTuple):
    """A single-use code."""

    pool: str
    code: str


class Decide(msgspec.Struct, frozen=True, gc=False):
    """Write this decision to the decision log."""

    record: DecisionRecord


class RequestMail(msgspec.Struct, frozen=True, gc=False):
    """Ask the sender to mail (`action: send`). `code`, the next one of its pool, goes with it and to nobody
    else."""

    record: EmailRequestRecord
    code: GivenCode | None = None


class CancelMail(msgspec.Struct, frozen=True, gc=False):
    """Ask the sender not to send what was requested (`action: cancel`)."""

    record: EmailRequestRecord


class HandOver(msgspec.Struct, frozen=True, gc=False):
    """Write this event to the event log, under the key of the customer it names.

    What one customer's step has to say to another's: hand-overs, and erasures of her devices.
    """

    record: EventRecord


class NoteInterest(msgspec.Struct, frozen=True, gc=False):
    """Tell the product's partition that she is interested in it (`action: note`)."""

    record: InterestRecord


class DropInterest(msgspec.Struct, frozen=True, gc=False):
    """Tell the product's partition that she no longer is (`action: drop`)."""

    record: InterestRecord


class KeepBasket(msgspec.Struct, frozen=True, gc=False):
    """Remember what was ordered together, for recommendations."""

    basket: Basket


Written: TypeAlias = Decide | RequestMail | CancelMail | HandOver | NoteInterest | DropInterest
"""Those that become a record each."""

Effect: TypeAlias = Written | KeepBasket
