"""What is known of her doings: last times, views, the session, engagement, slots of other tools' mails."""

import pytest

from schemas.instants import DAY_MS
from tests.unit.trigger_engine.core.history import T0, History, at
from trigger_engine.core.cel import Timestamp
from trigger_engine.core.conditions import SEGMENT_DECLARATIONS, Scene, Value
from trigger_engine.core.limits import EVENT_TYPES_MAX, SLOTS_MAX, VIEWS_MAX


def asked(history: History, source: str, when: str = "0s") -> object:
    """The value of an expression for her."""
    return Value(source, SEGMENT_DECLARATIONS).of(Scene(history.state, None, None, at(when)))


# --- last times


def test_the_last_time_of_each_event_type_is_kept() -> None:
    history = History()
    history.event("page_viewed", "2h")
    history.event("page_viewed", "1h", received="3h")
    history.event("email_opened", "1h", received="3h")
    assert history.state.last_at["page_viewed"] == at("2h")
    assert history.state.last_at["email_opened"] == at("1h")


def test_the_type_longest_unseen_is_dropped() -> None:
    history = History(known=False)
    for number in range(EVENT_TYPES_MAX):
        history.event(f"type_{number}", f"{number + 1}m")
    history.event("type_0", "2h")
    history.event("another", "3h")
    assert len(history.state.last_at) == EVENT_TYPES_MAX
    assert "type_0" in history.state.last_at
    assert "type_1" not in history.state.last_at
    history.event("old", "1s", received="4h")
    assert "old" not in history.state.last_at


# --- views


def view(history: History, when: str, product: object, **more: object) -> None:
    history.event("product_viewed", when, **{"product_id": product, **more})


def test_views_are_kept_in_order_of_their_own_time() -> None:
    history = History()
    view(history, "3h", "c", category="hats")
    view(history, "1h", "a", received="3h", category="shoes")
    view(history, "2h", "b", received="3h", category="shoes")
    view(history, "4h", "a", category="shoes")
    assert asked(history, "views.count") == 4
    assert asked(history, "views.last_at") == Timestamp(at("4h"))
    assert asked(history, "views.products") == ["a", "c", "b"], "distinct, latest first"
    assert asked(history, "views.categories") == ["shoes", "hats"]
    assert asked(history, "views.items.map(item, item.product_id)") == ["a", "c", "b", "a"]


def test_a_view_keeps_what_a_mail_shows() -> None:
    history = History()
    view(
        history,
        "1h",
        7,
        category="shoes",
        name="Runner",
        price="9.90",
        url="https://x/7",
        image_url="https://y/7",
    )
    (item,) = asked(history, "views.items")  # type: ignore[misc]
    assert item == {
        "at": Timestamp(at("1h")),
        "product_id": "7",
        "category": "shoes",
        "name": "Runner",
        "price": 9.9,
        "url": "https://x/7",
        "image_url": "https://y/7",
    }


def test_what_is_no_product_counts_as_a_view_and_names_nothing() -> None:
    history = History()
    view(history, "1h", ["x"], category=5, name="", price=-1, url="x" * 2000)
    assert asked(history, "views.count") == 1
    assert (asked(history, "views.products"), asked(history, "views.categories")) == ([], [])


def test_the_last_views_are_kept_and_all_are_counted() -> None:
    history = History()
    for number in range(VIEWS_MAX + 5):
        view(history, f"{number + 10}m", f"p{number}")
    view(history, "1m", "older", received="2h")
    assert asked(history, "views.count") == VIEWS_MAX + 6
    products = asked(history, "views.products")
    assert products == [f"p{number}" for number in range(VIEWS_MAX + 4, 4, -1)]


# --- session


def session(history: History) -> tuple[int | None, int, int]:
    kept = history.state.session
    return (None if kept.last_at is None else kept.started_at, kept.events, kept.views)


def test_a_gap_of_more_than_half_an_hour_begins_a_new_session() -> None:
    history = History()
    assert session(history) == (None, 0, 0)
    assert asked(history, "session.started_at") is None
    history.event("page_viewed", "1h")
    view(history, "1h30m", "a")
    assert session(history) == (at("1h"), 2, 1), "half an hour exactly is no gap"
    history.event("page_viewed", "2h1s")
    assert session(history) == (at("2h1s"), 1, 0)


def test_an_event_out_of_order_widens_the_session_or_is_ignored() -> None:
    history = History()
    history.event("page_viewed", "2h")
    view(history, "1h30m", "a", received="2h")
    assert session(history) == (at("1h30m"), 2, 1)
    history.event("page_viewed", "59m59s", received="2h")
    assert session(history) == (at("1h30m"), 2, 1), "more than half an hour before it began"
    history.event("page_viewed", "1h", received="2h")
    assert session(history) == (at("1h"), 3, 1)
    history.event("page_viewed", "2h30m")
    assert session(history) == (at("1h"), 4, 1)


