"""Codes for offers: what is taken, which partition each goes to, and what the engine makes of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.envelopes import Envelope, open_codes
from ingest.core.offer_codes import accept_code
from ingest.core.outcomes import Arrival, Limits, Outcome, Refused, Rejected, TakenCode
from ingest.core.records import EVENT_CODES_MAX, LogRecord, LogTopics, code_records, records_of
from ingest.core.replies import reply_to
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.ids import stable_hash
from schemas.keys import code_partition
from schemas.records import Malformed
from tests.unit.ingest.calls import LIMITS, MACHINE_NOW, NOW
from tests.unit.ingest.test_any_input import assert_readable
from trigger_engine.core.language.problems import Check
from trigger_engine.core.language.values import identifier
from trigger_engine.core.reading import NewCodes, read_record

TO = LogTopics("events", "dead", "products")
ARRIVAL = Arrival(NOW, MACHINE_NOW, request_id="r", source="shop", path="/v1/offer-codes")
PARTITIONS = 4
TWO = {"pool": "cart-10", "codes": ["CART-8F2K", "CART-91QX"]}


def opened(body: Any, limits: Limits = LIMITS) -> Envelope:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return open_codes(raw, limits.batch_events_max)


def outcomes_of(body: Any) -> list[Outcome]:
    envelope = opened(body)
    items = enumerate(envelope.items)
    return [accept_code(index, item, envelope, ARRIVAL, LIMITS) for index, item in items]


def written(codes: list[str], pool: str = "cart-10") -> list[LogRecord]:
    return code_records([TakenCode(pool, code) for code in codes], PARTITIONS, TO, ARRIVAL)


def read(record: LogRecord) -> NewCodes:
    """What the engine makes of a record."""
    assert record.value is not None
    received_at, codes = read_record((record.topic, 0, None, record.value), record.partition)
    assert received_at == NOW
    assert isinstance(codes, NewCodes)
    return codes


def many(count: int) -> list[str]:
    return [f"C-{number}" for number in range(count)]


def test_codes_become_an_event_of_their_partition() -> None:
    (record,) = written(["CART-8F2K"])
    assert (record.topic, record.key) == ("events", None)
    assert record.partition == code_partition("cart-10", "CART-8F2K", PARTITIONS)
    assert read(record) == NewCodes("cart-10", ["CART-8F2K"])
    assert record.value is not None
    event = Event.model_validate_json(record.value)
    assert event.event_id == stable_hash("offer_codes", "cart-10", "CART-8F2K")
    assert (event.type, event.source, event.customer_id) == ("offer_codes", "shop", None)
    assert dict(record.headers)["ce_id"] == event.event_id.encode()


@pytest.mark.parametrize(
    ("pool", "code", "partitions", "partition"),
    [
        ("cart-10", "CART-8F2K", 6, 5),
        ("cart-10", "CART-91QX", 6, 4),
        ("cart-10", "CART-8F2K", 12, 5),
        ("cart-20", "CART-8F2K", 6, 3),
        ("a", "b", 1000, 895),
    ],
)
def test_a_code_s_partition_never_changes(pool: str, code: str, partitions: int, partition: int) -> None:
    """Another function would give codes that are imported again to a second person."""
    assert code_partition(pool, code, partitions) == partition


def test_codes_are_spread_evenly_and_keep_their_order() -> None:
    codes = many(2_000)
    shares: dict[int, list[str]] = {number: [] for number in range(PARTITIONS)}
    for record in written(codes):
        shares[record.partition] += read(record).codes
    assert sorted(code for share in shares.values() for code in share) == sorted(codes)
    assert all(400 < len(share) < 600 for share in shares.values())
    assert all(share == sorted(share, key=codes.index) for share in shares.values())


def test_an_event_holds_a_bounded_number_of_codes() -> None:
    sizes = [len(read(record).codes) for record in written(many(4_500))]
    assert max(sizes) == EVENT_CODES_MAX
    assert sum(sizes) == 4_500
    longest = [f"{number:064}" for number in range(2_500)]
    assert all(len(record.value or b"") < 40_000 for record in written(longest))


def test_a_code_counts_once_in_a_request() -> None:
    outcomes = outcomes_of({"pool": "p", "codes": ["b", "a", "b", "b", "B"]})
    assert reply_to(outcomes).body == {"success": True, "accepted": 3, "rejected": [], "repeated": 2}
    taken = [outcome for outcome in outcomes if isinstance(outcome, TakenCode)]
    (record,) = code_records(taken, 1, TO, ARRIVAL)
    assert read(record).codes == ["b", "a", "B"]


def test_the_same_request_writes_the_same_events() -> None:
    assert written(many(900)) == written(many(900))
    assert written(["a", "b"]) != written(["a", "b"], pool="other")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "'' is no code that mails can carry"),
        ("SAVE 10%", "'SAVE 10%' is no code that mails can carry: 1 to 64 of A-Z, a-z, 0-9, - and _"),
        (" A", "' A' is no code"),
        ("A\n", r"'A\n' is no code"),
        ("İNDİRİM", "'İNDİRİM' is no code"),
        ("٣", "is no code"),
        ("x" * 65, "1 to 64 of"),
        (7, "a code must be a text"),
        (None, "a code must be a text"),
        (["A"], "a code must be a text"),
        ({"code": "A"}, "a code must be a text"),
    ],
)
def test_a_bad_code_is_rejected_alone(code: Any, says: str) -> None:
    first, bad, last = outcomes_of({"pool": "p", "codes": ["A", code, "B"]})
    assert (first, last) == (TakenCode("p", "A"), TakenCode("p", "B"))
    assert isinstance(bad, Rejected)
    assert bad.code == "bad_field"
    assert says in bad.message
    body = reply_to([first, bad, last]).body
    assert (body["accepted"], [each["index"] for each in body["rejected"]]) == (2, [1])
    alone = reply_to([bad])
    assert (alone.status, alone.body["code"]) == (400, "bad_field")


def test_a_code_that_is_broken_inside_is_rejected_alone() -> None:
    good, bad = outcomes_of(b'{"pool":"p","codes":["A","\xff"]}')
    assert good == TakenCode("p", "A")
    assert isinstance(bad, Rejected)
    assert bad.code == "malformed_json"


def test_a_dead_letter_is_a_request_of_that_code() -> None:
    body = {"codes": ["A", "no code"], "pool": "cart-10", "writeKey": "wk"}
    item = opened(body).items[1]
    (_, bad) = outcomes_of(body)
    (record,) = records_of(1, item, bad, TO, TO.events, ARRIVAL, LIMITS)
    assert record.value is not None
    letter = DeadLetter.model_validate_json(record.value)
    assert (letter.topic, json.loads(letter.value)) == ("events", {"pool": "cart-10", "codes": ["no code"]})
    assert letter.reason.startswith("bad_field: 'no code' is no code")
    assert opened(letter.value.encode()).items == [item]


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ([], "bad_body", "the body has not the expected shape"),
        ({}, "bad_body", "the body needs `codes`"),
        ({"pool": "p"}, "bad_body", "the body needs `codes`"),
        ({"pool": "p", "codes": "A"}, "bad_body", "the body has not the expected shape"),
        ({"codes": []}, "bad_pool", "it must be a text"),
        ({"pool": 10, "codes": []}, "bad_pool", "it must be a text"),
        ({"pool": "Cart 10", "codes": ["A"]}, "bad_pool", "'Cart 10' cannot be its name: at most 64 of a-z"),
        ({"pool": "p\n", "codes": ["A"]}, "bad_pool", r"'p\n' cannot be its name"),
        ({"pool": "p", "codes": [], "value": 1}, "unknown_field", "beside `codes` stands the unknown field"),
        ({"pool": "p", "codes": ["A"] * 3}, "too_many_events", "holds 3 items; at most 2"),
        (b'{"pool":"p","codes":["A"', "malformed_json", "no valid JSON"),
        (b'{"pool":"\xff","codes":["A"]}', "malformed_json", "no valid JSON"),
        (b'{"pool":"p","codes":["A"],"writeKey":"\xff"}', "malformed_json", "no valid JSON"),
    ],
)
def test_requests_that_are_refused(body: Any, code: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        opened(body, Limits(batch_events_max=2))
    assert refused.value.code == code
    assert says in refused.value.message


def test_the_write_key_may_stand_in_the_body() -> None:
    assert opened(TWO | {"writeKey": "wk"}).write_key == "wk"
    assert outcomes_of(TWO | {"write_key": "wk"}) == outcomes_of(TWO)


@given(pool=st.text(max_size=70) | st.from_regex(r"[a-z][a-z0-9-]{0,64}", fullmatch=True))
def test_a_pool_is_named_as_in_triggers(pool: str) -> None:
    check, body = Check(), {"pool": pool, "codes": ["A"]}
    identifier(check, ("pool",), pool, "cart-10")
    if check.problems:
        with pytest.raises(Refused, match="cannot be its name"):
            opened(body)
    else:
        assert outcomes_of(body) == [TakenCode(pool, "A")]


@given(code=st.text(max_size=70) | st.from_regex(r"[A-Za-z0-9_-]{1,65}", fullmatch=True))
def test_the_engine_takes_the_codes_that_ingest_takes(code: str) -> None:
    (outcome,) = outcomes_of({"pool": "p", "codes": [code]})
    (record,) = written([code], "p")
    if isinstance(outcome, TakenCode):
        assert read(record) == NewCodes("p", [code])
    else:
        with pytest.raises(Malformed, match="no list of codes"):
            read(record)


@given(body=st.binary(max_size=80) | st.builds(lambda raw: b'{"pool":"p","codes":[%s]}' % raw, st.binary()))
def test_any_bytes_are_answered(body: bytes) -> None:
    try:
        outcomes = outcomes_of(body)
    except Refused as refused:
        assert_readable(refused)
        return
    json.dumps(reply_to(outcomes).body)
