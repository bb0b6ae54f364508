"""Native events: what is taken, and what each mistake is answered with."""

import json
from typing import Any

import pytest

from ingest.core.outcomes import Accepted, Limits, Refused, Rejected
from schemas.event import Event
from schemas.records import decode_event
from tests.unit.ingest.calls import accepted, outcomes_of, rejected

PAGE = {"type": "page_viewed", "customer_id": "42"}


def test_a_full_event_is_taken_as_it_is() -> None:
    sent = {
        "event_id": "e-1",
        "type": "order_completed",
        "customer_id": "42",
        "anonymous_id": "d-1",
        "occurred_at": "2026-11-22T18:30:00.5+02:00",
        "source": "erp",
        "properties": {"order_id": "7", "total": 12.5},
        "context": {"ip": "::1"},
        "backfill": True,
    }
    outcome = accepted(sent)
    assert decode_event(outcome.value) == outcome.record
    assert json.loads(outcome.value) == sent | {
        "occurred_at": "2026-11-22T16:30:00.500Z",
        "received_at": "2026-11-22T17:00:00.000Z",
        "product_id": None,
    }
    assert Event.model_validate_json(outcome.value).event_id == "e-1"
    assert (outcome.key, outcome.id_drawn) == ("42", False)


def test_what_is_left_out_is_filled_in() -> None:
    outcome = accepted(PAGE)
    assert outcome.record.event_id == "r-0"
    assert outcome.id_drawn
    assert outcome.record.source == "web"
    assert outcome.record.occurred_at == outcome.record.received_at == "2026-11-22T17:00:00.000Z"
    assert (outcome.record.properties, outcome.record.context, outcome.record.backfill) == ({}, {}, False)


@pytest.mark.parametrize(
    ("ids", "key"),
    [
        ({"customer_id": "42"}, "42"),
        ({"customer_id": 42}, "42"),
        ({"customer_id": 42.0}, "42"),
        ({"customer_id": "42", "anonymous_id": "d"}, "42"),
        ({"customer_id": None, "anonymous_id": "d"}, "anon:d"),
        ({"customer_id": "", "anonymous_id": "d"}, "anon:d"),
        ({"product_id": "p"}, "product:p"),
        ({"product_id": "p", "anonymous_id": "d"}, "anon:d"),
        ({"customer_id": "cart:1"}, "cart:1"),
        ({"customer_id": "Ayşe Ü."}, "Ayşe Ü."),
    ],
)
def test_keys(ids: dict[str, Any], key: str) -> None:
    assert accepted({"type": "page_viewed", **ids}).key == key


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"customer_id": None}, "no_identity", "anonymous id"),
        ({"customer_id": "  "}, "no_identity", "anonymous id"),
        ({"customer_id": "anon:x"}, "reserved_prefix", "customer_id begins with 'anon:'"),
        ({"customer_id": "product:x"}, "reserved_prefix", "'product:'"),
        ({"customer_id": "tetik:x"}, "reserved_prefix", "'tetik:'"),
        ({"anonymous_id": "anon:x"}, "reserved_prefix", "anonymous_id"),
        ({"anonymous_id": "cart:x"}, "reserved_prefix", "'cart:'"),
        ({"anonymous_id": "email:x"}, "reserved_prefix", "'email:'"),
        ({"product_id": "product:x"}, "reserved_prefix", "product_id"),
        ({"customer_id": "undefined"}, "bad_id", "placeholder"),
        ({"customer_id": "[object Object]"}, "bad_id", "placeholder"),
        ({"customer_id": True}, "bad_id", "boolean"),
        ({"customer_id": ["42"]}, "bad_id", "must be a text"),
        ({"customer_id": "a\u0000b"}, "bad_id", "control character"),
        ({"customer_id": "x" * 257}, "bad_id", "256"),
        ({"event_id": "x" * 257}, "bad_id", "event_id"),
        ({"type": None}, "bad_type", "needs `type`"),
        ({"type": "Product Added"}, "bad_type", "did you mean 'product_added'?"),
        ({"type": "x" * 65}, "bad_type", "at most 64"),
        ({"type": "rules_activated"}, "reserved_type", "Tetik itself"),
        ({"type": "product_notice"}, "reserved_type", "Tetik itself"),
        ({"type": "handover_asked"}, "reserved_type", "'handover_asked' are written by Tetik itself"),
        ({"type": "handover_state"}, "reserved_type", "'handover_state' are written by Tetik itself"),
        ({"type": "email_sent"}, "reserved_type", "Tetik itself"),
        ({"type": "email_bounced"}, "reserved_type", "Tetik itself"),
        ({"type": "product_updated"}, "reserved_type", "send the product to /v1/products"),
        ({"type": "product_deleted"}, "reserved_type", "send the product to /v1/products"),
        ({"type": "offer_codes"}, "reserved_type", "send the codes to /v1/offer-codes"),
        ({"occurred_at": "yesterday"}, "bad_timestamp", "occurred_at 'yesterday'"),
        ({"occurred_at": "2026-11-22"}, "bad_timestamp", "time zone"),
        ({"occurred_at": "2026-11-22T16:00:00"}, "bad_timestamp", "time zone"),
        ({"occurred_at": 1732290000}, "bad_timestamp", "2026-11-22T16:52:03.120Z"),
        ({"occurred_at": "1970-01-01T00:00:00Z"}, "implausible_timestamp", "before 2000-01-01"),
        ({"source": ""}, "bad_field", "source"),
        ({"source": "x" * 65}, "bad_field", "source"),
        ({"properties": []}, "bad_field", "properties must be a JSON object"),
        ({"context": "x"}, "bad_field", "context must be a JSON object"),
        ({"backfill": "yes"}, "bad_field", "backfill must be true or false"),
        ({"custmer_id": "42"}, "unknown_field", "did you mean 'customer_id'?"),
        ({"customerId": "42"}, "unknown_field", "did you mean 'customer_id'?"),
        ({"userId": "42"}, "unknown_field", "did you mean 'customer_id'?"),
        ({"timestamp": "x"}, "unknown_field", "did you mean 'occurred_at'?"),
        ({"propertes": {}}, "unknown_field", "did you mean 'properties'?"),
        ({"zzz": 1}, "unknown_field", "belongs into properties"),
        ({"received_at": "2026-11-22T16:00:00Z"}, "unknown_field", "leave it out"),
        ({"properties": {"a": [[[[[[1]]]]]]}}, "nested_too_deeply", "deeper than 4"),
        ({"properties": {"a": "x" * 2000}}, "event_too_large", "at most 1500"),
    ],
)
def test_rejections(change: dict[str, Any], code: str, says: str) -> None:
    reason = rejected(PAGE | change, limits=Limits(depth_max=4, event_bytes_max=1500))
    assert reason.code == code
    assert says in reason.message


