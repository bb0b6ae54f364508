"""What a simulated run decided, as it stands on the log."""

from bisect import bisect
from typing import NamedTuple

import msgspec

from schemas.keys import RESERVED_STATE_PREFIX
from schemas.records import DecisionRecord, decode_decision
from schemas.topics import EVENTS
from tests.simulation.world import Outcome
from trigger_engine.core.flush import PARTITION_RECORD_KEY, PartitionRecord
from trigger_engine.core.state import CustomerState, decode_state


class Recorded(NamedTuple):
    """A decision on the log. Its flush had applied the events before offset `applied_to`."""

    decision: DecisionRecord
    applied_to: int


def recorded(outcome: Outcome) -> list[Recorded]:
    """Every decision, with the partition record that was written behind it in the same transaction."""
    found = []
    for number, records in enumerate(outcome.log.decisions):
        key = PARTITION_RECORD_KEY.encode()
        progress = [state for state in outcome.log.states[number] if state.key == key]
        orders = [state.order for state in progress]
        for record in records:
            behind = bisect(orders, record.order)
            value = progress[min(behind, len(progress) - 1)].value or b""
            applied_to = msgspec.msgpack.decode(value, type=PartitionRecord).next_offsets[EVENTS]
            found.append(Recorded(decode_decision(record.value or b""), applied_to))
    return found


def last_states(outcome: Outcome) -> dict[str, bytes | None]:
    """The last state of every customer."""
    states = {
        (record.key or b"").decode(): record.value for records in outcome.log.states for record in records
    }
    return {key: state for key, state in states.items() if not key.startswith(RESERVED_STATE_PREFIX)}


def in_line(state: bytes | None) -> CustomerState | None:
    """Whether she was told of a change of rules that leaves her alone depends on whether somebody looked."""
    if state is None:
        return None
    decoded = decode_state(state)
    decoded.rules_digest = ""
    return decoded
