"""The simulator finds the bugs that we fear, soon; and what it says of one can be pasted into a test."""

from functools import partial
from typing import Any

import pytest

from tests.simulation.history import Broken, Fault, Happened, History, Imported, Published, Quiet
from tests.simulation.planted import BUGS
from tests.simulation.run import Failure, first_failure, judged, smallest
from tests.simulation.shrink import shrink

EVENTS_MAX = 100_000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, record_property: Any) -> None:
    found = first_failure(0, EVENTS_MAX, partial(judged, planted=BUGS[name]))
    assert isinstance(found, Failure), f"not within {EVENTS_MAX} events"
    record_property("events", found.events)


@pytest.mark.timeout(600)
def test_a_failure_is_made_small_and_can_be_pasted() -> None:
    judge = partial(judged, planted=BUGS["wake-up before the backlog"])
    failure = first_failure(0, EVENTS_MAX, judge)
    assert isinstance(failure, Failure)
    small = smallest(failure, judge, tries=120)
    assert len(small.items) < len(failure.history.items) / 4
    names = {kind.__name__: kind for kind in (History, Happened, Broken, Published, Imported, Quiet, Fault)}
    pasted = eval(small.pasted(), names)
    assert pasted == small
    assert judge(pasted)
    assert judged(pasted) == []
    report = failure.report(small)
    assert f"seed {failure.history.seed} failed after {failure.events} events" in report
    assert small.pasted() in report


def test_shrinking_keeps_what_is_needed() -> None:
    items = tuple(Quiet(number) for number in range(50))
    needed = {3, 17, 44}

    def fails(history: History) -> bool:
        return needed <= {item.gap for item in history.items} and history.workers == 2

    small = shrink(History(1, items), fails)
    assert {item.gap for item in small.items} == needed
    assert (small.noise, small.workers, small.partitions) == (0.0, 2, 1)
