"""Whatever comes in, there is an answer: Accepted, Rejected or Refused, and never another exception."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.accept import accept
from ingest.core.envelopes import open_envelope
from ingest.core.inflating import inflate
from ingest.core.native import FIELDS
from ingest.core.outcomes import Accepted, Arrival, Form, Limits, Outcome, Refused, Rejected
from ingest.core.records import LogTopics, records_of
from ingest.core.replies import reply_to
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.instants import parse_instant
from schemas.records import decode_event
from tests.fixtures.examples import bad, good
from tests.unit.ingest.calls import MACHINE_NOW, NOW, outcomes_of

FORMS: list[Form] = ["native", "batch", *get_args(get_args(Form)[1])]
SEGMENT_FIELDS = [
    "type", "event", "userId", "anonymousId", "previousId", "groupId", "messageId", "timestamp", "sentAt",
    "originalTimestamp", "properties", "traits", "context", "name", "category", "batch", "writeKey",
]  # fmt: skip

TO = LogTopics("events", "dead", "products")
numbers = st.integers() | st.floats()
texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [
        "",
        "track",
        "identify",
        "anon:x",
        "2026-11-22T16:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31",
        "Product Added",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
messages = st.dictionaries(st.sampled_from([*FIELDS, *SEGMENT_FIELDS, "events"]), values, max_size=9)
bodies = messages | st.lists(messages, max_size=3) | values
batches = st.fixed_dictionaries(
    {"batch": st.lists(messages, max_size=3)},
    optional={"context": values, "sentAt": values, "timestamp": values, "writeKey": values},
)


def assert_readable(refused: Refused) -> None:
    assert refused.code
    assert refused.message


def check(body: bytes, form: Form) -> None:
    limits = Limits(depth_max=6)
    try:
        envelope = open_envelope(inflate(body, "", 10_000_000), form, limits.batch_events_max)
    except Refused as refused:
        assert_readable(refused)
        return
    arrival = Arrival(NOW, MACHINE_NOW, "r", "web", "/v1/x")
    outcomes: list[Outcome] = []
    for index, item in enumerate(envelope.items):
        outcome = accept(index, item, envelope, arrival, limits)
        outcomes.append(outcome)
        (record,) = records_of(index, item, outcome, TO, "events", arrival, limits)
        assert record.value is not None
        if isinstance(outcome, Accepted):
            assert decode_event(record.value) == outcome.record
            Event.model_validate_json(record.value)
            assert record.key
            record.key.encode()
            occurred_at = parse_instant(outcome.record.occurred_at)
            assert parse_instant("2000-01-01T00:00:00Z") <= occurred_at <= NOW
        else:
            assert DeadLetter.model_validate_json(record.value).reason.startswith(outcome.code)
    json.dumps(reply_to(outcomes).body)


@given(body=bodies, form=st.sampled_from(FORMS))
def test_any_json(body: Any, form: Form) -> None:
    check(json.dumps(body).encode(), form)


@given(body=batches)
def test_any_batch(body: Any) -> None:
    check(json.dumps(body).encode(), "batch")


@given(body=st.binary(max_size=200), form=st.sampled_from(FORMS))
def test_any_bytes(body: bytes, form: Form) -> None:
    check(body, form)


@given(message=messages, cut=st.integers(0, 200), form=st.sampled_from(FORMS))
def test_json_that_is_cut_off_or_damaged(message: Any, cut: int, form: Form) -> None:
    body = json.dumps(message).encode()
    check(body[:cut], form)
    check(body[:cut] + b"\xff" + body[cut:], form)


RESERVED = {
    "rules_activated_marker", "offer_codes", "email_sent_feedback", "handover_asked", "handover_state",
    "product_updated", "snapshot_activated_marker",
}  # fmt: skip


@pytest.mark.parametrize(("name", "example"), [pytest.param(n, v, id=n) for n, v in good("event")])
def test_good_examples_of_the_contract_are_taken_unless_reserved(name: str, example: bytes) -> None:
    sent = json.loads(example)
    received_at = parse_instant(sent.pop("received_at"))
    (outcome,) = outcomes_of(sent, "native")
    if name in RESERVED:
        assert isinstance(outcome, Rejected)
        assert outcome.code == "reserved_type"
        return
    assert received_at <= NOW
    assert isinstance(outcome, Accepted)
    read = decode_event(example)
    assert outcome.record.properties == read.properties
    assert outcome.record.event_id == read.event_id
    assert outcome.occurred_at == parse_instant(read.occurred_at)


FORGIVEN = {
    "customer_id_empty", "customer_id_number", "event_id_empty", "event_id_missing", "event_id_number",
    "occurred_at_missing", "properties_null", "source_missing", "received_at_null",
}  # fmt: skip
"""What the log must hold as it should be, but a client may leave out or write otherwise."""


@pytest.mark.parametrize(("name", "example"), [pytest.param(n, v, id=n) for n, v in bad("event")])
def test_bad_examples_of_the_contract_never_reach_the_log(name: str, example: bytes) -> None:
    try:
        sent = json.loads(example)
        sent.pop("received_at", None)
        body = json.dumps(sent).encode() if name not in {"byte_order_mark"} else example
    except (ValueError, TypeError, AttributeError, RecursionError):
        body = example
    try:
        outcomes = outcomes_of(body, "native")
    except Refused:
        return
    for outcome in outcomes:
        if isinstance(outcome, Accepted):
            assert name in FORGIVEN
            Event.model_validate_json(outcome.value)
