"""A mail that is due while a device has been asked and not answered yet (semantics, section 7)."""

from tests.unit.trigger_engine.core.history import ORDER, at, product
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, Town

ADDRESS = "ada@customers.example"
FOR_NAMED = ORDER.replace("steps:", "audience: profile.first_name != null\nsteps:")
SALE = """
id: sale
status: live
kind: marketing
when: {event: order_completed}
steps: [{mail: thanks}]
"""


def put_off_until(town: Town) -> int:
    return town.state(CUSTOMER).runs[0].due_at


def test_an_address_that_only_the_device_knew_gets_the_mail_when_it_has_come_over() -> None:
    town = Town(ORDER)
    town.device("profile_updated", "0s", email=ADDRESS)
    town.both("order_completed", "1m", order_id="o1")
    assert town.told == ["started order", "rescheduled order/confirmation"]
    assert put_off_until(town) == at("1m")
    town.until("1m")
    assert town.told[2:] == ["fired order/confirmation", "send confirmation"]
    assert town.requests[0].to == ADDRESS


def test_without_an_answer_the_mail_is_given_up_after_half_a_minute() -> None:
    town = Town(ORDER)
    town.both("order_completed", "1m", order_id="o1")
    assert put_off_until(town) == at("1m30s")
    assert "what her device knows" in town.decisions[1].reason
    town.until("1m29s")
    assert town.told == ["started order", "rescheduled order/confirmation"]
    town.until("1m30s")
    assert town.told[2:] == ["no_address order/confirmation"]


def test_a_place_in_the_audience_may_come_over() -> None:
    town = Town(FOR_NAMED)
    town.device("profile_updated", "0s", first_name="Ada")
    town.both("order_completed", "1m", order_id="o1", email=ADDRESS)
    town.until("1m")
    assert town.told[1:] == [
        "rescheduled order/confirmation",
        "fired order/confirmation",
        "send confirmation",
    ]


def test_consent_may_come_over() -> None:
    town = Town(SALE)
    town.device("subscribed", "0s")
    town.both("order_completed", "1m", order_id="o1", email=ADDRESS)
    town.until("1m")
    assert town.told[1:] == ["rescheduled sale/thanks", "fired sale/thanks", "send thanks"]


def test_what_no_device_can_mend_is_decided_at_once() -> None:
    town = Town(SALE)
    town.customer("profile_updated", "0s", email=ADDRESS)
    town.customer("unsubscribed", "0s")
    town.both("order_completed", "1m", order_id="o1")
    assert town.told[1:] == ["suppressed sale/thanks"]


def test_nobody_waits_for_a_device_that_was_asked_earlier() -> None:
    town = Town(ORDER)
    town.both("page_viewed", "1m")
    town.both("order_completed", "2m", order_id="o1")
    assert town.told == ["started order", "no_address order/confirmation"]


def test_the_answer_hurries_only_the_mail_that_waits_for_it() -> None:
    waiting = SALE.replace("id: sale", "id: later").replace("steps:", "wait: 1h\nsteps:")
    town = Town(ORDER, waiting)
    town.device("product_viewed", "0s", **product())
    town.both("order_completed", "1m", order_id="o1")
    due = {run.trigger_id: run.due_at for run in town.state(CUSTOMER).runs}
    assert due == {"order": at("1m"), "later": at("1h1m")}
