"""What holds for all integration tests."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLIENTS_MAY_LEAK = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""aiokafka leaves a socket behind when a client is closed during its metadata update; the garbage collector
finds it in whichever test runs then."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let no test fail for a socket that another one's Kafka client left behind."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(CLIENTS_MAY_LEAK)
