"""Places under the frequency caps: one for each marketing mail that was or would have been sent."""

from bisect import insort

from trigger_engine.core.limits import SLOTS_MAX
from trigger_engine.core.state import Slot


def take_slot(slots: list[Slot], slot: Slot) -> None:
    """Enter a slot in order of time. Real mails and shadows have room each; beyond it, the oldest goes."""
    insort(slots, slot, key=lambda taken: taken.at)
    shadow = bool(slot.owner)
    alike = [taken for taken in slots if bool(taken.owner) == shadow]
    if len(alike) > SLOTS_MAX:
        slots.remove(alike[0])
