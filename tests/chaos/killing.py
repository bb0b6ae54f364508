"""Scenarios in which engines kill themselves in named phases, and are started again at once."""

import asyncio
from collections import deque
from pathlib import Path
from random import Random

from tests.chaos.points import Doom, Phase
from tests.chaos.site import Round, Site, site

ALONE = tuple(phase for phase in Phase if phase != Phase.REBALANCING)
"""Phases that an engine comes to without any other."""
NEEDS_STATE = (Phase.RECOVERING,)
PASSES = {Phase.FENCED: 2, Phase.RECOVERING: 2}
PASSES_MAX = 30
RECORDS_IN_A_LIFE = 500
NAMES = ("engine-0", "engine-1")
SLOW_DELAY_S = 0.08
SLOW_BYTES_PER_S = 3e6


def dooms(random: Random, count: int) -> list[Doom]:
    """So many, every phase as often as any other, in an order of the seed."""
    phases = [ALONE[number % len(ALONE)] for number in range(count)]
    random.shuffle(phases)
    return [Doom(phase, random.randint(1, PASSES.get(phase, PASSES_MAX))) for phase in phases]


async def kills(directory: Path, seed: int, count: int) -> Round:
    """Two static members, each killed again and again in one phase after the other."""
    async with site(directory, seed) as here:
        async with here.load:
            await _die(here, count)
        return await here.judged("kills")


async def poison(directory: Path, seed: int, count: int) -> Round:
    """Storms: a third of all records can be read by nobody, while engines are killed."""
    async with site(directory, seed, TETIK_REJECTED_MAX="1000") as here:
        async with here.load:
            here.load.shoppers.poison = 0.33
            await _die(here, count)
            await here.shopped(500)
            here.load.shoppers.poison = 0.0
            await here.shopped(500)
        return await here.judged("poison")


async def slow_broker(directory: Path, seed: int, count: int) -> Round:
    """What goes to the broker and comes from it takes long, and is little at a time; engines are killed."""
    async with site(directory, seed, proxied=True) as here:
        proxy = here.broker.proxy
        assert proxy is not None, "asked for"
        async with here.load:
            proxy.delay_s, proxy.bytes_per_s = SLOW_DELAY_S, SLOW_BYTES_PER_S
            await _die(here, count)
            await here.shopped(1_000)
            proxy.delay_s, proxy.bytes_per_s = 0.0, 1e9
        return await here.judged("slow-broker")


async def _die(here: Site, count: int) -> None:
    """So many kills; then the engines stay."""
    waiting = deque(dooms(here.random, count))
    await asyncio.gather(*(_die_in_turn(here, name, waiting) for name in NAMES))


async def _die_in_turn(here: Site, name: str, waiting: deque[Doom]) -> None:
    while waiting:
        doom = waiting.popleft()
        if doom.phase in NEEDS_STATE:
            await _write_state(here, name)
        while not await here.fleet.dies(here.fleet.start(doom, name), doom):
            pass
    here.fleet.keep(name)


async def _write_state(here: Site, name: str) -> None:
    """A life long enough that its partitions have something to recover, whatever became of those before."""
    engine = here.fleet.start(None, name)
    await here.fleet.works(engine)
    await here.shopped(RECORDS_IN_A_LIFE)
    here.fleet.end(engine)


async def rebalances(directory: Path, seed: int, count: int) -> Round:
    """Each worker dies while the next one joins; one that has a name stays."""
    async with site(directory, seed) as here:
        fleet, doom = here.fleet, Doom(Phase.REBALANCING)
        async with here.load:
            fleet.keep(NAMES[0])
            dying = fleet.start(doom)
            await fleet.works(dying)
            for _ in range(count):
                following = fleet.start(doom)
                assert await fleet.dies(dying, doom)
                dying = following
                await fleet.works(dying)  # else the next one may join with it, and there is nothing to die in
            fleet.kill(dying)
        return await here.judged("rebalances")
