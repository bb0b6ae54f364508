"""Random histories and expressions for the mutation run: the same ones always.

The engine plays histories beside the reference model, and our CEL answers beside the official one. Rules,
moves and expressions are those of tests/property, with the draw fixed and without the search for the
smallest one that differs: a mutant is to be found out, not explained.
Not named like a test, so that only `make mutate` runs it.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.property.cel_expressions import CONTEXTS, expressions
from tests.property.test_cel_against_official import assert_agree
from tests.property.test_engine_against_model import ALL_WORLDS, moves_of, play

HISTORIES = 20
"""For each world, fewer where a world is dear."""
EXPRESSIONS = 400


def fixed(examples: int) -> settings:
    """So many examples, drawn alike in each run."""
    return settings(
        max_examples=examples,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("name", sorted(ALL_WORLDS))
def test_the_engine_decides_as_the_model_does(name: str) -> None:
    world = ALL_WORLDS[name]

    @fixed(max(2, HISTORIES // world.costs))
    @given(moves_of(world), st.sampled_from([0, 1, 3]))
    def agree(moves: list[tuple[Any, ...]], restart_every: int) -> None:
        play(world, moves, restart_every)

    agree()


@fixed(EXPRESSIONS)
@given(source=expressions(), variables=CONTEXTS)
def test_our_answers_are_the_official_ones(source: str, variables: dict[str, object]) -> None:
    assert_agree(source, variables)
