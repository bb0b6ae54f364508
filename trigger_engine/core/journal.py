"""The inputs of the present flush, so that one that fails can be undone: the customer goes back to her last
committed bytes, and what she was given since is applied again."""

from collections.abc import Mapping

import msgspec

from schemas.instants import Instant
from trigger_engine.core.effects import GivenCode
from trigger_engine.core.inputs import EventInput, RulesChange, WakeUp
from trigger_engine.core.pools import just
from trigger_engine.core.reading import Source, read_record
from trigger_engine.core.rules import Rules
from trigger_engine.core.state import CustomerState
from trigger_engine.core.step import abandon, step


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


def again(state: CustomerState, past: Applied, rules: Rules, partition: int) -> CustomerState:
    """Apply an input once more; its effects are kept already."""
    given = read_record(past.given, partition)[1] if isinstance(past.given, tuple) else past.given
    rules = rules.with_codes(just(past.codes))
    if past.abandoned is None:
        assert isinstance(given, EventInput | WakeUp | RulesChange), "it was applied to a customer"
        return step(rules, state, given, past.now)[0]
    if isinstance(given, WakeUp):
        return abandon(rules, state, given, past.now, past.abandoned)[0]
    return stay_as_is(rules, state)


def stay_as_is(rules: Rules, state: CustomerState) -> CustomerState:
    """Her runs go on as they began, as far as they can."""
    state.rules_digest = rules.digest
    return state
