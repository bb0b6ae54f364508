"""Product notices through crashes and zombies, by seed; and the bugs that this has to find."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from schemas.topics import EVENTS, INTERESTS
from tests.simulation.planted import _commit_apart
from tests.simulation.products import played, product_problems, products_history
from trigger_engine.adapters.transaction import TransactionalLog
from trigger_engine.core.flush import Flush
from trigger_engine.core.interest_buckets import note
from trigger_engine.core.partition import Partition
from trigger_engine.core.product_store import FAN_OUT_KEY_PREFIX

SEEDS = 40


@pytest.mark.timeout(300)
def test_everybody_who_waits_is_told_once_through_crashes() -> None:
    for seed in range(SEEDS):
        assert product_problems(products_history(seed)) == [], f"seed {seed}"


@pytest.mark.timeout(300)
def test_the_histories_hold_notices_and_faults() -> None:
    told = sum(len(played(products_history(seed)).notices) for seed in range(8))
    assert told > 100


def cursor_outside() -> AbstractContextManager[Any]:
    """How far a fan-out has come is committed behind its notices, not with them."""

    async def commit(self: TransactionalLog, flush: Flush) -> None:
        await _commit_apart(self, flush, lambda portion: portion.topic == EVENTS)

    return patch.object(TransactionalLog, "commit", commit)


def cursor_forgotten() -> AbstractContextManager[Any]:
    """How far a fan-out has come is not written; that it waits is."""
    take_flush = Partition.take_flush

    def wrong(self: Partition) -> Flush:
        flush = take_flush(self)
        if flush.notices:
            flush.products = [
                (key, value)
                for key, value in flush.products
                if value is None or not key.startswith(FAN_OUT_KEY_PREFIX)
            ]
        return flush

    return patch.object(Partition, "take_flush", wrong)


def one_position() -> AbstractContextManager[Any]:
    """The interests' position is moved on with the events'."""
    advance = Partition.advance

    def wrong(self: Partition, topic: str, offset: int) -> None:
        advance(self, topic, offset)
        if topic == EVENTS:
            advance(self, INTERESTS, max(self.next_offset(INTERESTS) or 0, offset))

    return patch.object(Partition, "advance", wrong)


def not_waiting() -> AbstractContextManager[Any]:
    """A fan-out begins at once, whatever was written of interests before."""

    @contextmanager
    def planted() -> Iterator[None]:
        fan_out = Partition.fan_out

        def wrong(self: Partition, limit: int, now: int, *, queued: int) -> bool:
            return fan_out(self, limit, now, queued=self.notices.queued)

        with patch.object(Partition, "fan_out", wrong):
            yield

    return planted()


def split_meanwhile() -> AbstractContextManager[Any]:
    """Buckets are split while somebody walks them."""

    def wrong(*given: Any, may_split: bool) -> Any:
        return note(*given, may_split=True)

    return patch("trigger_engine.core.notices.note", wrong)


BUGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "cursor outside the transaction": cursor_outside,
    "cursor forgotten": cursor_forgotten,
    "progress not per topic": one_position,
    "a fan-out that does not wait": not_waiting,
    "buckets split meanwhile": split_meanwhile,
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    found = (product_problems(products_history(seed), BUGS[name]) for seed in range(8 * SEEDS))
    assert any(found), "not within so many histories"
