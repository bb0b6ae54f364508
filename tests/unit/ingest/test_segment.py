"""Segment's messages as our events."""

from typing import Any

import pytest

from ingest.core.envelopes import open_envelope
from ingest.core.event_types import RESERVED_TYPES, snake_case, type_of_name
from ingest.core.outcomes import Accepted, Form, Limits, MessageKind, Refused, Rejected, Unacceptable
from tests.unit.ingest.calls import accepted, outcomes_of, rejected

TRACK = {"userId": "42", "event": "Product Added", "messageId": "m-1", "properties": {"cart_id": "c"}}


def test_track() -> None:
    outcome = accepted(TRACK | {"anonymousId": "d", "context": {"ip": "::1"}}, "track")
    record = outcome.record
    assert (record.type, record.event_id, record.source) == ("product_added", "m-1", "web")
    assert (record.customer_id, record.anonymous_id, outcome.key) == ("42", "d", "42")
    assert record.properties == {"cart_id": "c"}
    assert record.context == {"ip": "::1", "event_name": "Product Added"}
    assert record.backfill is False


def test_identify_with_root_traits() -> None:
    traits = {
        "email": "a@b.example",
        "firstName": "Ayşe",
        "lastName": "Kaya",
        "timezone": "Asia/Baku",
        "vip": 1,
    }
    record = accepted({"userId": "42", "traits": traits}, "identify").record
    assert record.type == "profile_updated"
    assert record.properties == {
        "email": "a@b.example",
        "first_name": "Ayşe",
        "last_name": "Kaya",
        "time_zone": "Asia/Baku",
        "vip": 1,
    }


def test_identify_as_rudderstack_writes_it() -> None:
    context = {"traits": {"email": "a@b.example"}, "locale": "tr-TR", "timezone": "Europe/Istanbul"}
    record = accepted({"userId": "42", "context": context}, "identify").record
    assert record.properties == {
        "email": "a@b.example",
        "locale": "tr-TR",
        "time_zone": "Europe/Istanbul",
    }


def test_traits_win_over_what_the_context_suggests() -> None:
    message = {
        "userId": "42",
        "traits": {"locale": None, "address": {"country": "AZ"}},
        "context": {"locale": "en-US"},
    }
    properties = accepted(message, "identify").record.properties
    assert properties["locale"] is None
    assert properties["country"] == "AZ"


def test_traits_of_other_calls_change_no_profile() -> None:
    record = accepted(TRACK | {"context": {"traits": {"email": "old@b.example"}}}, "track").record
    assert record.properties == {"cart_id": "c"}


@pytest.mark.parametrize(
    ("kind", "message", "event_type", "properties", "key"),
    [
        ("page", {"anonymousId": "d", "name": "Home"}, "page_viewed", {"name": "Home"}, "anon:d"),
        (
            "page",
            {"userId": 7, "name": None, "category": None, "properties": None},
            "page_viewed",
            {},
            "7",
        ),
        ("screen", {"userId": "7", "category": "c"}, "screen_viewed", {"category": "c"}, "7"),
        (
            "group",
            {"userId": "7", "groupId": 3, "traits": {"a": 1}},
            "group_joined",
            {"a": 1, "group_id": "3"},
            "7",
        ),
        ("alias", {"userId": "7", "previousId": "d"}, "customer_aliased", {"previous_id": "d"}, "7"),
    ],
)
def test_other_calls(
    kind: MessageKind, message: dict[str, Any], event_type: str, properties: dict[str, Any], key: str
) -> None:
    for outcome in (accepted(message, kind), accepted({"batch": [{"type": kind, **message}]}, "batch")):
        assert (outcome.record.type, outcome.record.properties, outcome.key) == (event_type, properties, key)


def test_alias_names_both_ids() -> None:
    record = accepted({"userId": "7", "previousId": "d"}, "alias").record
    assert (record.customer_id, record.anonymous_id) == ("7", "d")


@pytest.mark.parametrize(
    ("name", "event_type"),
    [
        ("Product Added", "product_added"),
        ("product_added", "product_added"),
        ("productAdded", "product_added"),
        ("  Product  -  Added! ", "product_added"),
        ("Added Product", "product_added"),
        ("Viewed Product", "product_viewed"),
        ("Viewed Product Category", "product_list_viewed"),
        ("Product Added to Wishlist", "product_wished"),
        ("Product Removed from Wishlist", "product_unwished"),
        ("Added Product to Wishlist", "product_wished"),
        ("Removed Product from Wishlist", "product_unwished"),
        ("Started Order", "checkout_started"),
        ("Completed Order", "order_completed"),
        ("Order Canceled", "order_cancelled"),
        ("Email Opened", "email_opened"),
        ("Email Link Clicked", "email_clicked"),
        ("Signed Up", "signed_up"),
        ("HTMLPage Viewed", "html_page_viewed"),
        ("Ürün Görüntülendi", "urun_goruntulendi"),
        ("Alış-veriş 2", "alis_veris_2"),
        ("Səbət İzləndi", "sebet_izlendi"),
    ],
)
def test_names(name: str, event_type: str) -> None:
    assert type_of_name(name) == event_type


