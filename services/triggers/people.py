"""Who is in the middle of a series, read from the committed states of all customers.

The states are read partition by partition, so that no more than one partition's is held at a time. They are
counted only; nothing of a person is shown.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.instants import Instant
from schemas.topics import STATE_CHANGELOG
from services.triggers.words import mail_steps
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.state_store import MemoryStore
from trigger_engine.adapters.takeover import read_changelog
from trigger_engine.core.scene import Scene
from trigger_engine.core.segments import compile_segment
from trigger_engine.core.state import CustomerState, Run, StateError, decode_state

FormOf = Callable[[str, str], Mapping[str, Any] | None]
"""(trigger id, version) → its normal form, if some published set has it."""
IsIn = Callable[[CustomerState], bool]
"""Whether a customer is in a segment."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a run stands: its trigger, the version it follows, and the mail it did last (none: empty)."""

    trigger_id: str
    version: str
    after_mail: str

    def __str__(self) -> str:
        return f"after {self.after_mail}" if self.after_mail else "before the first mail"


@dataclass(slots=True)
class People:
    """Counts over all customers."""

    customers: int = 0
    unreadable: int = 0
    runs: Counter[Place] = field(default_factory=Counter)
    members: Counter[str] = field(default_factory=Counter)
    """By segment id, for the segments asked about."""

    def of_trigger(self, trigger_id: str) -> dict[Place, int]:
        """The runs of one trigger, in order."""
        return {place: self.runs[place] for place in sorted(self.runs) if place.trigger_id == trigger_id}

    def admit(self, value: bytes, form_of: FormOf, is_in: Mapping[str, IsIn]) -> None:
        """Count one customer, by her encoded state."""
        try:
            state = decode_state(value)
        except StateError:
            self.unreadable += 1
            return
        if state.alias is not None:
            return
        self.customers += 1
        self.runs.update(_place(run, form_of) for run in state.runs)
        self.members.update(name for name, holds in is_in.items() if holds(state))


def _place(run: Run, form_of: FormOf) -> Place:
    after = run.last_mail
    if run.position < 0 and run.mail_index:  # a state of version 1 counts mails instead
        form = form_of(run.trigger_id, run.trigger_version) or {"steps": []}
        mails = mail_steps(form)
        after = mails[run.mail_index - 1] if run.mail_index <= len(mails) else ""
    return Place(run.trigger_id, run.trigger_version, after)


def _membership(form: Mapping[str, Any], now: Instant) -> IsIn:
    segment = compile_segment(form)
    return lambda state: segment.holds(Scene(state, None, None, now))


async def read_people(
    kafka: str,
    partitions: int,
    form_of: FormOf,
    *,
    check_crcs: bool = True,
    segments: Iterable[Mapping[str, Any]] = (),
    now: Instant = 0,
    progress: Callable[[int], None] = lambda number: None,
) -> People:
    """Read all states. `progress` is told each partition before it is read. Raises what aiokafka raises.

    Members are counted of these segments (their normal forms), as of `now`, whatever engines know of them.
    """
    log = KafkaLog(kafka, check_crcs=check_crcs)
    people = People()
    is_in = {str(form["id"]): _membership(form, now) for form in segments}
    if STATE_CHANGELOG not in await log.describe((STATE_CHANGELOG,)):
        return people
    for number in range(partitions):
        progress(number)
        store = MemoryStore(lambda: now)
        await read_changelog(log, number, store)
        for _, value in store.items():
            people.admit(value, form_of, is_in)
    return people
