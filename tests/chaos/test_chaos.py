"""A short selection of the scenarios, for every run of CI; `make chaos` runs all of them, and longer."""

from pathlib import Path

import pytest

from tests.chaos.killing import ALONE, kills, poison
from tests.chaos.points import Phase, phase_said
from tests.chaos.scenarios import SCENARIOS, planned
from tests.chaos.staying import STOPPED_AT, zombies

CLIENTS_MAY_LEAK = "ignore::pytest.PytestUnraisableExceptionWarning"
"""aiokafka leaves a socket behind when a client is closed during its metadata update."""
pytestmark = [pytest.mark.filterwarnings(CLIENTS_MAY_LEAK), pytest.mark.timeout(400)]


async def test_kills_in_named_phases_lose_and_double_nothing(tmp_path: Path) -> None:
    done = await kills(tmp_path, 11, 3)
    assert sum(done.kills.values()) == len(done.kills) == 3
    assert done.decisions > 0
    assert done.faults == []


async def test_a_zombie_between_the_last_check_and_the_flush_writes_nothing(tmp_path: Path) -> None:
    done = await zombies(tmp_path, 12, 1)
    assert done.stops == {Phase.CHECKED: 1}
    assert done.faults == []


async def test_a_storm_of_poison_is_told_letter_by_letter(tmp_path: Path) -> None:
    done = await poison(tmp_path, 13, 1)
    assert done.dead_letters > 100
    assert done.faults == []


def test_kills_are_shared_out_and_every_phase_is_met() -> None:
    """What `make chaos` runs: at least the kills asked for, and each phase by some scenario."""
    rounds = list(planned(200, 1, list(SCENARIOS)))
    killing = [one.times for one in rounds if SCENARIOS[one.scenario].share]
    assert sum(killing) >= 200
    assert len({(one.scenario, one.seed) for one in rounds}) == len(rounds)
    assert {*ALONE, Phase.REBALANCING} == set(Phase)
    assert STOPPED_AT[0] == Phase.CHECKED


def test_a_log_tells_in_which_phase_its_process_was(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    log.write_text(
        "…\n2026-11-29 14:00:00 WARNING tests.chaos: chaos: SIGSTOP in phase before-flush, pass 3\n"
    )
    assert phase_said(log) == Phase.CHECKED
    log.write_text("nothing of the kind\n")
    assert phase_said(log) is None
