"""Which plays a demo must show, and whether it did: a decision `fired`, and its mail in the catcher's folder.

In the whole week that is every live trigger of the published set. A shorter demo promises what the cast acts
out within its days (`Role.by_day`).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.demo import cast_days, cast_orders, cast_relations, cast_shopping
from services.demo.cast import Member, Role
from services.demo.check import Fault
from services.demo.reading import Observed

ROLES: tuple[Role, ...] = (
    *cast_shopping.ROLES,
    *cast_orders.ROLES,
    *cast_days.ROLES,
    *cast_relations.ROLES,
)
CAST: tuple[Member, ...] = tuple(member for role in ROLES for member in (*role.meets, *role.spared))
WHOLE_WEEK = 7


@dataclass(frozen=True, slots=True)
class Shown:
    """What was seen of a play: how many decisions `fired`, how many of their mails arrived, by template."""

    play: str
    promised: bool
    fired: int
    mails: Mapping[str, int]

    @property
    def is_whole(self) -> bool:
        """From a decision through to a mail, if that was promised."""
        return not self.promised or (self.fired > 0 and sum(self.mails.values()) > 0)


def promised(triggers: Sequence[Mapping[str, Any]], days: int) -> set[str]:
    """The plays that must fire within the first `days` of the week."""
    live = {str(trigger["id"]) for trigger in triggers if trigger["status"] == "live"}
    if days >= WHOLE_WEEK:
        return live
    return live & {role.play for role in ROLES if role.by_day <= days}


def shown(triggers: Sequence[Mapping[str, Any]], due: Collection[str], observed: Observed) -> list[Shown]:
    """Every trigger of the set, by id; `due` are those that were promised."""
    arrived = {mail.send_id for mail in observed.mails}
    template_of = {each.send_id: str(each.template) for _, each in observed.requests if each.action == "send"}
    fired = [each for _, each in observed.decisions if each.outcome == "fired"]
    seen = []
    for play in sorted(str(trigger["id"]) for trigger in triggers):
        sends = [str(each.send_id) for each in fired if each.trigger_id == play]
        mails = Counter(template_of[send] for send in sends if send in arrived and send in template_of)
        seen.append(Shown(play, play in due, len(sends), dict(sorted(mails.items()))))
    return seen


def unplayed(plays: Iterable[Shown]) -> list[Fault]:
    """What was promised and is not there."""
    return [
        Fault("missing", "play", f"{each.play}: {each.fired} fired, {sum(each.mails.values())} mails came")
        for each in plays
        if not each.is_whole
    ]
