"""Single-use codes: where they come from, who gets which, and that nobody gets another's."""

from typing import Any

import msgspec
import pytest

from schemas.event import OFFER_CODE_LENGTH_MAX
from schemas.records import EmailRequestRecord, EventRecord, encode_record
from schemas.topics import EVENTS
from tests.fixtures.engine_cases import T0, event, profile
from tests.unit.trigger_engine.core.history import rules_of
from trigger_engine.core import limits, pools
from trigger_engine.core import partition as partition_module
from trigger_engine.core.flush import Flush, PartitionRecord
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.partition import Partition
from trigger_engine.core.pools import POOL_KEY_PREFIX, Pool
from trigger_engine.core.state import decode_state

OFFER = """
id: {id}
status: {status}
kind: marketing
when: {{event: article_read}}
steps:
  - mail: with-code
    offer: {{pool: ten, value: 10%, valid_for: 3d}}
    else: without
"""
RULES = rules_of(OFFER.format(id="one", status="live"))
TWO_AT_ONCE = rules_of(OFFER.format(id="one", status="live"), OFFER.format(id="two", status="live"))
SHADOW = rules_of(OFFER.format(id="one", status="shadow"))


class Desk:
    """A partition that is fed records one after the other, flushed and restarted."""

    def __init__(self, rules: Any = RULES) -> None:
        self.rules = rules
        self.partition = Partition(0, {}, PartitionRecord(next_offsets={EVENTS: 0}), rules, {})
        self.stored: dict[str, bytes] = {}
        self.offset = 0

    def take(self, *values: bytes) -> Flush:
        """Apply records and flush."""
        for value in values:
            assert self.partition.apply_record(EVENTS, self.offset, b"k", value, T0)
            self.offset += 1
            self.partition.advance(EVENTS, self.offset)
        flush = self.partition.take_flush()
        self.stored.update(flush.pools)
        self.partition.committed(flush)
        return flush

    def restart(self, flush: Flush) -> None:
        """Go on from what the last flush left in the changelog."""
        record = msgspec.msgpack.decode(flush.record, type=PartitionRecord)
        by_name = {key.removeprefix(POOL_KEY_PREFIX): data for key, data in self.stored.items()}
        self.partition = Partition(0, dict(self.partition.customers.items()), record, self.rules, {}, by_name)


def codes(*values: str, pool: object = "ten", event_id: str = "import") -> bytes:
    """What an import writes into the log."""
    return encode_record(
        EventRecord(
            event_id=event_id,
            type="offer_codes",
            occurred_at="2026-03-02T09:00:00.000Z",
            received_at="2026-03-02T09:00:00.000Z",
            source="import",
            properties={"pool": pool, "codes": list(values)},
        )
    )


def reads(customer: str, number: int = 1) -> list[bytes]:
    """She becomes known, and does what brings her a mail."""
    return [profile(customer, f"{customer}-p"), event("article_read", customer, f"{customer}-{number}")]


def given(flush: Flush) -> list[str | None]:
    """The code in each mail that was asked for."""
    requests = [each.record for each in flush.effects if isinstance(each.record, EmailRequestRecord)]
    return [request.data["offer"]["code"] if "offer" in request.data else None for request in requests]


def test_each_mail_gets_the_next_code_and_the_empty_pool_gives_the_other_mail() -> None:
    desk = Desk()
    assert given(desk.take(*reads("zoe"))) == [None], "there is no pool yet"
    flush = desk.take(codes("A", "B"), *reads("ada"), *reads("bea"), *reads("cem"))
    assert given(flush) == ["A", "B", None]
    assert [each.template for each in requests_of(flush)] == ["with-code", "with-code", "without"]
    assert given(desk.take(codes("C", event_id="more"), *reads("dan"))) == ["C"]


def requests_of(flush: Flush) -> list[EmailRequestRecord]:
    """The requests of a flush."""
    return [each.record for each in flush.effects if isinstance(each.record, EmailRequestRecord)]


def test_two_mails_of_one_input_get_two_codes() -> None:
    assert given(Desk(TWO_AT_ONCE).take(codes("A", "B", "C"), *reads("ada"))) == ["A", "B"]
    desk = Desk(TWO_AT_ONCE)
    assert given(desk.take(codes("A"), *reads("ada"))) == ["A", None]


def test_a_shadow_chooses_the_same_way_and_takes_none() -> None:
    desk = Desk(SHADOW)
    desk.take(codes("A"), *reads("ada"))
    desk.partition.activate(RULES)
    assert given(desk.take(*reads("bea"))) == ["A"]


