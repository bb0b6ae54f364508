"""Endings known on one side of a hand-over, held against what the other side has begun (semantics 9)."""

from tests.unit.trigger_engine.core.history import CART, at, product
from tests.unit.trigger_engine.core.two_partitions import Town
from trigger_engine.core.state import PendingMail

KNOWN = {"email": "ada@customers.example", "consent": {"marketing_email": True}}
MAILED = ["started cart", "fired cart/reminder", "send reminder"]
TAKEN_BACK = ["exited cart", "cancelling cart/reminder", "cancel reminder"]
AGAIN = """
id: again
status: live
kind: transactional
when: {event: order_completed}
wait: 1h
steps: [{mail: thanks}]
exit: order_completed
"""


def pending(town: Town, key: str) -> list[PendingMail]:
    return town.state(key).mails


def test_a_mail_that_the_device_was_sent_is_taken_back_by_an_order_of_hers() -> None:
    town = Town(CART)
    town.device("profile_updated", "0s", **KNOWN)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.until("45m")
    assert town.told == MAILED
    town.customer("order_completed", "40m", received="46m", order_id="o1")
    town.both("page_viewed", "50m")
    assert town.told == [*MAILED, *TAKEN_BACK]
    assert [mail.cancelling for mail in pending(town, "ada")] == [True]


def test_a_mail_that_she_was_sent_is_taken_back_by_an_order_made_on_the_device() -> None:
    town = Town(CART)
    town.customer("profile_updated", "0s", **KNOWN)
    town.customer("product_added", "0s", cart_id="k1", **product())
    town.until("45m")
    town.device("order_completed", "40m", received="46m", order_id="o1")
    town.both("page_viewed", "50m")
    assert town.told == [*MAILED, *TAKEN_BACK]


def test_a_run_is_not_ended_by_its_own_start_when_it_comes_over() -> None:
    town = Town(AGAIN)
    town.device("order_completed", "0s", order_id="o1", email="ada@customers.example")
    town.both("page_viewed", "10m")
    assert town.told == ["started again"]
    assert town.state("ada").runs[0].due_at == at("1h")
    town.until("1h")
    assert town.told == ["started again", "fired again/thanks", "send thanks"]
