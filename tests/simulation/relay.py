"""The relay that simulated senders hand their mails to: it counts every final dot that it took.

`RelayLine` is one sender's way to it, in the place of its pool of SMTP connections: slow, unreachable,
refusing, or silent after the final dot. What SMTP does on the wire is held by the sender's integration tests.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from random import Random

from sender.adapters.smtp import Answer, DotRefused
from sender.core.policy import Unanswered, Unreachable
from sender.core.replies import Phase, Reply
from tests.simulation.mortal import Steps
from tests.simulation.virtual_time import passes

_SEND_ID = re.compile(rb"^X-Tetik-Send-Id: (\S+)\r$", re.MULTILINE)
PAUSE_S = 0.3
SLOW_S = 0.4
ANSWERS: tuple[tuple[float, Answer], ...] = (
    (0.02, Unreachable("no route to the relay")),
    (0.015, Reply(Phase.RECIPIENT, 550, "5.1.1 no such user here")),
    (0.02, Reply(Phase.RECIPIENT, 451, "4.2.0 try again later")),
    (0.005, Reply(Phase.RECIPIENT, 550, "5.7.1 not from you")),
)
"""Before the final dot, with what chance."""
LOST_DOT, LOST_ANSWER = 0.006, 0.012


class Relay:
    """`copies`: the bytes of each mail that was taken, by send id."""

    def __init__(self) -> None:
        self.copies: dict[str, list[bytes]] = defaultdict(list)

    def take(self, message: bytes) -> None:
        """The final dot has come."""
        found = _SEND_ID.search(message)
        assert found is not None, "every mail names its send id"
        self.copies[found[1].decode()].append(message)


class RelayLine:
    """One sender's connections."""

    reachable: bool | None = None

    def __init__(self, relay: Relay, steps: Steps, random: Random) -> None:
        self._relay = relay
        self._steps = steps
        self._random = random
        self._paused_until_s = 0.0

    async def send(
        self, sender: str, recipient: str, message: bytes, before_dot: Callable[[], Awaitable[bool]]
    ) -> Answer:
        """One try. Raises DotRefused."""
        await self._steps.at("relay connects")
        if asyncio.get_running_loop().time() < self._paused_until_s:
            return Unreachable("the relay refuses us for a while")
        if self._random.random() < 0.3:
            await passes(self._random.random() * SLOW_S)
        refused = self._refusal()
        if refused is not None:
            return refused
        if not await before_dot():
            raise DotRefused
        await self._steps.at("relay hears the dot")
        chance = self._random.random()
        if chance < LOST_DOT:
            return Unanswered("the connection broke with the dot on its way")
        self._relay.take(message)
        await self._steps.at("relay answers")
        if chance < LOST_ANSWER:
            return Unanswered("the connection broke with the answer on its way")
        return Reply(Phase.FINAL_DOT, 250, "2.0.0 taken")

    def _refusal(self) -> Answer | None:
        chance = self._random.random()
        for share, answer in ANSWERS:
            if chance < share:
                return answer
            chance -= share
        return None

    def pause(self, reason: str) -> None:
        """The relay refuses us, not a mail."""
        self._paused_until_s = asyncio.get_running_loop().time() + PAUSE_S

    def resume(self) -> None:
        """The relay took a mail."""
        self._paused_until_s = 0.0

    async def close_idle(self) -> None:
        """There are no connections."""

    async def close(self) -> None:
        """There are no connections."""