def test_after_a_restart_the_next_one_is_given() -> None:
    desk = Desk()
    desk.restart(desk.take(codes("A", "B", "C"), *reads("ada")))
    desk.restart(desk.take(*reads("bea")))
    assert given(desk.take(*reads("cem"))) == ["C"]
    desk.restart(desk.take())
    assert given(desk.take(*reads("dan"))) == [None]


def test_the_pools_record_is_written_when_codes_come_and_not_when_they_go() -> None:
    desk = Desk()
    assert [key for key, _ in desk.take(codes("A", "B")).pools] == [f"{POOL_KEY_PREFIX}ten"]
    flush = desk.take(*reads("ada"))
    assert flush.pools == []
    assert msgspec.msgpack.decode(flush.record, type=PartitionRecord).codes_taken == {"ten": 1}
    flush = desk.take(codes("C", event_id="more"))
    assert msgspec.msgpack.decode(flush.record, type=PartitionRecord).codes_taken == {}
    assert msgspec.msgpack.decode(flush.pools[0][1], type=Pool).codes == ["B", "C"]


def test_a_repeated_import_adds_nothing_whether_the_codes_were_given_or_not() -> None:
    desk = Desk()
    flush = desk.take(codes("A", "B"), *reads("ada"), codes("A", "B", "A", event_id="again"))
    desk.restart(flush)
    desk.take(codes("B", "A", event_id="once more"))
    assert given(desk.take(*reads("bea"), *reads("cem"))) == ["B", None]


def test_an_input_applied_again_gets_its_own_code_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada's first mail took A, Bea's took B; when Ada's later input fails, she is rebuilt with A, and the
    next mail gets C."""
    desk = Desk()
    right = partition_module.step

    def failing(rules: Any, state: Any, given: Any, now: int) -> Any:
        if isinstance(given, EventInput) and given.event_id == "ada-bad":
            raise RuntimeError("bad")
        return right(rules, state, given, now)

    monkeypatch.setattr(partition_module, "step", failing)
    bad = event("article_read", "ada", "ada-bad")
    flush = desk.take(codes("A", "B", "C"), *reads("ada"), *reads("bea"), bad, *reads("cem"))
    assert given(flush) == ["A", "B", "C"]
    assert [each.reason for each in flush.rejected] == ["RuntimeError: bad"]
    stored = dict(flush.states)["ada"]
    assert stored is not None
    ada = decode_state(stored)
    assert [offer.send_id for offer in ada.offers] == [requests_of(flush)[0].send_id]
    assert [mail.send_id for mail in ada.mails] == [requests_of(flush)[0].send_id]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (codes("A", pool=None), "names no pool: import the codes with `tetik import codes`"),
        (codes("A", pool="x" * 257), "names no pool"),
        (codes(), "for ten has no list of codes: letters, digits, - and _, at most 64 characters each"),
        (codes("zwölf"), "has no list of codes"),
        (codes("A", ""), "has no list of codes"),
        (codes("A" * 65), "has no list of codes"),
    ],
)
def test_codes_that_cannot_be_used_become_dead_letters(record: bytes, reason: str) -> None:
    desk = Desk()
    flush = desk.take(record, *reads("ada"))
    assert len(flush.rejected) == 1
    assert reason in flush.rejected[0].reason
    assert given(flush) == [None]


def test_a_pool_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "POOL_CODES_MAX", 2)
    monkeypatch.setattr(pools, "POOLS_MAX", 1)
    desk = Desk()
    flush = desk.take(codes("A", "B"), codes("C", event_id="more"), codes("X", pool="other"), *reads("ada"))
    assert [each.reason for each in flush.rejected] == [
        "the pool ten would hold 3 codes in one partition, more than 2; import these again when some have "
        "been given",
        "there are 1 pools of codes already; import into one of these",
    ]
    assert given(flush) == ["A"], "what was there before is untouched"
    assert given(desk.take(codes("C", event_id="later"), *reads("bea"), *reads("cem"))) == ["B", "C"]


def test_the_oldest_codes_given_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "POOL_GIVEN_MAX", 1)
    desk = Desk()
    desk.take(codes("A", "B"), *reads("ada"), *reads("bea"))
    desk.take(codes("B", event_id="2"), codes("A", event_id="3"))
    assert given(desk.take(*reads("cem"), *reads("dan"))) == ["A", None]


def test_a_pools_record_fits_the_changelog_at_its_bounds() -> None:
    codes_max = limits.POOL_CODES_MAX * (OFFER_CODE_LENGTH_MAX + 2)
    assert codes_max + limits.POOL_GIVEN_MAX * 8 < limits.STATE_BYTES_MAX


def test_control_records_of_codes_move_no_marker() -> None:
    """A later activation is as of the marker, not of codes that came between."""
    desk = Desk()
    desk.take(codes("A"))
    desk.partition.activate(RULES)
    assert desk.partition.record.activation is None
