"""The shipped triggers, each played through a little history: when it fires, and when it must not."""

from pathlib import Path

import pytest

import trigger_engine.library as library
from tests.unit.trigger_engine.core.history import History, product
from trigger_engine.core.trigger_file import parse_trigger

FOLDER = Path(library.__path__[0])
DOCS = Path(__file__).parents[4] / "docs" / "triggers"
FILES = sorted(FOLDER.glob("*.yaml"))


def shipped(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text("utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_shipped_trigger_is_valid_live_named_as_its_file_and_described(file: Path) -> None:
    form = parse_trigger(file.read_text("utf-8"), file.name)
    assert (form["id"], form["status"]) == (file.stem, "live")
    page = (DOCS / f"{file.stem}.md").read_text("utf-8")
    for step in form["steps"]:
        assert step.get("mail", "") in page


def test_welcome_series() -> None:
    history = History(shipped("welcome-series"), known=False)
    assert history.event("signed_up", "0s", email="a@example.com") == [], "no consent, no welcome"
    assert history.event("subscribed", "1h") == [
        "started welcome-series",
        "fired welcome-series/welcome",
        "send welcome",
    ]
    assert history.event("signed_up", "2h") == [], "one welcome a customer"
    assert history.until("2d1h") == ["fired welcome-series/welcome-discover", "send welcome-discover"]
    assert history.until("5d1h") == ["fired welcome-series/welcome-favourites", "send welcome-favourites"]


def test_welcome_series_ends_on_unsubscribing() -> None:
    history = History(shipped("welcome-series"))
    history.event("signed_up", "0s")
    history.sent("welcome", "1s")
    assert history.event("unsubscribed", "1d") == ["exited welcome-series"]
    assert history.until("30d") == []


def test_cart_abandoned() -> None:
    history = History(shipped("cart-abandoned"))
    history.event("product_added", "0s", **product())
    assert history.until("45m") == ["fired cart-abandoned/cart-reminder", "send cart-reminder"]
    assert history.until("24h45m") == ["fired cart-abandoned/cart-questions", "send cart-questions"]
    assert history.until("72h45m") == ["fired cart-abandoned/cart-last-call", "send cart-last-call"]


def test_cart_abandoned_is_silent_about_carts_that_were_bought_or_emptied() -> None:
    history = History(shipped("cart-abandoned"))
    history.event("product_added", "0s", **product())
    assert history.event("order_completed", "10m") == ["cancelled cart-abandoned"]
    history.event("product_added", "20m", **product())
    assert history.event("product_removed", "30m", product_id="p1") == ["cancelled cart-abandoned"]
    assert history.until("30d") == []


def test_cart_abandoned_rests_for_a_week() -> None:
    history = History(shipped("cart-abandoned"))
    history.event("product_added", "0s", **product())
    history.until("45m")
    history.sent("cart-reminder", "46m")
    history.event("order_completed", "1h")
    history.event("product_added", "3d", **product())
    assert history.until("4d") == ["cooldown cart-abandoned/cart-reminder"]


def test_order_confirmation() -> None:
    history = History(shipped("order-confirmation"), known=False)
    expected = [
        "started order-confirmation",
        "fired order-confirmation/order-confirmation",
        "send order-confirmation",
    ]
    assert history.event("order_completed", "0s", order_id="o1", email="a@example.com") == expected
    assert history.event("order_completed", "1m", order_id="o1") == [], "the shop said it twice"
    assert history.event("order_completed", "1h", order_id="o2") == expected
