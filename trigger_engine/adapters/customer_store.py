"""The customer table's store: Faust owns the table and its changelog topic, we own what is in it.

Faust calls `on_rebalance` with each new assignment, before any event flows: that is where partitions are
taken over. `persisted_offset` then answers the changelog's end, so that Faust's own recovery (which
measures by the last record and loses transactional changelogs) finds nothing to do.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from faust.stores import STORES
from faust.stores.base import Store
from faust.types import TP

from schemas.topics import EVENTS

SCHEME = "tetik"


class Ownership(Protocol):
    """Who takes partitions over and gives them up."""

    async def on_assigned(self, partitions: set[int]) -> None: ...
    def changelog_end(self, partition: int) -> int | None: ...
    def customer_count(self) -> int: ...


class CustomerStore(Store):  # type: ignore[misc]  # Faust ships no types
    """A store whose partitions are written by their partition writers alone, never through the table."""

    @property
    def _ownership(self) -> Ownership:
        ownership: Ownership = self.options["ownership"]
        return ownership

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Judge by the whole new assignment: aiokafka revokes everything at each rebalance."""
        await self._ownership.on_assigned({tp.partition for tp in assigned if tp.topic == EVENTS})

    def persisted_offset(self, tp: TP) -> int | None:
        """The changelog's last offset: there is nothing for Faust to recover."""
        end = self._ownership.changelog_end(tp.partition)
        return None if end is None else end - 1

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Progress is the partition record's."""

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Refuse what Faust's recovery might bring: the take-over has read it already."""

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Nothing was recovered."""

    async def backup_partition(
        self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1
    ) -> None:
        """The changelog is the backup."""

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        """The changelog is the backup."""

    def reset_state(self) -> None:
        """There is no local state."""

    def _clear(self) -> None:
        raise TypeError("customer states are written by their partition writers only")

    def __getitem__(self, key: Any) -> Any:
        raise KeyError(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("customer states are written by their partition writers only")

    def __delitem__(self, key: Any) -> None:
        raise TypeError("customer states are written by their partition writers only")

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return self._ownership.customer_count()


def register_store() -> None:
    """Make `tetik://` a store URL that Faust understands."""
    STORES.aliases[SCHEME] = f"{__name__}:{CustomerStore.__name__}"
