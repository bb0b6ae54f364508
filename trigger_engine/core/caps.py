"""How often: the cooldown of a trigger, and the frequency caps over all marketing mails.

A mail takes its place at its due time, whether it is sent, held out or (for itself only) a shadow; a
mail that was not sent after all gives its place back.
"""

from schemas.instants import format_instant
from trigger_engine.core.durations import format_duration
from trigger_engine.core.question import Question, Verdict
from trigger_engine.core.state import CustomerState, Run


def check_cooldown(question: Question) -> Verdict | None:
    """Only a run's first mail, counted in event time from the last mail of the trigger's earlier runs."""
    trigger, run = question.trigger, question.run
    memory = question.state.memories.get(trigger.id)
    if not trigger.cooldown_ms or run.last_mail or memory is None:
        return None
    last_at = memory.last_mailed_at
    question.facts["last_mailed_at"] = None if last_at is None else format_instant(last_at)
    if last_at is None or run.due_at >= last_at + trigger.cooldown_ms:
        return None
    length = format_duration(trigger.cooldown_ms)
    return Verdict(
        "cooldown", f"its last mail was due at {format_instant(last_at)}, less than {length} before"
    )


def check_caps(question: Question) -> Verdict | None:
    """Each cap counts the places taken within its window, and planned campaigns as far ahead."""
    policy = question.policy
    if not policy.caps:
        return None
    due_at = question.run.due_at
    owner = owner_of(question.run)
    taken = [slot.at for slot in question.state.slots if slot.owner == owner]
    sale_day = any(begins <= question.now < ends for begins, ends in policy.calendar.sale_days)
    for cap in policy.caps:
        within = cap.within_ms
        mails = sum(1 for at in taken if at > due_at - within)
        campaigns = sum(1 for one in policy.calendar.campaigns if due_at < one.at < due_at + within)
        most = cap.on_sale_days if sale_day and cap.on_sale_days is not None else cap.at_most
        length = format_duration(within)
        question.facts[f"mails_within_{length}"] = mails
        if campaigns:
            question.facts[f"campaigns_within_{length}"] = campaigns
        if mails + campaigns >= most:
            planned = f" and {campaigns} planned" if campaigns else ""
            return Verdict("capped", f"{mails} mailed{planned} within {length}, of {most} allowed")
    return None


def owner_of(run: Run) -> str:
    """Whose places a run counts and takes: everybody's, or those of its shadow alone."""
    return run.trigger_id if run.shadow else ""


def return_slot(state: CustomerState, send_id: str) -> None:
    """The mail was not sent after all."""
    if any(slot.send_id == send_id for slot in state.slots):
        state.slots = [slot for slot in state.slots if slot.send_id != send_id]
