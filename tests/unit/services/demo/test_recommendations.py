"""What must be true of every recommendation: each way to be wrong is planted, and found."""

from typing import Any

import pytest

from schemas.email_request import EmailRequest
from schemas.event import SNAPSHOT_ACTIVATED, Event
from schemas.instants import Instant, datetime_of
from services.demo.goods import entry
from services.demo.reading import Observed, Record
from services.demo.recommendations import doubtful
from services.demo.script import MONDAY, ScriptedEvent
from tests.unit.services.demo.scripts import DAY, at, ordered

NUMBERS = ("p1", "p2", "p3", "p4", "sold-out")


def product(number: str) -> dict[str, Any]:
    return {
        "product_id": number,
        "name": number,
        "category": "Home",
        "price": 1.0,
        "url": "https://s.example",
    }


def bought(minute: int, number: str) -> ScriptedEvent:
    order = ordered(minute)
    order.properties["products"] = [{"product_id": number}]
    return order


SCRIPT = [
    *(entry(product(number), MONDAY, stock=0 if number == "sold-out" else 5) for number in NUMBERS),
    bought(10, "p3"),
]


TUESDAY = at(DAY)


def request(locale: str, *numbers: str, decided_at: Instant = TUESDAY, version: str = "v1") -> EmailRequest:
    items = [{"product_id": number} for number in numbers]
    return EmailRequest.model_validate(
        {
            "send_id": f"{locale}-{numbers}", "action": "send", "trigger_id": "win-back",
            "trigger_version": "1", "step": "winback-miss-you", "customer_key": "ada", "locale": locale,
            "to": "ada@shoppers.example",
            "template": "winback-miss-you", "template_digest": "d", "kind": "marketing",
            "decided_at": datetime_of(decided_at), "expires_at": datetime_of(decided_at),
            "data": {
                "cart": {"items": [{"product_id": "p2"}]},
                "event": {"product_id": "p4"},
                "recommended": {"reason": "similar", "items": items, "snapshot": version},
            },
        }
    )  # fmt: skip


def observed(*requests: EmailRequest) -> Observed:
    marker = Event(
        event_id="m", type=SNAPSHOT_ACTIVATED, occurred_at=datetime_of(at(5)), received_at=datetime_of(at(5)),
        source="engine", properties={"version": "v1"},
    )  # fmt: skip
    seen = Observed(events=[(Record("tetik.events", 0, 0, 0, b""), marker)])
    seen.requests = [(Record("tetik.outbound", 0, 0, 0, b""), each) for each in requests]
    return seen


EVERY_LANGUAGE = [request("tr-TR", "p1"), request("az", "p1"), request("en-GB", "p1")]


def test_what_is_fine() -> None:
    assert doubtful(SCRIPT, observed(*EVERY_LANGUAGE)) == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (request("az", "p1", "p2"), "p2, which is in the cart"),
        (request("az", "p4"), "p4, which it is about"),
        (request("az", "p3"), "p3, which was bought lately"),
        (request("az", "sold-out"), "sold-out, which is not to be had"),
        (request("az", "p9"), "p9, which is not to be had"),
        (request("az", "p1", version="v2"), "by the snapshot v2, not active then"),
        (request("az", "p1", decided_at=at(4)), "by the snapshot v1, not active then"),
    ],
)
def test_what_must_not_be_recommended(wrong: EmailRequest, why: str) -> None:
    (fault,) = doubtful(SCRIPT, observed(*EVERY_LANGUAGE, wrong))
    assert (fault.kind, fault.what) == ("wrong", "recommendation")
    assert fault.detail.endswith(why)


def test_what_was_bought_a_month_ago_may_be() -> None:
    later = request("az", "p3", decided_at=at(31 * DAY))
    assert doubtful(SCRIPT, observed(*EVERY_LANGUAGE, later)) == []


def test_each_language_must_see_some() -> None:
    without = request("en-GB")
    (fault,) = doubtful(SCRIPT, observed(*EVERY_LANGUAGE[:2], without))
    assert (fault.kind, fault.detail) == ("missing", "in no mail of the language en")
