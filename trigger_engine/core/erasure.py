"""Forgetting: a customer who asked for it, her devices, and an alias whose time is over.

Who is erased leaves the instant and the hashes of recent event ids, so that the erasure arriving twice is
known, and so is what happened before it and arrives late. Each of her devices is told by an event of its
own, which names her: one that has been handed on to somebody else since is left alone.
"""

from collections.abc import Mapping
from typing import Any

from schemas.event import CUSTOMER_ERASED
from schemas.ids import device_erasure_id
from schemas.instants import format_instant
from schemas.keys import ANONYMOUS_PREFIX
from schemas.records import EventRecord
from trigger_engine.core import interests
from trigger_engine.core.effects import HandOver
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.mails import take_back
from trigger_engine.core.state import CustomerState, new_state
from trigger_engine.core.turn import Turn

SOURCE = "trigger_engine"
"""As events say who wrote them; ingest's sources are the names of write keys."""


def erase(turn: Turn, event: EventInput) -> None:
    """Take back pending mails, end all runs, forget everything but that she was erased."""
    state = turn.state
    for run in tuple(state.runs):
        turn.end(run, "exited", "the customer was erased.")
    for mail in tuple(state.mails):
        if not mail.cancelling:
            take_back(turn, mail, "The customer was erased.")
    for device in state.devices:
        turn.effects.append(HandOver(_device_erasure(turn, event, device)))
    turn.effects.extend(interests.withdraw(state, event.event_id, turn.at))
    forget(state)
    state.erased_at = turn.at


def erase_device(turn: Turn, event: EventInput) -> bool:
    """Whether the event erases this device along with its customer. If so it is done, unless the device
    has become somebody else's."""
    customer_id = _erased_customer(event.type, event.properties)
    if customer_id is None:
        return False
    alias = turn.state.alias
    if alias is None or alias.customer_id == customer_id:
        erase(turn, event)
    return True


def forget(state: CustomerState) -> None:
    """Make the state blank in place, but for its key, the recent event ids and the position in the log."""
    blank = new_state(state.customer_key)
    blank.recent = state.recent
    blank.cause_topic, blank.cause_partition, blank.cause_offset = state.last_applied()
    blank.rules_digest = state.rules_digest
    for name in CustomerState.__struct_fields__:
        setattr(state, name, getattr(blank, name))


def _device_erasure(turn: Turn, event: EventInput, device: str) -> EventRecord:
    return EventRecord(
        event_id=device_erasure_id(ANONYMOUS_PREFIX + device, event.event_id),
        type=CUSTOMER_ERASED,
        occurred_at=format_instant(turn.at),
        received_at=format_instant(turn.now),
        source=SOURCE,
        anonymous_id=device,
        properties={"customer_id": turn.state.customer_key},
    )


def _erased_customer(event_type: str, properties: Mapping[str, Any]) -> str | None:
    """The customer whose device an event erases, if it does that."""
    if event_type != CUSTOMER_ERASED:
        return None
    customer_id = properties.get("customer_id")
    return customer_id if isinstance(customer_id, str) else None
