"""Scenarios in which nobody dies by its own hand: zombies, members that come and go, a broker that goes away,
clocks that jump."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from signal import SIGSTOP

from schemas.instants import HOUR_MS
from tests.chaos.points import Doom, Phase
from tests.chaos.site import Round, Site, site
from tests.chaos.waiting import passed
from tests.fixtures.engine import PARTITIONS

NAMES = ("engine-0", "engine-1")
STOPPED_AT = (
    Phase.CHECKED,
    Phase.WRITTEN,
    Phase.OUTPUTS,
    Phase.COMMITTING,
    Phase.RECOVERING,
    Phase.COMMITTED,
    Phase.FETCHED,
    Phase.FENCED,
    Phase.CHANGELOG,
)
"""The order in which zombies are made; the first is the one between the last check and the flush."""
WORKERS_MAX = 4
BEAT_RECORDS = 300
"""So many records between two changes of a group: some two seconds' worth."""
BROKER_STOPPED_S = 60.0


async def zombies(directory: Path, seed: int, count: int) -> Round:
    """Workers that stand still in a phase until another has taken over, and then go on."""
    async with site(directory, seed) as here:
        async with here.load:
            for number in range(count):
                phase = STOPPED_AT[number % len(STOPPED_AT)]
                passes = 1 if phase in (Phase.RECOVERING, Phase.FENCED) else here.random.randint(1, 6)
                await _one_zombie(here, Doom(phase, passes, SIGSTOP))
            here.fleet.keep(NAMES[0])
        return await here.judged("zombies")


async def _one_zombie(here: Site, doom: Doom) -> None:
    """It is alone, and so comes to its phase; when it wakes up, another has all of its partitions. Woken in a
    take-over, it fences that one before it is fenced itself: then that one is started again."""
    fleet = here.fleet
    zombie = fleet.start(doom)
    await fleet.stops_itself(zombie, doom)
    fleet.keep(NAMES[0])
    await fleet.owns(NAMES[0], PARTITIONS)
    await here.progressed()
    zombie.thaw()
    await fleet.ends_or_works(zombie)
    await here.progressed()
    fleet.kill(zombie)
    await fleet.release()


async def membership(directory: Path, seed: int, count: int) -> Round:
    """Every few seconds somebody joins, leaves in order, or is killed at whatever it does."""
    async with site(directory, seed) as here:
        fleet, random = here.fleet, here.random
        async with here.load:
            for _ in range(count):
                living = fleet.living()
                chance = random.random()
                if len(living) < 2 or (len(living) < WORKERS_MAX and chance < 0.4):
                    fleet.start()
                elif chance < 0.6:
                    await fleet.leaves(random.choice(living))
                else:
                    fleet.kill(random.choice(living))
                await here.shopped(BEAT_RECORDS)
            fleet.keep(NAMES[0])
        return await here.judged("membership")


async def _with_two_engines(
    directory: Path, seed: int, scenario: str, chaos: Callable[[Site], Awaitable[None]]
) -> Round:
    """They are at work, and are started again whenever they end."""
    async with site(directory, seed) as here:
        for name in NAMES:
            here.fleet.keep(name)
        async with here.load:
            await here.progressed()
            await chaos(here)
            await here.progressed()
        return await here.judged(scenario)


async def broker_restarts(directory: Path, seed: int, count: int) -> Round:
    """The broker is stopped in order and killed, in turns, and comes back on its data."""

    async def chaos(here: Site) -> None:
        for number in range(count):
            await here.shopped(BEAT_RECORDS)
            if number % 2:
                await here.broker.kill()
            else:
                await here.broker.stop()
                await here.broker.start()
            await here.progressed()

    return await _with_two_engines(directory, seed, "broker-restarts", chaos)


async def broker_stopped(directory: Path, seed: int, count: int) -> Round:
    """The broker answers nobody for a minute, and then goes on where it was."""

    async def chaos(here: Site) -> None:
        for _ in range(count):
            await here.shopped(BEAT_RECORDS)
            here.broker.freeze()
            await passed(BROKER_STOPPED_S)
            here.broker.thaw()
            await here.progressed()

    return await _with_two_engines(directory, seed, "broker-stopped", chaos)


async def clocks(directory: Path, seed: int, count: int) -> Round:
    """The engines' clocks jump an hour ahead and an hour back, and in the end are right again."""

    async def chaos(here: Site) -> None:
        for number in range(count):
            await here.shopped(2 * BEAT_RECORDS)
            here.set_clock(HOUR_MS if number % 2 == 0 else -HOUR_MS)
        await here.shopped(2 * BEAT_RECORDS)
        here.set_clock(0)

    return await _with_two_engines(directory, seed, "clocks", chaos)
