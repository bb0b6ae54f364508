"""The catalogue API's core: what is taken, what each mistake is answered with, what is written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.envelopes import Envelope, open_deletion, open_products
from ingest.core.outcomes import Arrival, Catalogued, Limits, Outcome, Refused, Rejected
from ingest.core.products import FIELDS, accept_deletion, accept_product
from ingest.core.records import LogRecord, LogTopics, records_of
from ingest.core.replies import reply_to
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.product import Product
from schemas.records import ProductRecord, decode_event, decode_product
from tests.fixtures.examples import bad, good
from tests.unit.ingest.calls import LIMITS, MACHINE_NOW, NOW

TO = LogTopics("events", "dead", "products")
TEAPOT = {"product_id": "p-9", "name": "Teapot"}
FULL = TEAPOT | {
    "category": "Home > Tea",
    "price": 24.5,
    "currency": "EUR",
    "stock": 12,
    "url": "https://shop.example/p/p-9",
    "image_url": "https://shop.example/i/p-9.jpg",
    "consumable_days": 30,
}
NOW_TEXT = "2026-11-22T17:00:00.000Z"


def arrival(at: int = NOW) -> Arrival:
    return Arrival(at, MACHINE_NOW, request_id="r", source="erp", path="/v1/products")


def decided(envelope: Envelope, limits: Limits = LIMITS, at: int = NOW) -> list[Outcome]:
    items = enumerate(envelope.items)
    return [accept_product(index, item, envelope, arrival(at), limits) for index, item in items]


def outcomes_of(body: Any, limits: Limits = LIMITS, at: int = NOW) -> list[Outcome]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decided(open_products(raw, limits.batch_events_max), limits, at)


def taken(body: Any, at: int = NOW) -> Catalogued:
    (outcome,) = outcomes_of(body, at=at)
    assert isinstance(outcome, Catalogued), outcome
    return outcome


def entry_of(body: Any) -> ProductRecord:
    entry = taken(body).entry
    assert entry is not None
    return decode_product(entry)


def deleted(product_id: str, at: int = NOW) -> Outcome:
    envelope = open_deletion(product_id)
    return accept_deletion(0, envelope.items[0], envelope, arrival(at), LIMITS)


def written(outcome: Outcome, body: Any) -> list[LogRecord]:
    envelope = open_products(json.dumps(body).encode(), 1)
    return records_of(0, envelope.items[0], outcome, TO, TO.products, arrival(), LIMITS)


def test_a_product_is_an_entry_and_an_event() -> None:
    outcome = taken(FULL)
    entry, event = written(outcome, FULL)
    assert (entry.topic, entry.key, event.topic, event.key) == (
        "products",
        "product:p-9",
        "events",
        "product:p-9",
    )
    assert entry.value is not None
    assert event.value is not None
    assert json.loads(entry.value) == FULL | {"updated_at": NOW_TEXT}
    assert Product.model_validate_json(entry.value).name == "Teapot"
    told = Event.model_validate_json(event.value)
    assert (told.type, told.product_id, told.customer_id, told.anonymous_id) == (
        "product_updated",
        "p-9",
        None,
        None,
    )
    assert (told.source, decode_event(event.value).received_at) == ("erp", NOW_TEXT)
    assert {"product_id": "p-9"} | told.properties == FULL | {"updated_at": NOW_TEXT}
    assert dict(entry.headers)["ce_type"] == b"tetik.product.v1"
    assert dict(event.headers)["ce_type"] == b"tetik.event.v1"
    assert dict(entry.headers)["ce_id"] == dict(event.headers)["ce_id"] == told.event_id.encode()


def test_what_is_left_out_is_null() -> None:
    assert entry_of(TEAPOT) == ProductRecord(product_id="p-9", name="Teapot", updated_at=NOW_TEXT)
    blank = dict.fromkeys(FIELDS[2:], "")
    assert entry_of(TEAPOT | blank) == entry_of(TEAPOT | dict.fromkeys(FIELDS[2:])) == entry_of(TEAPOT)


def test_the_event_s_id_comes_from_the_content_and_the_instant() -> None:
    first = taken(FULL).record.event_id
    assert taken(FULL).record.event_id == first
    assert taken(FULL | {"price": 24.4}).record.event_id != first
    assert taken(FULL | {"product_id": "p-8"}).record.event_id != first
    assert taken(FULL, at=NOW + 1).record.event_id != first


def test_a_deletion_is_a_tombstone_and_an_event() -> None:
    outcome = deleted("a/b ç")
    assert isinstance(outcome, Catalogued)
    entry, event = written(outcome, {})
    assert (entry.topic, entry.key, entry.value) == ("products", "product:a/b ç", None)
    assert event.value is not None
    told = Event.model_validate_json(event.value)
    assert (told.type, told.product_id, told.properties) == ("product_deleted", "a/b ç", {})
    again, later = deleted("a/b ç"), deleted("a/b ç", NOW + 1)
    assert isinstance(again, Catalogued)
    assert isinstance(later, Catalogued)
    assert again.record.event_id == told.event_id != later.record.event_id


@pytest.mark.parametrize(
    ("product_id", "code"), [("", "no_identity"), ("product:x", "reserved_prefix"), ("x" * 257, "bad_id")]
)
def test_what_cannot_be_deleted(product_id: str, code: str) -> None:
    outcome = deleted(product_id)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"product_id": 9}, "product_id", "9"),
        ({"name": "  Tea\n pot "}, "name", "Tea pot"),
        ({"price": 0}, "price", 0.0),
        ({"price": 1_000_000_000}, "price", 1e9),
        ({"currency": " try "}, "currency", "TRY"),
        ({"stock": 0}, "stock", 0),
        ({"url": " HTTPS://shop.example/ç "}, "url", "https://shop.example/ç"),
        ({"consumable_days": 400}, "consumable_days", 400),
    ],
)
def test_values_as_they_are_kept(change: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(entry_of(TEAPOT | change), field) == value


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"product_id": None}, "no_identity", "product_id"),
        ({"product_id": "undefined"}, "bad_id", "placeholder"),
        ({"product_id": "anon:1"}, "reserved_prefix", "'anon:'"),
        ({"product_id": ["p"]}, "bad_id", "must be a text"),
        ({"name": None}, "bad_field", "needs `name`"),
        ({"name": " \n "}, "bad_field", "needs `name`"),
        ({"name": 7}, "bad_field", "name must be a text"),
        ({"name": "x" * 257}, "bad_field", "name has 257 characters; at most 256"),
        ({"name": "a\u0000b"}, "bad_field", "control character"),
        ({"category": ["Tea"]}, "bad_field", "category must be a text"),
        ({"price": "24.50"}, "bad_field", "price: it must be a number"),
        ({"price": True}, "bad_field", "price: it must be a number"),
        ({"price": -0.01}, "bad_field", "from 0 to 1,000,000,000"),
        ({"price": 1_000_000_001}, "bad_field", "from 0 to 1,000,000,000"),
        ({"currency": "₺"}, "bad_field", "ISO 4217"),
        ({"currency": "TL"}, "bad_field", "ISO 4217"),
        ({"currency": 949}, "bad_field", "currency must be a text"),
        ({"stock": -1}, "bad_field", "stock must be a whole number from 0"),
        ({"stock": 1.5}, "bad_field", "stock must be a whole number"),
        ({"stock": True}, "bad_field", "stock must be a whole number"),
        ({"stock": 10**30}, "bad_field", "stock must be a whole number"),
        ({"url": "shop.example/p"}, "bad_field", "url must be a whole address"),
        ({"url": "javascript:alert(1)"}, "bad_field", "url must be a whole address"),
        ({"url": "https://"}, "bad_field", "url must be a whole address"),
        ({"url": "https://shop.example/a b"}, "bad_field", "%20"),
        (
            {"image_url": "https://x/" + "y" * 2000},
            "bad_field",
            "image_url has 2010 characters; at most 2000",
        ),
        ({"consumable_days": 0}, "bad_field", "from 1 to 400"),
        ({"consumable_days": 401}, "bad_field", "from 1 to 400"),
        ({"updated_at": NOW_TEXT}, "unknown_field", "leave it out"),
        ({"title": "x"}, "unknown_field", "did you mean 'name'?"),
        ({"prise": 1}, "unknown_field", "did you mean 'price'?"),
        ({"zzz": {"deep": [[[]]]}}, "unknown_field", "a product has product_id, name"),
    ],
)
def test_rejections(change: dict[str, Any], code: str, says: str) -> None:
    (outcome,) = outcomes_of(FULL | change)
    assert isinstance(outcome, Rejected), outcome
    assert outcome.code == code
    assert says in outcome.message


def test_one_bad_product_leaves_the_others_alone_and_is_named() -> None:
    body = [TEAPOT, TEAPOT | {"product_id": "bad", "price": "x"}, 7, TEAPOT | {"product_id": "p-10"}]
    outcomes = outcomes_of(body)
    reply = reply_to(outcomes)
    assert (reply.status, reply.body["accepted"]) == (200, 2)
    assert [(each["index"], each["message_id"], each["code"]) for each in reply.body["rejected"]] == [
        (1, "bad", "bad_field"),
        (2, None, "bad_body"),
    ]
    assert "assigned_ids" not in reply.body
    (record,) = written(outcomes[1], body[1])
    assert record.value is not None
    letter = DeadLetter.model_validate_json(record.value)
    assert (record.topic, letter.topic, letter.stage) == ("dead", "products", "ingest")
    assert json.loads(letter.value) == body[1]


def test_a_product_that_is_broken_inside_costs_itself_only() -> None:
    body = b'[{"product_id": "1", "name": "\xff"}, {"product_id": "2", "name": "b"}]'
    first, second = outcomes_of(body)
    assert isinstance(first, Rejected)
    assert first.code == "malformed_json"
    assert isinstance(second, Catalogued)


def test_a_product_that_is_too_large_is_rejected() -> None:
    (outcome,) = outcomes_of(FULL, Limits(event_bytes_max=100))
    assert isinstance(outcome, Rejected)
    assert reply_to([outcome]).status == 413


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_json"),
        (b'{"price": NaN}', "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b"7", "bad_body"),
        (b"[{}, {}, {}]", "too_many_events"),
    ],
)
def test_unreadable_bodies_are_refused_as_a_whole(body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        outcomes_of(body, Limits(batch_events_max=2))
    assert refused.value.code == code


def test_the_write_key_in_a_body_is_no_field_of_the_product() -> None:
    envelope = open_products(json.dumps(TEAPOT | {"writeKey": "k"}).encode(), 1)
    assert envelope.write_key == "k"
    assert isinstance(decided(envelope)[0], Catalogued)


@pytest.mark.parametrize(("name", "example"), [pytest.param(*each, id=each[0]) for each in good("product")])
def test_good_examples_of_the_contract_are_taken(name: str, example: bytes) -> None:
    sent = {key: value for key, value in json.loads(example).items() if key in FIELDS}
    stored, read = entry_of(sent), decode_product(example)
    assert all(getattr(stored, field) == getattr(read, field) for field in FIELDS)


FORGIVEN = {"product_id_number", "currency_lower_case", "currency_with_line_end"}
"""What the catalogue must hold as it should be, but a shop may write otherwise."""


@pytest.mark.parametrize(
    ("name", "example"),
    [pytest.param(*each, id=each[0]) for each in bad("product") if not each[0].startswith("updated_at")],
)
def test_bad_examples_of_the_contract_never_reach_the_catalogue(name: str, example: bytes) -> None:
    try:
        sent = json.loads(example)
        sent.pop("updated_at", None)
        body = json.dumps(sent).encode()
    except (ValueError, TypeError, AttributeError):
        body = example
    try:
        outcomes = outcomes_of(body)
    except Refused:
        return
    for outcome in outcomes:
        if isinstance(outcome, Catalogued):
            assert name in FORGIVEN
            Product.model_validate_json(outcome.entry or b"")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
products = st.dictionaries(st.sampled_from([*FIELDS, "updated_at", "id", "writeKey"]), values, max_size=9)


@given(body=products | st.lists(products, max_size=3) | values)
def test_whatever_comes_in_is_taken_rejected_or_refused(body: Any) -> None:
    raw = json.dumps(body).encode()
    try:
        envelope = open_products(raw, 3)
    except Refused:
        return
    for index, (item, outcome) in enumerate(zip(envelope.items, decided(envelope), strict=True)):
        written_now = records_of(index, item, outcome, TO, TO.products, arrival(), LIMITS)
        if isinstance(outcome, Catalogued):
            entry, event = written_now
            product = Product.model_validate_json(entry.value or b"")
            told = Event.model_validate_json(event.value or b"")
            assert (told.product_id, entry.key) == (product.product_id, f"product:{product.product_id}")
            assert decode_product(entry.value or b"").name == product.name == told.properties["name"]
        else:
            (letter,) = written_now
            assert DeadLetter.model_validate_json(letter.value or b"").topic == TO.products


@given(product_id=st.text(st.characters(codec="utf-8"), max_size=300))
def test_whatever_id_is_deleted_there_is_an_answer(product_id: str) -> None:
    outcome = deleted(product_id)
    if isinstance(outcome, Catalogued):
        assert outcome.key == f"product:{product_id}"
        decode_event(outcome.value)
    else:
        assert isinstance(outcome, Rejected)
        assert outcome.message
