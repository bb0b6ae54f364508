"""Which occasions of a trigger a customer has met: what keeps one occasion from running twice.

An occasion is compared by its value, without the customer's key, so that it means the same after a
hand-over. Memories of version 1 have the key packed in: they are looked up under her own key and those of
her devices, and no new ones are added to them.
"""

from schemas.instants import Instant
from schemas.keys import ANONYMOUS_PREFIX
from trigger_engine.core import packed
from trigger_engine.core.limits import DURATION_MAX_MS, OCCASIONS_MAX, TRIGGERS_MAX
from trigger_engine.core.state import CustomerState, Run, TriggerMemory


def known(state: CustomerState, trigger_id: str, value: str, at: Instant, memory_ms: int) -> bool:
    """Whether the trigger met the occasion within the memory (milliseconds) before `at`."""
    memory = state.memories.get(trigger_id)
    if memory is None:
        return False
    if packed.occasion_known(memory.values, value, at, memory_ms):
        return True
    return bool(memory.occasions) and _known_to_the_first_version(state, memory, value, at)


def remember(state: CustomerState, trigger_id: str, value: str, at: Instant, memory_ms: int) -> str | None:
    """Enter an occasion that is not known. If a bound forbids it, says which, as a clause."""
    memory = state.memories.get(trigger_id)
    if memory is None:
        if len(state.memories) >= TRIGGERS_MAX:
            _make_room(state, at, memory_ms)
        if len(state.memories) >= TRIGGERS_MAX:
            return f"the customer has met {TRIGGERS_MAX} triggers already"
        memory = TriggerMemory()
    if memory.occasions:
        memory.occasions = packed.old_occasions_left(memory.occasions, at)
    room = OCCASIONS_MAX - packed.old_occasion_count(memory.occasions)
    values = packed.add_occasion(memory.values, value, at, memory_ms, room)
    if values is None:
        return f"the trigger remembers {OCCASIONS_MAX} occasions of the customer already"
    memory.values = values
    state.memories[trigger_id] = memory
    return None


def _make_room(state: CustomerState, at: Instant, memory_ms: int) -> None:
    """Drop the triggers of which nothing is remembered any more at `at`: no occasion, no mail that a cooldown
    could count from, no run. Campaigns come and go for years."""
    alive = {run.trigger_id for run in state.runs}
    state.memories = {
        name: memory
        for name, memory in state.memories.items()
        if name in alive
        or (memory.last_mailed_at is not None and memory.last_mailed_at + DURATION_MAX_MS > at)
        or packed.any_occasion_left(memory.values, at, memory_ms)
        or packed.old_occasions_left(memory.occasions, at)
    }


def note_mailed(state: CustomerState, run: Run) -> None:
    """The run has mailed (or would have: held out, shadow): in a hand-over its side stays."""
    memory = state.memories.get(run.trigger_id)
    if memory is not None:
        memory.values = packed.mark_mailed(memory.values, state.value_of(run))


def marked_mailed(state: CustomerState, trigger_id: str, value: str) -> bool:
    """Whether the occasion is remembered as one that has mailed."""
    memory = state.memories.get(trigger_id)
    return memory is not None and packed.has_mailed(memory.values, value)


def mailed(state: CustomerState, trigger_id: str, value: str, at: Instant, memory_ms: int) -> bool:
    """Whether an occasion within the memory has mailed; of what version 1 met, that is not known and taken
    for so: too few mails, never two."""
    memory = state.memories.get(trigger_id)
    if memory is None:
        return False
    if packed.occasion_known(memory.values, value, at, memory_ms):
        return packed.has_mailed(memory.values, value)
    return bool(memory.occasions) and _known_to_the_first_version(state, memory, value, at)


def _known_to_the_first_version(state: CustomerState, memory: TriggerMemory, value: str, at: Instant) -> bool:
    keys = (state.customer_key, *(ANONYMOUS_PREFIX + device for device in state.devices))
    return any(packed.old_occasion_known(memory.occasions, f"{key}/{value}", at) for key in keys)
