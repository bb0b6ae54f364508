"""Random histories for the mutation run: the engine beside the reference model, always the same histories.

The rules and moves are those of tests/property/test_engine_against_model.py, with the draw fixed and without
the search for the smallest history that differs: a mutant is to be found out, not explained.
Not named like a test, so that only `make mutate` runs it.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.property.test_engine_against_model import ALL_WORLDS, moves_of, play

EXAMPLES = 12
"""Histories for each world, fewer where a world is dear."""


@pytest.mark.parametrize("name", sorted(ALL_WORLDS))
def test_the_engine_decides_as_the_model_does(name: str) -> None:
    world = ALL_WORLDS[name]

    @settings(
        max_examples=max(2, EXAMPLES // world.costs),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(moves_of(world), st.sampled_from([0, 1, 3]))
    def agree(moves: list[tuple[Any, ...]], restart_every: int) -> None:
        play(world, moves, restart_every)

    agree()
