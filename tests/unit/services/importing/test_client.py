"""Batches over HTTP: what is sent again, what ends the import, what each answer means."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.importing.client import Address, IngestClient, Rejections, Stopped
from tests.fixtures.platform import free_ports
from tests.unit.services.importing.answering import Answer, Say, answering, took

ITEMS = [b'{"n":0}', b'{"n":1}', b'{"n":2}']
AWAY: Answer = (503, {}, {"code": "log_unavailable", "message": "Kafka is away"})


class Time:
    """Time that passes by waiting alone."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self.reasons: list[str] = []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def monotonic(self) -> float:
        return sum(self.waited)

    def told(self, reason: str, seconds: float) -> None:
        self.reasons.append(reason)


def send(
    url: str, items: list[bytes] = ITEMS, patience_s: float = 60.0, passed: Time | None = None
) -> Rejections:
    passed = passed or Time()
    address = Address(url, "/v1/products", "wk_test")
    with IngestClient(
        address, patience_s, passed.told, wait=passed.wait, monotonic=passed.monotonic
    ) as client:
        return client.send(items)


def in_turn(*answers: Answer | None) -> Say:
    """These answers one after the other; None is ingest's own."""
    left: Iterator[Answer | None] = iter(answers)

    def say(body: Any) -> Answer:
        return next(left) or took(body)

    return say


def test_a_batch_is_one_request_with_the_key() -> None:
    with answering() as ingest:
        assert send(ingest.url + "/") == {}
    assert ingest.bodies == [[{"n": 0}, {"n": 1}, {"n": 2}]]
    assert (ingest.path, ingest.headers["x-write-key"]) == ("/v1/products", "wk_test")


def test_rejected_items_are_told_by_their_place() -> None:
    body = {
        "accepted": 2,
        "rejected": [{"index": 1, "message_id": None, "code": "bad_field", "message": "why"}],
    }
    with answering(in_turn((200, {}, body))) as ingest:
        assert send(ingest.url) == {1: "why"}


@pytest.mark.parametrize("status", [400, 413])
def test_a_single_rejected_item_is_answered_with_an_error(status: int) -> None:
    with answering(
        in_turn((status, {}, {"code": "bad_field", "message": "why", "message_id": "p"}))
    ) as ingest:
        assert send(ingest.url, ITEMS[:1]) == {0: "why"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_temporary_answers_are_waited_for(status: int) -> None:
    passed = Time()
    with answering(in_turn((status, {"Retry-After": "7"}, "busy"), (status, {}, "busy"), None)) as ingest:
        assert send(ingest.url, passed=passed) == {}
    assert len(ingest.bodies) == 3
    assert passed.waited == [7.0, 1.0], "what was asked for, then the delay of a second repetition"
    assert passed.reasons == [f"{ingest.url}/v1/products answered {status}: busy"] * 2


@pytest.mark.parametrize(
    ("retry_after", "date", "waited"),
    [
        ("Sun, 22 Nov 2026 17:00:09 GMT", "Sun, 22 Nov 2026 17:00:00 GMT", 9.0),
        ("Sun, 22 Nov 2026 16:00:00 GMT", "Sun, 22 Nov 2026 17:00:00 GMT", 0.0),
        ("soon", "Sun, 22 Nov 2026 17:00:00 GMT", 0.5),
        ("-4", "Sun, 22 Nov 2026 17:00:00 GMT", 0.5),
    ],
)
def test_retry_after_may_be_a_date(retry_after: str, date: str, waited: float) -> None:
    passed = Time()
    headers = {"Retry-After": retry_after, "Date": date}
    with answering(in_turn((503, headers, ""), None)) as ingest:
        assert send(ingest.url, passed=passed) == {}
    assert passed.waited == [waited]


def test_patience_ends() -> None:
    passed = Time()
    with answering(lambda body: AWAY) as ingest, pytest.raises(Stopped, match="answered 503: Kafka is away"):
        send(ingest.url, patience_s=10, passed=passed)
    assert passed.waited == [0.5, 1.0, 2.0, 4.0]


def test_without_patience_it_is_tried_once() -> None:
    with answering(lambda body: AWAY) as ingest, pytest.raises(Stopped):
        send(ingest.url, patience_s=0)
    assert len(ingest.bodies) == 1


def test_an_ingest_that_is_away_is_waited_for_too() -> None:
    (port,) = free_ports(1)
    passed = Time()
    with pytest.raises(Stopped, match=f"127.0.0.1:{port}/v1/products does not answer"):
        send(f"http://127.0.0.1:{port}", patience_s=2, passed=passed)
    assert passed.waited == [0.5, 1.0]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            (401, {}, {"code": "unknown_write_key", "message": "the write key is unknown"}),
            "401: the write key is",
        ),
        ((404, {}, "<h1>Not\nFound</h1>"), "404: <h1>Not Found</h1>"),
        ((307, {"Location": "/elsewhere"}, ""), "answered 307: Temporary Redirect"),
        (
            (400, {}, {"code": "bad_body", "message": "the body has not the expected shape"}),
            "answered 400: the body",
        ),
        ((200, {}, "<html>welcome</html>"), "is --url right?"),
        ((200, {}, {"accepted": 1, "rejected": []}), "is --url right?"),
        ((200, {}, [1]), "is --url right?"),
    ],
)
def test_other_answers_end_the_import(answer: Answer, says: str) -> None:
    with answering(in_turn(answer)) as ingest, pytest.raises(Stopped) as stopped:
        send(ingest.url)
    assert says in str(stopped.value)
    assert len(ingest.bodies) == 1


def test_a_batch_that_is_too_large_goes_in_halves() -> None:
    def small(body: Any) -> Answer:
        if len(body) > 2:
            return 413, {}, {"code": "too_many_events", "message": "at most 2"}
        rejected = [{"index": i, "message": "two"} for i, item in enumerate(body) if item["n"] == 2]
        if rejected and len(body) == 1:
            return 400, {}, {"code": "x", "message": "two"}
        return 200, {}, {"accepted": len(body) - len(rejected), "rejected": rejected}

    with answering(small) as ingest:
        assert send(ingest.url, [*ITEMS, b'{"n":3}', b'{"n":2}']) == {2: "two", 4: "two"}
    assert max(len(body) for body in ingest.bodies[1:]) <= 3