@pytest.mark.parametrize(
    "type", ["email_opened", "email_sent", "order_shipped", "profile_updated", "campaign_mailed"]
)
def test_what_others_did_is_in_no_session_and_no_activity(type: str) -> None:
    history = History()
    history.event(type, "1h")
    assert (session(history), history.state.last_seen_at) == ((None, 0, 0), None)


# --- engagement


def test_points_halve_with_each_half_life() -> None:
    history = History()
    history.event("order_completed", "1h")
    history.event("product_added", "2h", product_id="p")
    assert asked(history, "engagement.score") == 13.0
    assert asked(history, "engagement.score", "30d") == 6.5
    assert asked(history, "engagement.score", "1d") == round(13 * 0.5 ** (1 / 30), 3)


def test_the_score_changes_at_midnight_in_utc_only() -> None:
    history = History()
    history.event("order_completed", "1h")
    assert asked(history, "engagement.score", "14h59m59s") == 10.0
    assert asked(history, "engagement.score", "15h") == 9.772


def test_points_of_older_days_count_as_of_their_own_day() -> None:
    in_order, out_of_order = History(), History()
    in_order.event("order_completed", "1d")
    in_order.event("email_clicked", "31d")
    out_of_order.event("email_clicked", "31d")
    out_of_order.event("order_completed", "1d", received="31d")
    for when in ("31d", "40d", "61d"):
        assert asked(in_order, "engagement.score", when) == asked(out_of_order, "engagement.score", when)
    assert asked(in_order, "engagement.score", "31d") == 10.0


def test_the_policy_sets_points_and_half_life() -> None:
    policy = {"engagement": {"half_life": "10d", "points": {"video_watched": 4}}}
    history = History(policy=policy)
    history.event("order_completed", "1h")
    history.event("video_watched", "1h")
    assert asked(history, "engagement.score") == 4.0
    assert asked(history, "engagement.score", "10d") == 2.0


def test_another_half_life_counts_from_the_change_of_rules_on() -> None:
    history = History()
    history.event("order_completed", "1h")
    history.change(policy={"engagement": {"half_life": "10d", "points": {"order_completed": 10}}}, when="2h")
    assert asked(history, "engagement.score", "10d") == 5.0


def test_a_score_far_in_the_past_is_nothing() -> None:
    history = History()
    history.event("order_completed", "1h")
    assert asked(history, "engagement.score", "5000d") == 0.0
    history.event("order_completed", "5000d")
    assert asked(history, "engagement.score", "5000d") == 10.0
    assert history.state.engagement.day == T0 // DAY_MS + 5000


def test_mails_and_what_she_did_with_them_are_counted() -> None:
    history = History()
    for when in ("1h", "2h", "3h"):
        history.event("email_sent", when)
    history.event("email_opened", "4h")
    assert asked(history, "[engagement.mails, engagement.mails_since_click]") == [3, 3]
    history.event("email_clicked", "5h")
    history.event("email_sent", "4h", received="6h")
    history.event("email_sent", "7h")
    assert asked(history, "[engagement.mails, engagement.mails_since_click]") == [5, 1]
    assert asked(history, "engagement.last_open_at") == Timestamp(at("4h"))
    assert asked(history, "engagement.last_click_at") == Timestamp(at("5h"))


def test_other_tools_mails_are_mails() -> None:
    history = History()
    history.event("campaign_mailed", "1h")
    history.event("email_clicked", "2h")
    history.event("campaign_mailed", "3h")
    assert asked(history, "[engagement.mails, engagement.mails_since_click]") == [2, 1]


def test_an_older_open_or_click_changes_nothing() -> None:
    history = History()
    history.event("email_clicked", "5h")
    history.event("email_opened", "5h")
    history.event("email_sent", "6h")
    history.event("email_clicked", "4h", received="7h")
    history.event("email_opened", "4h", received="7h")
    assert asked(history, "engagement.mails_since_click") == 1
    assert asked(history, "engagement.last_open_at") == Timestamp(at("5h"))


# --- slots


def test_other_tools_mails_take_slots_in_order_of_their_own_time() -> None:
    history = History()
    history.event("campaign_mailed", "2h")
    history.event("campaign_mailed", "1h", received="3h")
    assert [slot.at for slot in history.state.slots] == [at("1h"), at("2h")]
    for number in range(SLOTS_MAX + 5):
        history.event("campaign_mailed", f"{number + 200}m")
    assert len(history.state.slots) == SLOTS_MAX
    assert history.state.slots[0].at == at("205m")
