"""Some runs that are looked at from several sides."""

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.rule_sets import NAMES, rule_sets
from tests.simulation.run import EVENTS_PER_HISTORY
from tests.simulation.shoppers import history_of
from tests.simulation.world import Outcome, simulate

HISTORIES = 20


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """Thousands of take-overs have nothing to say."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def outcomes() -> list[Outcome]:
    """The first seeds' runs."""
    logging.disable(logging.CRITICAL)
    histories = [history_of(seed, EVENTS_PER_HISTORY, len(NAMES)) for seed in range(HISTORIES)]
    return [simulate(history, rule_sets()) for history in histories]
