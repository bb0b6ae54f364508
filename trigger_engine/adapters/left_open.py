"""Ending what the former holder of a writer's name left open and the broker did not end when it fenced him.

Where a partition has no leader for a moment (its broker was frozen, say, and given up), Kafka takes a
transaction for aborted without a marker in it. What is left there stands under our name: our first commit
would bring it to light, beside what we decide again.
"""

from collections.abc import Mapping

from schemas.keys import RESERVED_STATE_PREFIX
from trigger_engine.adapters.log_port import EngineLog, LogWriter

LEFT_OPEN_KEY = f"{RESERVED_STATE_PREFIX}left-open".encode()
"""Of records that are written only to be aborted; compacted topics take none without a key."""


class _NothingOfIt(Exception):
    """Ends a transaction of which nothing is to be seen."""


async def end_left_open(
    writer: LogWriter, log: EngineLog, written: Mapping[str, int | None]
) -> list[tuple[str, int]]:
    """Abort whatever is open where `writer` has just become the only one of its name; returns these places.

    `written`: the topics it writes, with the one partition of each that nobody else writes. None: any
    partition, as others do. What is open there may be theirs, which no marker of ours touches.
    """
    places = await _open_places(log, written)
    if places:
        try:
            async with writer.transaction() as transaction:
                for topic, number in places:
                    await transaction.append(topic, number, [(LEFT_OPEN_KEY, None, [])])
                await transaction.written()
                raise _NothingOfIt
        except _NothingOfIt:
            pass
    return places


async def _open_places(log: EngineLog, written: Mapping[str, int | None]) -> list[tuple[str, int]]:
    places: list[tuple[str, int]] = []
    for topic, facts in (await log.describe(tuple(written))).items():
        alone = written[topic]
        every = range(facts.partitions)
        numbers = [number for number in every if alone is None or number == alone]
        # In this order: what is written between the two questions is taken for left open by neither.
        ends = await log.end_offsets(topic, numbers, committed=False)
        committed = await log.end_offsets(topic, numbers)
        places += [(topic, number) for number in numbers if committed[number] < ends[number]]
    return places
