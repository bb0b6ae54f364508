"""Where everything belongs: states, what is known of products, codes, and what no engine has applied yet."""

from dataclasses import dataclass

import msgspec
import pytest

from schemas.keys import code_partition
from schemas.topics import EVENTS, INTERESTS, STATE_CHANGELOG
from services.repartition.layout import Sum, deal_pools, home_of, in_order
from services.repartition.looking import Layout, refuse_unfinished
from services.repartition.moving import opened_record
from services.standstill import NotAtRest, Standing
from tests.fixtures.engine_cases import T0, event, marker, ordered
from trigger_engine.adapters.log_port import TopicFacts
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.takeover import Restored
from trigger_engine.core.customers import CustomersInMemory
from trigger_engine.core.flush import PARTITION_RECORD_KEY, PartitionRecord
from trigger_engine.core.limits import POOL_GIVEN_MAX
from trigger_engine.core.pools import POOL_DIGEST_BYTES, Pools
from trigger_engine.core.product_store import bucket_key, fan_out_key, product_key


@dataclass(frozen=True)
class Record:
    offset: int
    value: bytes | None
    key: bytes | None = b"k"


def test_a_customer_is_at_home_where_her_events_go() -> None:
    for name in ("ada", "anon:device-1"):
        assert home_of(name.encode(), 6) == partition_of(name.encode(), 6)


@pytest.mark.parametrize("product", ["p1", "p:1", "1:2:3"])
def test_what_is_known_of_a_product_is_at_home_where_its_events_go(product: str) -> None:
    home = partition_of(f"product:{product}".encode(), 6)
    for key in (product_key(product), fan_out_key(product), bucket_key(product, 17)):
        assert home_of(key.encode(), 6) == home


@pytest.mark.parametrize("key", [PARTITION_RECORD_KEY, "tetik:basket:7", "tetik:pool:ten"])
def test_what_belongs_to_a_partition_stays(key: str) -> None:
    assert home_of(key.encode(), 6) is None


def test_a_sum_is_the_same_wherever_states_lie_and_tells_what_differs() -> None:
    states = {f"c{n}".encode(): f"state {n}".encode() for n in range(20)}
    whole = Sum().plus(states)
    parts = Sum()
    for number in range(4):
        share = {key: value for key, value in states.items() if home_of(key, 4) == number}
        parts = parts.plus(share | {PARTITION_RECORD_KEY.encode(): str(number).encode()})
    assert parts == whole
    assert whole.states == 20
    assert Sum().plus(states | {b"c1": b"another"}) != whole
    swapped = states | {b"c1": states[b"c2"], b"c2": states[b"c1"]}
    assert Sum().plus(swapped) != whole
    assert Sum().plus({k: v for k, v in states.items() if k != b"c1"}) != whole


def pools(
    number: int, partitions: int, codes: list[str], given: int
) -> tuple[dict[str, bytes], dict[str, int]]:
    """A partition's share of a pool, so many of its codes given."""
    held = Pools({}, {})
    held.add("ten", [code for code in codes if code_partition("ten", code, partitions) == number])
    ((key, data),) = held.take_changed()
    return {key.removeprefix("tetik:pool:"): data}, {"ten": given}


def test_codes_are_dealt_where_an_import_would_bring_them_and_given_ones_nowhere() -> None:
    codes = [f"CODE-{n}" for n in range(200)]
    dealt = deal_pools([pools(number, 4, codes, given=5) for number in range(4)], 6)
    left: list[str] = []
    for number, records in dealt.records.items():
        held = Pools({"ten": records[b"tetik:pool:ten"]}, {})
        share = []
        while (code := held.code_of("ten", "", 0)) is not None:
            share.append(code)
            held.take(["ten"])
        assert {code_partition("ten", code, 6) for code in share} <= {number}
        left += share
    assert len(left) == len(set(left)) == 180
    assert dealt.forgotten == {}


def test_a_code_that_was_given_is_known_to_every_partition() -> None:
    codes = [f"CODE-{n}" for n in range(40)]
    dealt = deal_pools([pools(number, 4, codes, given=100) for number in range(4)], 6)
    for records in dealt.records.values():
        held = Pools({"ten": records[b"tetik:pool:ten"]}, {})
        held.add("ten", codes)
        assert held.code_of("ten", "", 0) is None


def test_more_given_codes_than_are_remembered_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.repartition.layout.POOL_GIVEN_MAX", 30)
    codes = [f"CODE-{n}" for n in range(40)]
    dealt = deal_pools([pools(number, 4, codes, given=100) for number in range(4)], 6)
    assert dealt.forgotten == {"ten": 10}
    assert POOL_GIVEN_MAX > 30
    assert POOL_DIGEST_BYTES == 8


