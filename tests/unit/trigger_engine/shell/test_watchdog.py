"""The watchdog: who stands still before the end of the log reads again, and ends the process at last."""

from dataclasses import dataclass

import pytest

from trigger_engine.adapters.watchdog import LOOKS_BEFORE_SEEK, LOOKS_MAX, StoodStill, Watchdog


@dataclass
class Reader:
    next_offset: int
    busy: bool = False
    flushes: int = 0


class Seeks(list[tuple[int, int]]):
    async def seek(self, partition: int, offset: int) -> None:
        self.append((partition, offset))


async def test_who_stands_still_before_the_end_reads_again_from_where_it_stands() -> None:
    seeks = Seeks()
    watchdog = Watchdog(seeks.seek)
    readers = {0: Reader(5), 1: Reader(9)}
    for _ in range(LOOKS_BEFORE_SEEK + 1):
        assert seeks == []
        await watchdog.look(readers, {0: 8, 1: 9})
    assert seeks == [(0, 5)]


async def test_who_moves_or_works_is_left_alone() -> None:
    seeks = Seeks()
    watchdog = Watchdog(seeks.seek)
    moving, working = Reader(0), Reader(3, busy=True)
    for _ in range(LOOKS_MAX):
        moving.next_offset += 1
        await watchdog.look({0: moving, 1: working}, {0: 1_000, 1: 1_000})
    assert seeks == []


async def test_a_rebalance_begins_the_count_anew() -> None:
    seeks = Seeks()
    watchdog = Watchdog(seeks.seek)
    for _ in range(5):
        await watchdog.look({0: Reader(5)}, {0: 8})
        watchdog.forget()
    assert seeks == []


async def test_who_works_off_slice_after_slice_at_one_offset_is_left_alone() -> None:
    """A burst of wake-ups before an event, or the last change of rules, may take longer than two minutes."""
    watchdog, sliced = Watchdog(Seeks().seek), Reader(3, busy=True)
    for _ in range(2 * LOOKS_MAX):
        sliced.flushes += 1
        await watchdog.look({0: sliced}, {0: 8})


async def test_wake_ups_that_fire_meanwhile_do_not_hide_that_the_log_is_not_read() -> None:
    watchdog, firing = Watchdog(Seeks().seek), Reader(3)
    for _ in range(LOOKS_MAX):
        firing.flushes += 1
        await watchdog.look({0: firing}, {0: 8})
    with pytest.raises(StoodStill):
        await watchdog.look({0: firing}, {0: 8})


@pytest.mark.parametrize("busy", [False, True])
async def test_where_reading_again_does_not_help_the_process_ends(busy: bool) -> None:
    watchdog = Watchdog(Seeks().seek)
    for _ in range(LOOKS_MAX):
        await watchdog.look({0: Reader(5, busy)}, {0: 8})
    with pytest.raises(StoodStill, match=r"partition 0 stands at offset 5 .* goes on to 8"):
        await watchdog.look({0: Reader(5, busy)}, {0: 8})
