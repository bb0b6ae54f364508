"""When a trigger mailed last, as cooldowns count it, while it is not known yet what became of its mails."""

import pytest

from tests.unit.trigger_engine.core.history import CART, KNOWN, History, at, product
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, Town

THANKS = """
id: thanks
status: live
kind: marketing
when: {event: order_completed}
steps: [{mail: thank-you}]
"""


def last_mailed_at(town: Town) -> int | None:
    return town.state(CUSTOMER).memories["cart"].last_mailed_at


def both_mailed(hers: str, devices: str) -> tuple[Town, str, str]:
    """She and her device are mailed about a cart each, 45 minutes after these times; then they are united."""
    town = Town(CART)
    town.customer("profile_updated", "0s", **KNOWN)
    town.device("profile_updated", "0s", **KNOWN)
    for who, when in sorted((("customer", hers), ("device", devices)), key=lambda one: at(one[1])):
        getattr(town, who)("product_added", when, cart_id=f"of-{who}", **product())
    town.until("3h")
    town.both("page_viewed", "3h")
    ids = {request.customer_key: request.send_id for request in town.requests}
    return town, ids.pop(CUSTOMER), ids.popitem()[1]


@pytest.mark.parametrize(("hers", "devices"), [("0s", "1h"), ("1h", "0s")])
def test_in_a_hand_over_a_mail_that_is_not_sent_goes_back_to_the_other_sides_mail(
    hers: str, devices: str
) -> None:
    town, own, other = both_mailed(hers, devices)
    assert last_mailed_at(town) == at("1h45m")
    first, second = (own, other) if hers == "0s" else (other, own)
    town.customer("email_sent", "3h1m", send_id=first)
    town.customer("email_cancelled", "3h2m", send_id=second)
    assert last_mailed_at(town) == at("45m")


def test_in_a_hand_over_none_is_left_if_neither_was_sent() -> None:
    town, own, other = both_mailed("0s", "1h")
    town.customer("email_cancelled", "3h1m", send_id=own)
    assert last_mailed_at(town) == at("1h45m")
    town.customer("email_failed", "3h2m", send_id=other)
    assert last_mailed_at(town) is None


def thanked(*orders: tuple[str, str]) -> tuple[History, list[str]]:
    """Orders that happened and were received so; each is thanked for at once."""
    history = History(THANKS)
    for when, received in orders:
        history.event("order_completed", when, received=received)
    return history, [request.send_id for request in history.requests]


def test_a_mail_due_before_a_pending_one_is_what_remains_if_that_is_not_sent() -> None:
    history, (late, early) = thanked(("1h", "1h"), ("30m", "2h"))
    assert history.state.memories["thanks"].last_mailed_at == at("1h")
    history.event("email_sent", "2h1m", send_id=early)
    history.event("email_cancelled", "2h2m", send_id=late)
    assert history.state.memories["thanks"].last_mailed_at == at("30m")


def test_a_mail_due_between_two_others_goes_back_to_the_first() -> None:
    history, (first, last, between) = thanked(("10m", "10m"), ("1h", "1h"), ("30m", "2h"))
    history.event("email_sent", "2h1m", send_id=first)
    history.event("email_cancelled", "2h2m", send_id=between)
    assert history.state.memories["thanks"].last_mailed_at == at("1h")
    history.event("email_cancelled", "2h3m", send_id=last)
    assert history.state.memories["thanks"].last_mailed_at == at("10m")