@pytest.mark.parametrize("event_type", ["subscribed", "unsubscribed", "email_verified", "customer_erased"])
def test_types_of_ones_own_are_free(event_type: str) -> None:
    assert accepted(PAGE | {"type": event_type}).record.type == event_type


def test_the_future_is_clamped_and_says_so() -> None:
    record = accepted(PAGE | {"occurred_at": "2100-01-01T00:00:00Z"}).record
    assert record.occurred_at == "2026-11-22T17:00:00.000Z"
    assert record.context == {"clamped_from": "2100-01-01T00:00:00Z"}


def test_the_present_is_not_clamped() -> None:
    assert accepted(PAGE | {"occurred_at": "2026-11-22T17:00:00.000Z"}).record.context == {}


def test_a_nest_at_the_limit_passes() -> None:
    assert accepted(PAGE | {"properties": {"a": {"b": {"c": [1]}}}}, limits=Limits(depth_max=4)).key == "42"


@pytest.mark.parametrize("wrap", [lambda events: events, lambda events: {"events": events}])
def test_one_bad_event_leaves_the_others_alone(wrap: Any) -> None:
    events = [PAGE, PAGE | {"typ": 1, "event_id": "e-2"}, 7, PAGE]
    first, second, third, fourth = outcomes_of(wrap(events), "native")
    assert isinstance(first, Accepted)
    assert isinstance(second, Rejected)
    assert (second.code, second.message_id) == ("unknown_field", "e-2")
    assert isinstance(third, Rejected)
    assert third.code == "bad_body"
    assert isinstance(fourth, Accepted)
    assert fourth.record.event_id == "r-3"


def test_bad_utf8_costs_its_own_event_only() -> None:
    body = b'[{"type":"page_viewed","customer_id":"\xff"},{"type":"page_viewed","customer_id":"1"}]'
    first, second = outcomes_of(body, "native")
    assert isinstance(first, Rejected)
    assert first.code == "malformed_json"
    assert isinstance(second, Accepted)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"{'type': 1}", "malformed_json"),
        (b'{"type": NaN}', "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
        (b'{"events": [], "writeKey": "\xff"}', "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b'{"a":' * 100_000, "malformed_json"),
        (b"7", "bad_body"),
        (b'"x"', "bad_body"),
        (b'{"events": {}}', "bad_body"),
        (b'{"events": [], "batch": []}', "unknown_field"),
        (b"[1,2,3]", "too_many_events"),
    ],
)
def test_unreadable_bodies_are_refused_as_a_whole(body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        outcomes_of(body, "native", Limits(batch_events_max=2))
    assert refused.value.code == code


def test_an_empty_list_is_nothing_wrong() -> None:
    assert outcomes_of([], "native") == []
    assert outcomes_of({"events": []}, "native") == []


def test_the_write_key_in_a_body_is_no_field_of_the_event() -> None:
    assert accepted(PAGE | {"writeKey": "k"}).key == "42"
    assert len(outcomes_of({"writeKey": "k", "events": [PAGE]}, "native")) == 1
