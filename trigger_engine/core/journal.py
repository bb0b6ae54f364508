"""The inputs of the present flush, kept so that a customer can be rebuilt without one that failed."""

from collections.abc import Mapping

import msgspec

from schemas.instants import Instant
from trigger_engine.core.effects import GivenCode
from trigger_engine.core.inputs import RulesChange, WakeUp
from trigger_engine.core.reading import Source


class Applied(msgspec.Struct, frozen=True, gc=False):
    """An input of the present flush, so that it can be applied again; `abandoned` if it had raised.

    An event is kept as the bytes it came in: decoded, the thousands of a flush would be walked by every
    collection of garbage, and only an input that fails has them read again.
    """

    key: str
    given: Source | WakeUp | RulesChange
    now: Instant
    abandoned: str | None
    codes: Mapping[str, GivenCode] = {}
    """The codes it was given, by `send_id`."""
