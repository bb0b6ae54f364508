"""Ending tasks for sure."""

import asyncio
from typing import Any

SAID_AGAIN_S = 1.0


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended; what they raise is theirs to tell.

    Once is not enough: aiokafka's `stop` swallows a cancellation of whoever waits for it.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=SAID_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
