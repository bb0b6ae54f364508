"""Plays the script: the clock goes from one instant at which something happens to the next.

An instant is the next event's or the next wake-up's, whichever comes first. There the clock ticks, and what
is due is done to its end, mails delivered and heard of. Only then are the events sent, so that ingest stamps
and the engine decides on them at that very instant, and everything settles again.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from schemas.instants import Instant, format_instant
from services.demo.errors import Stalled
from services.demo.script import Moment
from services.demo.sending import Sources
from services.demo.timekeeper import Timekeeper


@dataclass(frozen=True, slots=True)
class Step:
    """The clock's step that has just ended: its instant, how many there were, how many events were sent."""

    at: Instant
    number: int
    sent: int


async def play(
    moments: Sequence[Moment],
    until: Instant,
    timekeeper: Timekeeper,
    sources: Sources,
    note: Callable[[Step], None],
    begun: Callable[[], Awaitable[None]],
) -> int:
    """From the present tick to the last instant before `until` at which anything happens; how many steps.
    `begun` is waited for when the history and the shop's goods, the first moment, are settled.

    Raises Refused or Stalled.
    """
    waiting = deque(moments)
    steps = sent = 0
    await timekeeper.settle()
    while True:
        at = _next_instant(waiting, timekeeper)
        if at is None or at >= until:
            return steps
        await timekeeper.tick(at)
        await timekeeper.settle()
        if waiting and waiting[0].at == at:
            moment = waiting.popleft()
            await sources.send(moment)
            sent += len(moment.events)
        await timekeeper.settle()
        if steps == 0:
            await begun()
            await timekeeper.settle()
        steps += 1
        note(Step(at, steps, sent))


def _next_instant(waiting: deque[Moment], timekeeper: Timekeeper) -> Instant | None:
    due_at = timekeeper.next_due_at
    if due_at is not None and due_at <= timekeeper.now:
        raise Stalled(
            f"a service says that it is done at {format_instant(timekeeper.now)}, and that it has something "
            f"to do at {format_instant(due_at)}: that is a fault in its progress report."
        )
    instants = [] if due_at is None else [due_at]
    if waiting:
        instants.append(waiting[0].at)
    return min(instants, default=None)
