"""What a condition is asked about: the customer, and whatever stands beside her at that moment."""

from typing import Any, Protocol

from schemas.instants import Instant
from trigger_engine.core.replenishment import Due
from trigger_engine.core.state import CustomerState


class Event(Protocol):
    """What conditions see of an event, whether it has just come or was kept."""

    @property
    def type(self) -> str: ...
    @property
    def occurred_at(self) -> Instant: ...
    @property
    def properties(self) -> dict[str, Any]: ...
    @property
    def context(self) -> dict[str, Any]: ...


class Scene:
    """`event`: the one that has come; `start`: the run's; `answer`: what a `wait_until` got, if anything;
    `due`: what runs out, where it is not what does so next as of `now`.

    Which of them are there depends on the kind of condition; it can name no others.
    """

    __slots__ = ("answer", "due", "event", "now", "start", "state")

    def __init__(
        self,
        state: CustomerState,
        event: Event | None,
        start: Event | None,
        now: Instant,
        answer: Event | None = None,
        due: Due | None = None,
    ) -> None:
        self.state = state
        self.event = event
        self.start = start
        self.now = now
        self.answer = answer
        self.due = due
