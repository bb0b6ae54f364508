"""What holds for all integration tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.ingest_server import IngestTopics, RunningIngest, serve_ingest

HERE = Path(__file__).parent
CLIENTS_MAY_LEAK = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""aiokafka leaves a socket behind when a client is closed during its metadata update; the garbage collector
finds it in whichever test runs then."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let no test fail for a socket that another one's Kafka client left behind."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(CLIENTS_MAY_LEAK)


@pytest.fixture(scope="module")
def topics(kafka_bootstrap: str) -> IngestTopics:
    """Topics of this module's own."""
    topics = IngestTopics(kafka_bootstrap)
    topics.create()
    return topics


@pytest.fixture(scope="module")
def ingest(kafka_bootstrap: str, topics: IngestTopics) -> Iterator[RunningIngest]:
    """Ingest over these topics."""
    with serve_ingest(kafka_bootstrap, topics) as running:
        yield running
