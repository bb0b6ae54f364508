"""Each segment is looked at right after an event that can change it, whatever it reads."""

from typing import Any

import pytest

from tests.unit.trigger_engine.core.history import History, product
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, Town

CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("profile.first_name == 'Ada'", "profile_updated", {"first_name": "Ada"}),
    ("profile.first_name == 'Ada'", "signed_up", {"first_name": "Ada"}),
    ("profile.email == 'b@example.com'", "subscribed", {"email": "b@example.com"}),
    ("profile.email == 'b@example.com'", "checkout_started", {"email": "b@example.com"}),
    ("profile.email == 'b@example.com'", "order_completed", {"email": "b@example.com"}),
    ("consent.marketing_email", "profile_updated", {"consent": {"marketing_email": True}}),
    ("cart.value > 0", "product_added", product()),
    ("cart.value > 0", "cart_updated", {"products": [product()]}),
    ("cart.value > 0", "checkout_started", {"products": [product()]}),
    ("orders.count == 1", "order_completed", {}),
    ("views.count == 1", "product_viewed", product()),
    ("session.events == 2", "page_viewed", {}),
    ("activity.last_seen_at > timestamp('2026-03-02T09:00:00Z')", "page_viewed", {}),
    ("engagement.mails == 1", "email_sent", {}),
    ("engagement.mails_since_click == 1", "email_sent", {}),
    ("engagement.mails == 1", "campaign_mailed", {}),
    ("engagement.mails_since_click == 1", "campaign_mailed", {}),
    ("engagement.last_open_at != null", "email_opened", {}),
    ("engagement.last_click_at != null", "email_clicked", {}),
    ("engagement.score > 0.0", "article_read", {}),
]


@pytest.mark.parametrize(("condition", "type", "properties"), CHANGES)
def test_an_event_that_changes_what_a_segment_reads_has_it_looked_at(
    condition: str, type: str, properties: dict[str, Any]
) -> None:
    segments = {"one": condition, "never": "orders.count > 100"}
    points = {"engagement": {"points": {"article_read": 5}}}
    history = History(known=False, segments=segments, policy=points)
    history.event("searched", "0s")
    assert history.state.segments == {}
    history.event(type, "1m", **properties)
    assert list(history.state.segments) == ["one"]


@pytest.mark.parametrize("type", ["cart_emptied", "order_completed", "product_removed"])
def test_what_takes_out_of_a_cart_has_its_segment_looked_at(type: str) -> None:
    history = History(segments={"full": "cart.value > 0"})
    history.event("product_added", "1h", **product())
    assert list(history.state.segments) == ["full"]
    history.event(type, "2h", **product())
    assert history.state.segments == {}


def test_an_unsubscription_has_the_segments_on_consent_looked_at() -> None:
    history = History(segments={"agreed": "consent.marketing_email"})
    assert list(history.state.segments) == ["agreed"]
    history.event("unsubscribed", "1h")
    assert history.state.segments == {}


def test_a_click_begins_the_count_of_mails_anew() -> None:
    history = History(segments={"tired": "engagement.mails_since_click >= 2"})
    history.event("email_sent", "1h")
    history.event("email_sent", "2h")
    assert list(history.state.segments) == ["tired"]
    history.event("email_clicked", "3h")
    assert history.state.segments == {}


def test_a_hand_over_has_everything_looked_at() -> None:
    town = Town(segments={"buyers": "orders.count > 0"})
    town.device("order_completed", "0s")
    town.customer("page_viewed", "1m")
    assert town.state(CUSTOMER).segments == {}
    town.both("page_viewed", "2m")
    assert list(town.state(CUSTOMER).segments) == ["buyers"]


def test_an_event_received_before_the_last_look_has_all_judged_that_hangs_on_time() -> None:
    """Events may reach the log in another order than they were received in."""
    late = {"late": "now > timestamp('2026-03-02T10:30:00Z')", "seen": "views.count > 0"}
    history = History(segments=late)
    history.event("page_viewed", "2h")
    assert list(history.state.segments) == ["late"]
    history.event("page_viewed", "2h", id="same instant")
    assert list(history.state.segments) == ["late"]
    history.event("product_viewed", "1h", **product())
    assert list(history.state.segments) == ["seen"]
    history.event("page_viewed", "3h")
    assert sorted(history.state.segments) == ["late", "seen"]
