"""Codes for offers: strict, because what mails show is what a customer types at the checkout.

What a code may be, `schemas/event.py` says, for the engine's reader too. A code that came before is no
mistake: the partition that has it passes it over.
"""

import re
from typing import Any

from ingest.core.accept import read_object, rejected
from ingest.core.envelopes import Envelope, Item
from ingest.core.outcomes import Arrival, Limits, Outcome, TakenCode, Unacceptable
from schemas.event import OFFER_CODE

_CODE = re.compile(OFFER_CODE)


def accept_code(index: int, item: Item, envelope: Envelope, arrival: Arrival, limits: Limits) -> Outcome:
    """Decide on one code of a request; as `accept.accept`."""
    code: Any = None
    try:
        message = read_object(item, native=True)
        (code,) = message["codes"]
        return TakenCode(message["pool"], read_code(code))
    except Unacceptable as reason:
        return rejected(reason, code)


def read_code(value: Any) -> str:
    """A code. Raises Unacceptable `bad_field`."""
    if not isinstance(value, str):
        raise Unacceptable("bad_field", 'a code must be a text, as "CART-8F2K"')
    if not _CODE.fullmatch(value):
        raise Unacceptable(
            "bad_field", f"{value[:40]!r} is no code that mails can carry: 1 to 64 of A-Z, a-z, 0-9, - and _"
        )
    return value
