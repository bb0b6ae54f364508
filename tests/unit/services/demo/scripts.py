"""Short scripts for the tests: what one customer does, in minutes from the start of the week.

And what must come of them by the three triggers that they are about, whatever else is shipped.
"""

from functools import cache
from typing import Any

from schemas.instants import MINUTE_MS, Instant
from schemas.rule_set import RuleSet
from services.demo.expected import Expectation
from services.demo.reference import expect
from services.demo.script import MONDAY, ScriptedEvent
from services.triggers.folder import check_folder

PLAYED = ("cart-abandoned", "welcome-series", "order-confirmation")
HOUR = 60
DAY = 24 * HOUR


def at(minute: int) -> Instant:
    """The instant of a minute of the week."""
    return MONDAY + minute * MINUTE_MS


def event(minute: int, type: str, key: str = "ada", /, **properties: Any) -> ScriptedEvent:
    """An event of the customer `key`."""
    return ScriptedEvent(
        at=at(minute),
        path="sdk",
        event_id=f"{key}-{minute}-{type}",
        type=type,
        customer_id=key,
        properties=properties,
    )


def profile(minute: int = 0, key: str = "ada", consent: bool = True) -> ScriptedEvent:
    """Her address, and whether she wants marketing."""
    return event(
        minute,
        "profile_updated",
        key,
        email=f"{key}@shoppers.example",
        consent={"marketing_email": consent},
    )


def added(minute: int, cart: str = "c1", product: str = "p1", key: str = "ada") -> ScriptedEvent:
    """A product into a cart."""
    return event(minute, "product_added", key, cart_id=cart, product_id=product, price=5.0, quantity=1)


def removed(minute: int, cart: str = "c1", product: str = "p1") -> ScriptedEvent:
    """A product out of a cart."""
    return event(minute, "product_removed", cart_id=cart, product_id=product, quantity=1)


def ordered(minute: int, order: str = "o1", key: str = "ada") -> ScriptedEvent:
    """An order of whatever is in the cart."""
    return event(minute, "order_completed", key, order_id=order, total=5.0)


@cache
def rules() -> RuleSet:
    """The three triggers as they are shipped; of their mails the names alone, which is quick."""
    shipped = check_folder(None, texts=False).rule_set
    assert shipped is not None, "the library is fit to publish"
    triggers = [form for form in shipped.triggers if form["id"] in PLAYED]
    assert len(triggers) == len(PLAYED)
    return RuleSet.of(triggers, templates=shipped.templates)


def expected_of(*script: ScriptedEvent, until: Instant = MONDAY + 7 * DAY * MINUTE_MS) -> Expectation:
    """What the reference model makes of a script."""
    return expect(script, rules(), until)
