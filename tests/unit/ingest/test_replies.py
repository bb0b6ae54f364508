"""What the client is told, and what the dead letters keep."""

import base64
import json

import pytest

from ingest.core.envelopes import Item
from ingest.core.outcomes import Accepted, Arrival, Limits, Rejected
from ingest.core.records import LogRecord, LogTopics, records_of
from ingest.core.replies import reply_to
from schemas.dead_letter import DeadLetter
from tests.unit.ingest.calls import LIMITS, MACHINE_NOW, NOW, accepted, outcomes_of

TO = LogTopics("events", "dead", "products")
ARRIVAL = Arrival(NOW, MACHINE_NOW, "r", "web", "/v1/track")


def letter_of(raw: bytes, limits: Limits = LIMITS) -> tuple[DeadLetter, LogRecord]:
    nobody = Rejected("no_identity", "nobody is named")
    (record,) = records_of(3, Item(raw), nobody, TO, TO.events, ARRIVAL, limits)
    assert record.value is not None
    return DeadLetter.model_validate_json(record.value), record


def test_a_batch_is_told_of_each_rejected_event() -> None:
    batch = [
        {"type": "track", "event": "A", "userId": "1"},
        {"type": "track", "event": "A", "messageId": "m"},
    ]
    reply = reply_to(outcomes_of({"batch": batch}, "batch"))
    assert reply.status == 200
    (bad,) = reply.body.pop("rejected")
    assert reply.body == {"success": True, "accepted": 1, "assigned_ids": [{"index": 0, "event_id": "r-0"}]}
    assert (bad["index"], bad["message_id"], bad["code"]) == (1, "m", "no_identity")


def test_a_clean_batch() -> None:
    message = {"type": "track", "event": "A", "userId": "1", "messageId": "m"}
    reply = reply_to(outcomes_of({"batch": [message]}, "batch"))
    assert (reply.status, reply.body) == (200, {"success": True, "accepted": 1, "rejected": []})
    assert reply_to([]).body == {"success": True, "accepted": 0, "rejected": []}


@pytest.mark.parametrize(("code", "status"), [("no_identity", 400), ("event_too_large", 413)])
def test_a_single_bad_event_is_an_error(code: str, status: int) -> None:
    reply = reply_to([Rejected(code, "why", "m")])
    assert (reply.status, reply.body) == (status, {"code": code, "message": "why", "message_id": "m"})


def test_two_bad_events_are_a_batch() -> None:
    assert reply_to([Rejected("a", "b"), Rejected("a", "b")]).status == 200


def test_an_event_carries_cloud_event_headers() -> None:
    outcome = accepted({"type": "page_viewed", "customer_id": "1", "event_id": "e"})
    (record,) = records_of(0, Item(b""), outcome, TO, TO.events, ARRIVAL, Limits())
    headers = dict(record.headers)
    assert (record.topic, record.key, record.value) == ("events", "1", outcome.value)
    assert headers["ce_type"] == b"tetik.event.v1"
    assert headers["ce_id"] == b"e"
    assert headers["ce_time"] == b"2026-11-22T17:00:00.000Z"


def test_a_dead_letter_keeps_what_came_and_why() -> None:
    letter, record = letter_of('{"event": "Ç"}'.encode())
    assert (record.topic, record.key) == ("dead", None)
    assert dict(record.headers)["ce_subject"] == b"/v1/track"
    assert dict(record.headers)["ce_id"] == b"r-3"
    assert (letter.topic, letter.partition, letter.offset, letter.stage) == ("events", -1, -1, "ingest")
    assert (letter.value, letter.value_encoding) == ('{"event": "Ç"}', "utf-8")
    assert letter.reason == "no_identity: nobody is named"


def test_a_dead_letter_keeps_no_write_key() -> None:
    letter, _ = letter_of(b'{"writeKey" : "a\\"b", "write_key":"c", "event":"A"}')
    assert json.loads(letter.value) == {"writeKey": "***", "write_key": "***", "event": "A"}


def test_a_dead_letter_that_is_not_utf8() -> None:
    letter, _ = letter_of(b'{"a":"\xff"}')
    assert letter.value_encoding == "base64"
    assert base64.b64decode(letter.value) == b'{"a":"\xff"}'


def test_an_oversized_dead_letter_is_cut_and_says_so() -> None:
    letter, _ = letter_of(("ç" * 60).encode(), Limits(event_bytes_max=101))
    assert letter.value == "ç" * 50
    assert letter.reason.endswith("(cut to 101 bytes)")


def test_records_of_accepted_events_are_immutable() -> None:
    outcome = accepted({"type": "page_viewed", "customer_id": "1"})
    assert isinstance(outcome, Accepted)
    with pytest.raises(AttributeError):
        outcome.key = "2"  # type: ignore[misc]  # that is what is tested
