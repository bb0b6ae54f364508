"""What the tests of the commands share."""

from collections.abc import Iterator

import pytest

from tests.unit.services.importing.answering import Answering, answering


@pytest.fixture
def ingest() -> Iterator[Answering]:
    """An ingest that takes everything."""
    with answering() as served:
        yield served
