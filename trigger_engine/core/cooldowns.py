"""When a trigger mailed a customer last, and what that was before a mail whose outcome is not known yet.

A mail that is not sent in the end starts no cooldown: then the trigger's last mail is the latest of those
before it. So each pending mail knows when the one before it was due, however late that one came: out of
order, or from her device in a hand-over.
"""

from collections.abc import Iterable, Sequence

from schemas.instants import Instant
from trigger_engine.core.state import CustomerState, PendingMail


def last_before(state: CustomerState, trigger_id: str, due_at: Instant) -> Instant | None:
    """When the trigger's last mail at or before `due_at` was due."""
    return _latest(_known(state, trigger_id), due_at)


def note_mail(state: CustomerState, trigger_id: str, due_at: Instant) -> None:
    """A mail of the trigger goes out, or would."""
    memory = state.memories.get(trigger_id)
    if memory is not None:
        memory.last_mailed_at = max(due_at, memory.last_mailed_at or due_at)
    for mail in _pending(state, trigger_id):
        if mail.due_at > due_at:
            mail.mailed_before_at = max(due_at, mail.mailed_before_at or due_at)


def return_mail(state: CustomerState, mail: PendingMail) -> None:
    """The mail, pending no more, was not sent."""
    pending = _pending(state, mail.trigger_id)
    for later in pending:
        if later.mailed_before_at == mail.due_at:
            later.mailed_before_at = mail.mailed_before_at
    memory = state.memories.get(mail.trigger_id)
    if memory is not None and memory.last_mailed_at == mail.due_at:
        before = [] if mail.mailed_before_at is None else [mail.mailed_before_at]
        memory.last_mailed_at = max([*(one.due_at for one in pending), *before], default=None)


def unite_before(state: CustomerState, other: CustomerState) -> None:
    """Of two whose memories are still apart, each side's pending mails learn of the other side's mails."""
    learned = [
        (mail, _latest([mail.mailed_before_at, *_known(side, mail.trigger_id)], mail.due_at))
        for mails, side in ((state.mails, other), (other.mails, state))
        for mail in mails
    ]
    for mail, before_at in learned:
        mail.mailed_before_at = before_at


def _pending(state: CustomerState, trigger_id: str) -> Sequence[PendingMail]:
    return [mail for mail in state.mails if mail.trigger_id == trigger_id]


def _known(state: CustomerState, trigger_id: str) -> Iterable[Instant | None]:
    """The due times of the trigger's mails, as far as they are known."""
    memory = state.memories.get(trigger_id)
    yield None if memory is None else memory.last_mailed_at
    for mail in _pending(state, trigger_id):
        yield mail.mailed_before_at
        yield mail.due_at


def _latest(known: Iterable[Instant | None], until: Instant) -> Instant | None:
    return max((at for at in known if at is not None and at <= until), default=None)