def test_what_waits_keeps_each_partitions_order_and_the_logs_time() -> None:
    tails = {
        0: [Record(5, ordered("a", "1", T0 + 100)), Record(6, ordered("b", "2", T0 + 50))],
        1: [
            Record(9, ordered("c", "3", T0 + 70)),
            Record(10, b"junk"),
            Record(11, ordered("d", "4", T0 + 200)),
        ],
    }
    placed = [(one.number, one.record.offset) for one in in_order(tails)]
    assert placed == [(1, 9), (1, 10), (0, 5), (0, 6), (1, 11)]


def layout(*records: PartitionRecord, target: int = 6, waiting: list[Record] | None = None) -> Layout:
    topics = {name: TopicFacts(len(records), f"{name}#1") for name in (EVENTS, INTERESTS, STATE_CHANGELOG)}
    standings = {
        n: Standing(n, Restored(record, {}, {}, {}), CustomersInMemory({}))
        for n, record in enumerate(records)
    }
    made = Layout(topics, standings, target)
    made.waiting = {EVENTS: {0: list(waiting or [])}, INTERESTS: {}}
    made.ends = {EVENTS: {n: 100 + n for n in range(target)}, INTERESTS: dict.fromkeys(range(target), 0)}
    return made


def worked(**changed: object) -> PartitionRecord:
    values = {"next_offsets": {EVENTS: 5}, "rules_digest": "abc", "received_max": T0, "partitions": 2}
    return PartitionRecord(**{**values, **changed})


def test_opened_records_go_on_behind_what_is_there_by_the_rules_of_all() -> None:
    made = layout(worked(codes_taken={"ten": 3}), worked(received_max=T0 - 9, snapshot_version="v2"))
    ids = {name: TopicFacts(6, f"{name}#1") for name in (EVENTS, INTERESTS, STATE_CHANGELOG)}
    opened = [opened_record(made, number, ids) for number in range(6)]
    assert [record.next_offsets[EVENTS] for record in opened] == [100 + n for n in range(6)]
    assert {record.rules_digest for record in opened} == {"abc"}
    assert {record.received_max for record in opened} == {T0 - 9}, "nobody's timers overtake what waits"
    assert {record.partitions for record in opened} == {6}
    assert all(record.codes_taken == {} for record in opened)
    assert opened[5].topic_ids[EVENTS] == f"{EVENTS}#1"
    assert made.standings[0].record.partitions == 2, "the one that was read is left as it was"


@pytest.mark.parametrize(
    ("records", "waiting", "why"),
    [
        ((worked(), worked(rules_digest="def")), [], "not on one rule set"),
        ((worked(), PartitionRecord()), [], "not on one rule set"),
        ((worked(), worked(sweep_after="c1")), [], "being told to the customers"),
        ((worked(), worked()), [Record(5, marker("def"), None)], "a change of rules, or codes"),
        (
            (worked(), worked()),
            [Record(5, event("offer_codes", None, "c", T0, pool="ten", codes=["A"]), None)],
            "a change of rules, or codes",
        ),
    ],
)
def test_what_an_engine_has_to_end_first_is_refused(
    records: tuple[PartitionRecord, ...], waiting: list[Record], why: str
) -> None:
    with pytest.raises(NotAtRest, match=f"{why}.*start the engines with 2 partitions"):
        refuse_unfinished(layout(*records, waiting=waiting))


def test_what_waits_for_customers_is_no_hindrance_and_neither_is_an_empty_shop() -> None:
    refuse_unfinished(layout(worked(), worked(), waiting=[Record(5, ordered("ada", "1"))]))
    refuse_unfinished(layout(PartitionRecord(), PartitionRecord()))


def test_a_locked_record_tells_that_it_was_begun_and_from_how_many() -> None:
    locked = layout(worked(partitions=-2), worked(partitions=2))
    assert (locked.begun, locked.present) == (True, 2)
    assert not layout(worked(), worked()).begun


def test_records_that_lie_elsewhere_than_their_customer_are_counted() -> None:
    keys = [f"c{n}".encode() for n in range(30)]
    made = layout(worked(), worked(), waiting=[Record(n, b"{}", key) for n, key in enumerate(keys)])
    assert made.strays == sum(partition_of(key, 6) != 0 for key in keys) > 0
    assert made.waiting_count == 30


def test_a_record_is_written_as_it_is_read() -> None:
    record = worked(topic_ids={EVENTS: "id"})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=PartitionRecord) == record
