"""A partition's copy of its changelog in files: RocksDB, for states that outgrow memory.

Each write batch holds the records and the offset that the copy stands at after them, so that whatever a
crash leaves behind is a copy of some moment. The write-ahead log is off: RocksDB writes a full table to
disk as a whole, and what was in memory only is read again from the changelog, which has it all. So a kill
costs the reading of a few ten thousand records, and a write costs half.

The files belong to one changelog, by its topic id, and to one process at a time (RocksDB locks them).
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteOptions,
)

from schemas.instants import Instant
from trigger_engine.adapters.batches import LogRecord
from trigger_engine.adapters.state_store import others_of, told_apart
from trigger_engine.core.flush import Flush

WRITE_BUFFER_BYTES = 32 * 2**20
"""A table in memory; there are at most two a partition, one of them on its way to disk."""
KEYS_PER_LOOK = 1_000
BLOOM_BITS_PER_KEY = 10

_CUSTOMER, _BEHIND_CUSTOMERS = b"c", b"d"
_OTHER, _BEHIND_OTHERS = b"o", b"p"
_STANDING = b"standing"


class StateFolderTaken(RuntimeError):
    """Another process has the files open, or they cannot be read; the message says what to do."""


class _Standing(msgspec.Struct, array_like=True):
    """Where the copy stands, and of which changelog it is one."""

    topic_id: str
    stands_at: int
    stood_at: Instant


class RocksStore:
    """One partition's copy, in `folder`. `cache` holds blocks read from disk, for all partitions together."""

    def __init__(self, folder: Path, topic_id: str, now: Callable[[], Instant], cache: Cache) -> None:
        """Files of another topic id are wiped. Raises StateFolderTaken."""
        self._folder = folder
        self._topic_id = topic_id
        self._now = now
        self._cache = cache
        self._unlogged = WriteOptions()
        self._unlogged.disable_wal = True
        self._open()
        found = self._db.get(_STANDING)
        standing = msgspec.msgpack.decode(found, type=_Standing) if found else _Standing(topic_id, 0, 0)
        self.stands_at, self.stood_at = standing.stands_at, standing.stood_at
        if standing.topic_id != topic_id:
            self.clear()

    def get(self, key: str, /) -> bytes | None:
        """From a table in memory, the cache or a file."""
        found: bytes | None = self._db.get(_CUSTOMER + key.encode())
        return found

    def committed(self, flush: Flush) -> None:
        """All that the flush wrote to the changelog, and where that ended."""
        if flush.changelog_end is not None:
            self.stands_at, self.stood_at = flush.changelog_end, self._now()
        self._write(flush.states, others_of(flush))

    def take_in(self, records: Iterable[LogRecord], stands_at: int) -> None:
        """The records and the offset, as a whole."""
        self.stands_at, self.stood_at = stands_at, self.stood_at or self._now()
        self._write(*told_apart(records))

    def caught_up(self) -> None:
        """It is as old as now; the files say so when something is written next."""
        self.stood_at = self._now()

    def items(self) -> Iterator[tuple[str, bytes]]:
        """In the order of the keys."""
        for key, value in self._between(_CUSTOMER, _BEHIND_CUSTOMERS):
            yield key[1:].decode(), value

    def keys_after(self, after: str) -> Iterator[str]:
        """Some at a time: between two looks nothing is held open."""
        last = _CUSTOMER + after.encode()
        while True:
            found = [key for key, _ in islice(self._between(last, _BEHIND_CUSTOMERS), KEYS_PER_LOOK)]
            behind = [key for key in found if key != last]
            if not behind:
                return
            yield from (key[1:].decode() for key in behind)
            last = behind[-1]

    def take_others(self) -> dict[str, bytes]:
        """Read from the files, where they stay."""
        return {key[1:].decode(): value for key, value in self._between(_OTHER, _BEHIND_OTHERS)}

    @property
    def size_bytes(self) -> int:
        """On disk, and not yet on disk."""
        return self._told("rocksdb.estimate-live-data-size") + self._told("rocksdb.cur-size-all-mem-tables")

    def __len__(self) -> int:
        return self._told("rocksdb.estimate-num-keys")

    def clear(self) -> None:
        """Other files in their place."""
        self._db.close()
        shutil.rmtree(self._folder)
        self._open()
        self.stands_at, self.stood_at = 0, 0

    def close(self) -> None:
        """What is in memory goes to disk, so that the next process reads none of it again."""
        self._db.flush()
        self._db.close()

    def _write(
        self,
        customers: Iterable[tuple[str, bytes | None]],
        others: Iterable[tuple[str, bytes | None]],
    ) -> None:
        batch = WriteBatch(raw_mode=True)
        for prefix, rows in ((_CUSTOMER, customers), (_OTHER, others)):
            for key, value in rows:
                if value is None:
                    batch.delete(prefix + key.encode())
                else:
                    batch.put(prefix + key.encode(), value)
        standing = _Standing(self._topic_id, self.stands_at, self.stood_at)
        batch.put(_STANDING, msgspec.msgpack.encode(standing))
        self._db.write(batch, self._unlogged)

    def _between(self, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._db.items(from_key=first):
            if key >= end:
                return
            yield key, value

    def _told(self, name: str) -> int:
        return self._db.property_int_value(name) or 0

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._db = Rdict(str(self._folder), _options(self._cache))
        except Exception as error:  # rocksdict raises no narrower one
            raise StateFolderTaken(
                f"the state files in {self._folder} cannot be opened ({error}). If another engine "
                "uses them, give each a TETIK_STATE_DIR of its own; if they are broken, delete the folder: "
                "the changelog has it all."
            ) from error


def _options(cache: Cache) -> Options:
    blocks = BlockBasedOptions()
    blocks.set_block_cache(cache)
    blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, False)
    options = Options(raw_mode=True)
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_compression_type(DBCompressionType.lz4())
    return options