@pytest.mark.parametrize("name", [None, "", "  ", 7, "3D", "商品", "!", "x" * 65, "x" * 201])
def test_names_that_make_no_type(name: object) -> None:
    with pytest.raises(Unacceptable) as reason:
        type_of_name(name)
    assert reason.value.code == "bad_type"


@pytest.mark.parametrize("event_type", sorted(RESERVED_TYPES))
def test_reserved_types_cannot_be_spelt_otherwise(event_type: str) -> None:
    for spelling in (event_type, event_type.replace("_", " ").title()):
        assert snake_case(spelling) == event_type
        assert rejected(TRACK | {"event": spelling}, "track").code == "reserved_type"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"userId": None}, "no_identity"),
        ({"userId": "anon:1"}, "reserved_prefix"),
        ({"anonymousId": "cart:1"}, "reserved_prefix"),
        ({"properties": "x"}, "bad_field"),
        ({"context": []}, "bad_field"),
        ({"timestamp": "soon"}, "bad_timestamp"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "implausible_timestamp"),
        ({"timestamp": True}, "bad_timestamp"),
        ({"messageId": {}}, "bad_id"),
    ],
)
def test_rejections(change: dict[str, Any], code: str) -> None:
    assert rejected(TRACK | change, "track").code == code


@pytest.mark.parametrize("kind", [None, "delete", 7, ["track"]])
def test_a_batch_says_what_its_messages_are(kind: object) -> None:
    reason = rejected({"batch": [TRACK | {"type": kind}]}, "batch")
    assert reason.code == "bad_type"
    assert reason.message_id == "m-1"


def test_what_a_batch_says_once_holds_for_all() -> None:
    body = {
        "context": {"app": "a", "ip": "1"},
        "timestamp": "2026-11-22T16:00:00Z",
        "batch": [TRACK | {"type": "track"}, TRACK | {"type": "track", "context": {"ip": "2"}}],
    }
    first, second = outcomes_of(body, "batch")
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.record.occurred_at == second.record.occurred_at == "2026-11-22T16:00:00.000Z"
    assert first.record.context == {"app": "a", "ip": "1", "event_name": "Product Added"}
    assert second.record.context == {"app": "a", "ip": "2", "event_name": "Product Added"}


def test_the_shared_context_counts_against_size_and_depth() -> None:
    messages = [TRACK | {"type": "track"}]
    large = rejected({"context": {"a": "x" * 900}, "batch": messages}, "batch", Limits(event_bytes_max=1000))
    assert large.code == "event_too_large"
    deep = rejected({"context": {"a": [[[[1]]]]}, "batch": messages}, "batch", Limits(depth_max=4))
    assert deep.code == "nested_too_deeply"


def test_an_oversized_event_is_rejected_by_itself() -> None:
    messages = [TRACK | {"type": "track"}, TRACK | {"type": "track", "properties": {"a": "x" * 40_000}}]
    first, second = outcomes_of({"batch": messages}, "batch")
    assert isinstance(first, Accepted)
    assert isinstance(second, Rejected)
    assert second.code == "event_too_large"


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        (
            b'{"userId":"1","event":"A","properties":{"p":NaN,"q":[Infinity,-Infinity,1]}}',
            {"p": None, "q": [None, None, 1]},
        ),
        (b'{"userId":"1","event":"A","properties":{"p":1e999}}', {"p": None}),
        (b'{"userId":"1","event":"A","properties":{"p":"\\ud83d"}}', {"p": "\ufffd"}),
        (b'\xef\xbb\xbf{"userId":"1","event":"A","properties":{"p":1}}', {"p": 1}),
    ],
)
def test_what_sdks_write_beside_the_standard_is_repaired(body: bytes, properties: dict[str, Any]) -> None:
    assert accepted(body, "track").record.properties == properties
    plain = body.removeprefix(b"\xef\xbb\xbf").replace(b"{", b'{"type":"track",', 1)
    assert accepted(b'{"batch":[' + plain + b"]}", "batch").record.properties == properties


@pytest.mark.parametrize(
    ("form", "body", "code"),
    [
        ("track", b"{", "malformed_json"),
        ("track", b"[" * 100_000, "malformed_json"),
        ("track", b'{"a":\xff}', "malformed_json"),
        ("track", b'{"a":"\xff"}', "malformed_json"),
        ("track", b"[]", "bad_body"),
        ("track", b"NaN", "bad_body"),
        ("batch", b"{}", "bad_body"),
        ("batch", b"[]", "bad_body"),
        ("batch", b'{"batch": 7}', "bad_body"),
        ("batch", b'{"batch": [], "context": 7}', "bad_body"),
        ("batch", b'{"batch": [1,2,3]}', "too_many_events"),
    ],
)
def test_unreadable_bodies_are_refused(form: Form, body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        outcomes_of(body, form, Limits(batch_events_max=2))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("track", b'{"writeKey":"k"}'),
        ("batch", b'{"batch":[],"writeKey":"k"}'),
        ("native", b'{"write_key":"k"}'),
    ],
)
def test_the_write_key_of_a_body(form: Form, body: bytes) -> None:
    assert open_envelope(body, form, 10).write_key == "k"
    assert open_envelope(body.replace(b'"k"', b"7"), form, 10).write_key is None
