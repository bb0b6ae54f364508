"""A partition's copy of its changelog: in memory and in files it does the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from rocksdict import Cache

from trigger_engine.adapters.rocks_store import RocksStore, StateFolderTaken
from trigger_engine.adapters.state_store import MemoryStore, StateStore
from trigger_engine.core.flush import PARTITION_RECORD_KEY, Flush

NOW = 1_000


class Record(NamedTuple):
    """A record of the changelog."""

    offset: int
    key: bytes
    value: bytes | None


def records(**values: bytes | None) -> list[Record]:
    return [Record(offset, key.encode(), value) for offset, (key, value) in enumerate(values.items())]


def in_files(folder: Path, topic_id: str = "topic", now: int = NOW) -> RocksStore:
    return RocksStore(folder, topic_id, lambda: now, Cache(2**20))


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StateStore]:
    """Both kinds; one in memory as it is where a standby goes on with it."""
    made: StateStore = (
        MemoryStore(lambda: NOW, lasting=True) if request.param == "memory" else in_files(tmp_path / "0")
    )
    yield made
    made.close()


def test_a_new_one_is_empty_and_stands_at_the_beginning(store: StateStore) -> None:
    assert (store.stands_at, store.stood_at, len(store), store.get("ada")) == (0, 0, 0, None)
    assert (list(store.items()), list(store.keys_after("")), store.take_others()) == ([], [], {})


def test_the_latest_value_of_each_key_counts(store: StateStore) -> None:
    store.take_in(records(ada=b"1", bob=b"1", eve=b"1"), 3)
    store.take_in(records(ada=b"2", bob=None, nobody=None), 9)
    assert dict(store.items()) == {"ada": b"2", "eve": b"1"}
    assert [store.get(key) for key in ("ada", "bob", "eve")] == [b"2", None, b"1"]
    assert (store.stands_at, store.stood_at) == (9, NOW)


def test_later_records_of_one_fetch_win(store: StateStore) -> None:
    one, other = Record(0, b"ada", b"1"), Record(1, b"ada", b"2")
    store.take_in([one, other], 2)
    assert store.get("ada") == b"2"
    store.take_in([other, one, Record(2, b"ada", None)], 3)
    assert store.get("ada") is None


def test_what_is_no_customers_is_kept_apart(store: StateStore) -> None:
    store.take_in(records(**{"tetik:pool:ten": b"p", "tetik:product:1": b"x", "ada": b"1"}), 3)
    store.take_in(records(**{"tetik:product:1": None}), 4)
    assert list(store.items()) == [("ada", b"1")]
    assert store.take_others() == {"tetik:pool:ten": b"p"}


def test_a_flush_is_taken_in_as_its_records_would_be(store: StateStore) -> None:
    store.take_in(records(ada=b"1", bob=b"1", **{"tetik:product:1": b"x", "tetik:product:2": b"x"}), 4)
    store.take_others()
    store.committed(
        Flush(
            states=[("ada", b"2"), ("bob", None)],
            pools=[("tetik:pool:ten", b"p")],
            products=[("tetik:product:1", None)],
            baskets=[("tetik:basket:0", b"b")],
            record=b"r",
            changelog_end=11,
        )
    )
    assert (dict(store.items()), store.stands_at) == ({"ada": b"2"}, 11)
    assert store.take_others() == {
        "tetik:pool:ten": b"p",
        "tetik:product:2": b"x",
        "tetik:basket:0": b"b",
        PARTITION_RECORD_KEY: b"r",
    }


def test_keys_come_in_order_from_behind_a_key(store: StateStore) -> None:
    keys = sorted([f"c{number}" for number in range(2_500)] + ["anon:d1", "é", "\U0001f6d2"])
    store.take_in(records(**dict.fromkeys(reversed(keys), b"1"), **{"tetik:pool:ten": b"p"}), 1)
    assert list(store.keys_after("")) == keys
    assert list(store.keys_after("c1500")) == keys[keys.index("c1500") + 1 :]
    assert list(store.keys_after("c15000")) == keys[keys.index("c1500") + 1 :], "it need not be there"


def test_keys_may_be_read_while_others_go(store: StateStore) -> None:
    store.take_in(records(**{f"c{number:04}": b"1" for number in range(2_100)}), 1)
    reading = store.keys_after("")
    assert next(reading) == "c0000"
    store.committed(Flush(states=[("c0000", None), ("c2099", b"2")]))
    assert list(reading) == [f"c{number:04}" for number in range(1, 2_100)]


def test_cleared_it_is_as_new(store: StateStore) -> None:
    store.take_in(records(ada=b"1", **{"tetik:pool:ten": b"p"}), 2)
    store.clear()
    assert (store.stands_at, store.stood_at, store.get("ada"), store.take_others()) == (0, 0, None, {})
    store.take_in(records(bob=b"1"), 1)
    assert list(store.items()) == [("bob", b"1")]


def test_its_size_grows_with_what_it_holds(store: StateStore) -> None:
    before = store.size_bytes
    store.take_in(records(**{f"c{number}": bytes(1_000) for number in range(100)}), 1)
    assert store.size_bytes >= before + 100_000
    assert len(store) >= 100


def test_in_memory_the_size_is_exact() -> None:
    store = MemoryStore(lambda: NOW)
    store.take_in(records(ada=b"12345", bob=b"123"), 2)
    store.committed(Flush(states=[("ada", b"1"), ("bob", None), ("eve", b"12"), ("nobody", None)]))
    assert store.size_bytes == 3


def test_in_memory_the_others_are_given_away_unless_it_lasts() -> None:
    store = MemoryStore(lambda: NOW)
    store.take_in(records(**{"tetik:pool:ten": b"p"}), 1)
    assert store.take_others() == {"tetik:pool:ten": b"p"}
    store.committed(Flush(pools=[("tetik:pool:ten", b"q")]))
    assert store.take_others() == {}


@pytest.mark.parametrize("cleared", [False, True])
def test_files_hold_what_a_closed_store_held(tmp_path: Path, cleared: bool) -> None:
    store = in_files(tmp_path / "0")
    store.take_in(records(ada=b"1", **{"tetik:pool:ten": b"p"}), 7)
    if cleared:
        store.clear()
    store.close()
    again = in_files(tmp_path / "0", now=NOW + 1)
    found = (again.stands_at, again.stood_at, again.get("ada"), again.take_others())
    assert found == ((0, 0, None, {}) if cleared else (7, NOW, b"1", {"tetik:pool:ten": b"p"}))
    again.close()


def test_files_of_another_topic_are_wiped(tmp_path: Path) -> None:
    store = in_files(tmp_path / "0")
    store.take_in(records(ada=b"1"), 1)
    store.close()
    again = in_files(tmp_path / "0", "re-created")
    assert (again.stands_at, list(again.items())) == (0, [])
    again.take_in(records(bob=b"1"), 1)
    again.close()
    third = in_files(tmp_path / "0", "re-created")
    assert list(third.items()) == [("bob", b"1")]
    third.close()


def test_files_have_one_user(tmp_path: Path) -> None:
    store = in_files(tmp_path / "0")
    with pytest.raises(StateFolderTaken, match="TETIK_STATE_DIR of its own"):
        in_files(tmp_path / "0")
    store.close()


def test_broken_files_are_said_to_be_so(tmp_path: Path) -> None:
    store = in_files(tmp_path / "0")
    store.take_in(records(ada=b"1"), 1)
    store.close()
    (tmp_path / "0" / "CURRENT").write_bytes(b"nonsense")
    with pytest.raises(StateFolderTaken, match="delete the folder"):
        in_files(tmp_path / "0")
