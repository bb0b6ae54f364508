"""A pytest plugin of the mutation run: the tests that reach a mutant run from the cheapest to the dearest.

A mutant's run ends with the first test that fails, so most mutants cost milliseconds and only those that
survive cost every test. What a test costs is learnt from the runs mutmut makes without a mutant; the
processes it forks for the mutants inherit it.
"""

import pytest

_costs: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what the test cost."""
    if report.when == "call":
        _costs[report.nodeid] = report.duration


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by cost; tests never run before come first, in their own order."""
    items.sort(key=lambda item: _costs.get(item.nodeid, 0.0))
