"""When to look at a customer next, and what is due then."""

from schemas.instants import Instant
from trigger_engine.core import watches
from trigger_engine.core.rules import Rules
from trigger_engine.core.state import CustomerState, Run


def reschedule(rules: Rules, state: CustomerState) -> None:
    """Set the customer's next wake-up to the earliest time at which something is due by itself: a run, a
    segment that time may change, a watch. What stands still is not due."""
    next_at = state.segments_flip_at
    for run in state.runs:
        if (next_at is None or run.due_at < next_at) and not rules.stands_still(run):
            next_at = run.due_at
    if state.watches:
        watch_at = watches.earliest(rules, state)
        if watch_at is not None and (next_at is None or watch_at < next_at):
            next_at = watch_at
    state.next_wake_up_at = next_at


def due_runs(rules: Rules, state: CustomerState, until: Instant) -> list[Run]:
    """Runs due at or before `until`, earliest first, then by priority, trigger and occasion."""
    due = [run for run in state.runs if run.due_at <= until and not rules.stands_still(run)]
    if len(due) > 1:
        due.sort(key=lambda run: (run.due_at, -rules.priority_of(run), run.trigger_id, run.occasion))
    return due
