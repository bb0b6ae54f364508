"""The shell through everything that can go wrong: 10^5 events a run (`make simulate N=…` for more)."""

import logging
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from os import cpu_count, environ

import pytest

from tests.simulation.recorded import recorded
from tests.simulation.rule_sets import NAMES
from tests.simulation.run import (
    EVENTS_PER_HISTORY,
    Failure,
    fingerprint,
    first_failure,
    judged_in_ci,
    smallest,
)
from tests.simulation.world import Outcome

EVENTS = 100_000
CHUNK = 10 * EVENTS_PER_HISTORY
"""Events that a process of the pool simulates at a time."""


@pytest.mark.timeout(900)
def test_every_decision_is_made_once_whatever_goes_wrong() -> None:
    with ProcessPoolExecutor(cpu_count(), initializer=logging.disable, initargs=(logging.CRITICAL,)) as pool:
        seeds = range(0, EVENTS // EVENTS_PER_HISTORY, CHUNK // EVENTS_PER_HISTORY)
        done = 0
        for running in [pool.submit(first_failure, seed, CHUNK, judged_in_ci) for seed in seeds]:
            result = running.result()
            if isinstance(result, Failure):
                pool.shutdown(cancel_futures=True)
                pytest.fail(result.report(smallest(result, judged_in_ci)))
            done += result
    assert done >= EVENTS


def test_processes_die_and_are_fenced(outcomes: list[Outcome]) -> None:
    """Else the run above says nothing."""
    assert sum(outcome.deaths for outcome in outcomes) > 20
    assert sum(outcome.zombies for outcome in outcomes) > 5


def test_most_kinds_of_decisions_are_made(outcomes: list[Outcome]) -> None:
    made = {one.decision.outcome for outcome in outcomes for one in recorded(outcome)}
    assert made >= {"started", "fired", "rescheduled", "cancelling", "cancelled", "regret", "exited"}
    assert made >= {"cooldown", "capped", "no_consent", "no_address", "suppressed", "held_out"}
    assert made >= {"outranked", "superseded", "expired", "late"}


def test_customers_are_handed_over_between_partitions(outcomes: list[Outcome]) -> None:
    written = [
        record for outcome in outcomes for events in outcome.log.events for record in events if record.owner
    ]
    assert len(written) > 100


def test_a_seed_is_one_history_and_one_run_in_every_process(outcomes: list[Outcome]) -> None:
    """Another hash seed orders sets of texts otherwise: nothing of the engine may depend on it."""
    program = (
        "from tests.simulation.rule_sets import rule_sets\n"
        "from tests.simulation.run import EVENTS_PER_HISTORY, fingerprint\n"
        "from tests.simulation.shoppers import history_of\n"
        "from tests.simulation.world import simulate\n"
        f"print(fingerprint(simulate(history_of(3, EVENTS_PER_HISTORY, {len(NAMES)}), rule_sets())))\n"
    )
    environment = {**environ, "PYTHONHASHSEED": "4711"}
    other = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == fingerprint(outcomes[3])
