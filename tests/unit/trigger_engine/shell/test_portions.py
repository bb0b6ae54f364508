"""What a flush writes: which topic, which partition, under which key, and with which headers."""

import json
from typing import Any

from schemas.decision import Decision
from schemas.email_request import EmailRequest
from schemas.event import Event
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.instants import format_instant
from schemas.interest import Interest
from schemas.records import EventRecord, InterestRecord, encode_record
from schemas.topics import DEAD_LETTERS, EVENTS, INTERESTS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from tests.unit.trigger_engine.core.history import CUSTOMER, SERIES, T0, History
from tests.unit.trigger_engine.core.two_partitions import DEVICE, Town
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.transaction import portions_of
from trigger_engine.core.effects import (
    CancelMail,
    Decide,
    DropInterest,
    HandOver,
    NoteInterest,
    RequestMail,
)
from trigger_engine.core.partition import PARTITION_RECORD_KEY, Flush, Rejected

NUMBER = 2
PARTITIONS = 4


def written(flush: Flush) -> dict[tuple[str, int], list[Any]]:
    """The rows by topic and partition."""
    return {(one.topic, one.partition): list(one.rows) for one in portions_of(flush, NUMBER, PARTITIONS)}


def headers_of(contract: Any, record_id: str, time: int) -> KafkaHeaders:
    """As the contract's own helper makes them."""
    return cloud_event_headers(contract, record_id=record_id, source="/tetik/engine", time=time)


def a_mail_taken_back() -> History:
    history = History(SERIES)
    history.event("signed_up", "0s")
    history.event("unsubscribed", "1h")
    return history


def test_decisions_go_to_their_topic_under_the_customers_key() -> None:
    history = a_mail_taken_back()
    rows = written(Flush(effects=history.effects))[TRIGGERS, NUMBER]
    assert [one.outcome for one in history.decisions] == ["started", "fired", "exited", "cancelling"]
    for row, record, at in zip(rows, history.decisions, ("0s", "0s", "1h", "1h"), strict=True):
        assert format_instant(T0 + 3_600_000 * (at == "1h")) == record.decided_at
        headers = headers_of(Decision, record.decision_id, T0 + 3_600_000 * (at == "1h"))
        assert row == (CUSTOMER.encode(), encode_record(record), headers)


def test_requests_and_what_takes_them_back_have_ids_of_their_own() -> None:
    history = a_mail_taken_back()
    rows = written(Flush(effects=history.effects))[OUTBOUND, NUMBER]
    effects = [one for one in history.effects if isinstance(one, RequestMail | CancelMail)]
    send, cancel = (one.record for one in effects)
    assert rows == [
        (
            CUSTOMER.encode(),
            encode_record(send),
            headers_of(EmailRequest, f"{send.send_id}-send", T0),
        ),
        (
            CUSTOMER.encode(),
            encode_record(cancel),
            headers_of(EmailRequest, f"{send.send_id}-cancel", T0 + 3_600_000),
        ),
    ]


def test_events_for_others_go_to_the_partition_of_their_key() -> None:
    town = Town(SERIES)
    town.device("page_viewed", "0s")
    town.both("page_viewed", "1m")
    handed = [one for one in town.effects if isinstance(one, HandOver)]
    assert [one.record.type for one in handed] == ["handover_asked", "handover_state"]
    portions = written(Flush(effects=list(handed)))
    for one, key in zip(handed, (f"anon:{DEVICE}", "ada"), strict=True):
        row = portions[EVENTS, partition_of(key.encode(), PARTITIONS)]
        headers = headers_of(Event, one.record.event_id, T0 + 60_000)
        assert (key.encode(), encode_record(one.record), headers) in row


def test_notices_go_to_the_partitions_of_who_is_told() -> None:
    at = format_instant(T0)
    notices = [
        EventRecord(f"n-{name}", "product_notice", at, at, "trigger_engine", name)
        for name in ("ada", "bob", "cem")
    ]
    portions = written(Flush(notices=notices))
    for notice, key in zip(notices, (b"ada", b"bob", b"cem"), strict=True):
        row = (key, encode_record(notice), headers_of(Event, notice.event_id, T0))
        assert row in portions[EVENTS, partition_of(key, PARTITIONS)]


def test_interests_go_to_the_partition_of_the_product() -> None:
    note = InterestRecord("i1", "ada", "p1", "note", format_instant(T0))
    drop = InterestRecord("i2", "ada", "p2", "drop", format_instant(T0))
    portions = written(Flush(effects=[NoteInterest(note), DropInterest(drop)]))
    for record in (note, drop):
        key = f"product:{record.product_id}".encode()
        row = (key, encode_record(record), headers_of(Interest, record.interest_id, T0))
        assert row in portions[INTERESTS, partition_of(key, PARTITIONS)]


def test_records_of_products_stand_with_the_states() -> None:
    flush = Flush(products=[("tetik:product:p1", b"bytes"), ("tetik:interest:p1:0", None)], record=b"record")
    assert written(flush)[STATE_CHANGELOG, NUMBER] == [
        (b"tetik:product:p1", b"bytes", []),
        (b"tetik:interest:p1:0", None, []),
        (PARTITION_RECORD_KEY.encode(), b"record", []),
    ]


def test_the_partition_record_comes_behind_the_customers_states() -> None:
    portions = written(Flush(states=[("ada", b"bytes"), ("bob", None)], record=b"record"))
    assert portions[STATE_CHANGELOG, NUMBER] == [
        (b"ada", b"bytes", []),
        (b"bob", None, []),
        (PARTITION_RECORD_KEY.encode(), b"record", []),
    ]
    assert portions[TRIGGERS, NUMBER] == portions[OUTBOUND, NUMBER] == portions[DEAD_LETTERS, 0] == []


def test_a_dead_letter_says_where_its_input_came_from() -> None:
    rejected = Rejected(EVENTS, 7, b"ada", b"\xff{", "no JSON", "beef", T0)
    rows = written(Flush(rejected=[rejected], rules_digest="abc"))[DEAD_LETTERS, 0]
    (key, value, headers) = rows[0]
    letter = json.loads(value)
    assert (key, len(rows)) == (b"ada", 1)
    assert (letter["topic"], letter["partition"], letter["offset"]) == (EVENTS, NUMBER, 7)
    assert (letter["stage"], letter["reason"], letter["traceback_digest"]) == ("engine", "no JSON", "beef")
    assert (letter["rules_digest"], letter["key"]) == ("abc", "ada")
    assert ("ce_time", format_instant(T0).encode()) in headers


def test_what_is_no_decision_and_no_request_is_not_written_as_one() -> None:
    town = Town(SERIES)
    town.device("page_viewed", "0s")
    town.both("page_viewed", "1m")
    handed = [one for one in town.effects if not isinstance(one, Decide)]
    portions = written(Flush(effects=list(handed)))
    assert portions[TRIGGERS, NUMBER] == portions[OUTBOUND, NUMBER] == []
