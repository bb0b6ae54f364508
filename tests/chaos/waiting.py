"""Waiting for what must come: every wait has a deadline that tells what was seen."""

import asyncio
from collections.abc import Awaitable, Callable

LOOK_EVERY_S = 0.05


class NotInTime(AssertionError):
    """What was waited for did not come; the message says what there was instead."""


async def until(
    holds: Callable[[], bool], what: str, deadline_s: float, seen: Callable[[], str] = lambda: ""
) -> None:
    """Return when it holds. Raises NotInTime with what was `seen`."""
    end = asyncio.get_running_loop().time() + deadline_s
    while not holds():
        if asyncio.get_running_loop().time() > end:
            raise NotInTime(f"waited {deadline_s:g} s for {what}\n{seen()}")
        await asyncio.sleep(LOOK_EVERY_S)


async def until_asked(
    holds: Callable[[], Awaitable[bool]], what: str, deadline_s: float, seen: Callable[[], str] = lambda: ""
) -> None:
    """As `until`, where looking takes an answer."""
    end = asyncio.get_running_loop().time() + deadline_s
    while not await holds():
        if asyncio.get_running_loop().time() > end:
            raise NotInTime(f"waited {deadline_s:g} s for {what}\n{seen()}")
        await asyncio.sleep(LOOK_EVERY_S)


async def passed(seconds: float) -> None:
    """Where the length of time itself is the fault: a broker that is silent for so long."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        await asyncio.sleep(LOOK_EVERY_S)
