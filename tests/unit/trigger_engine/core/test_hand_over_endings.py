"""Endings known on one side of a hand-over, held against what the other side has begun (semantics 9)."""

from tests.unit.trigger_engine.core.history import CART, KNOWN, at, product
from tests.unit.trigger_engine.core.two_partitions import Town
from trigger_engine.core.state import PendingMail

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


def test_what_the_endings_of_a_hand_over_say() -> None:
    town = Town(CART)
    town.device("profile_updated", "0s", **KNOWN)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.until("45m")
    town.customer("order_completed", "40m", received="46m", order_id="o1")
    town.both("page_viewed", "50m")
    assert [one.reason for one in town.decisions[-2:]] == [
        "an event known from the hand-over ended the run.",
        "An event known from the hand-over came after the run began. The sender is asked to cancel reminder.",
    ]
    waiting = Town(CART)
    waiting.device("product_added", "0s", cart_id="k1", **product())
    waiting.customer("order_completed", "10m", order_id="o1")
    waiting.both("page_viewed", "20m")
    reason = "an event known from the hand-over came while the run waited."
    assert waiting.decisions[-1].reason == reason
    in_time = Town(CART.replace("exit: [order_completed, cart_emptied]", ""))
    in_time.device("profile_updated", "0s", **KNOWN)
    in_time.device("product_added", "0s", cart_id="k1", **product())
    in_time.until("45m")
    in_time.customer("order_completed", "40m", received="46m", order_id="o1")
    in_time.both("page_viewed", "50m")
    assert [one.reason for one in in_time.decisions if one.outcome == "cancelled"] == [
        "an event known from the hand-over came in time to stop the run."
    ]


def test_what_the_runs_of_one_occasion_say_when_they_meet() -> None:
    town = Town(CART)
    town.customer("product_added", "0s", cart_id="k1", **product())
    town.device("product_added", "1s", cart_id="k1", **product())
    town.both("page_viewed", "10m")
    ended = town.decisions[-1]
    assert (ended.outcome, ended.reason) == (
        "superseded",
        "The run came over from her device and ended: she has met this occasion herself already.",
    )
    town = Town(CART)
    town.device("profile_updated", "0s", **KNOWN)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.until("45m")
    town.customer("product_added", "46m", cart_id="k1", **product())
    town.both("page_viewed", "50m")
    ended = town.decisions[-1]
    reason = "The same occasion has mailed on her device already."
    assert (ended.outcome, ended.reason) == ("superseded", reason)
