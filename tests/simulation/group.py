"""The consumer group: who owns which partition, decided anew whenever somebody comes or goes.

It knows only what heartbeats tell. Who is frozen or cut off is left out, and goes on all the same.
"""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from tests.simulation.mortal import spawn
from tests.simulation.process import Process


class Group:
    """`run` decides for ever; `settled` says that nothing is being decided."""

    def __init__(self, random: Random, partitions: int) -> None:
        self.members: list[Process] = []
        self._random = random
        self._partitions = partitions
        self._wanted = asyncio.Event()
        self._deciding = False

    @property
    def settled(self) -> bool:
        """Whether the last decision has been carried out and no other is wanted."""
        return not self._deciding and not self._wanted.is_set() and bool(self._present())

    def rebalance(self) -> None:
        """Decide anew."""
        self._wanted.set()

    def _present(self) -> list[Process]:
        return [member for member in self.members if member.member]

    async def run(self) -> None:
        """One decision after the other."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._deciding = True
            await self._decide()
            self._deciding = False

    async def _decide(self) -> None:
        self.members = [member for member in self.members if member.alive]
        await self._each(lambda member: member.revoked())
        present = self._present()
        assignment: dict[int, set[int]] = {member.number: set() for member in present}
        for number in range(self._partitions):
            if present:
                assignment[self._random.choice(present).number].add(number)
        await self._each(lambda member: member.assigned(assignment.get(member.number, set())))

    async def _each(self, callback: Callable[[Process], Coroutine[Any, Any, None]]) -> None:
        """Ask every member at once; who drops out meanwhile is waited for no longer."""
        asked = [(member, spawn(member, callback(member), "callback")) for member in self._present()]
        for member, task in asked:
            left = asyncio.create_task(member.left.wait())
            await asyncio.wait([task, left], return_when=asyncio.FIRST_COMPLETED)
            left.cancel()
            if task.done() and not task.cancelled():
                task.exception()  # it died in it, which it has told
            if not task.done():
                self._wanted.set()
