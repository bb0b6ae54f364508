"""What is counted and said on both sides of a hand-over, united (semantics, section 9)."""

from typing import Any

import pytest

from schemas.instants import DAY_MS
from tests.unit.trigger_engine.core.history import KNOWN, at, product
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, DEVICE_KEY, Town
from trigger_engine.core.state import CustomerState, encode_state

POINTS = {"engagement": {"points": {"article_read": 8}, "half_life": "1d"}}
BROWSE = """
id: browse
status: live
kind: marketing
when: {event: product_viewed}
wait: 2h
once_per: event.properties.product_id
steps: [{mail: seen}, {wait: 1d}, {mail: again}]
"""


def united(*acts: tuple[str, str, str], **more: Any) -> CustomerState:
    """After acts of (who, type, when), and then the login at 10d."""
    town = Town(**more)
    for who, type, when in acts:
        (town.customer if who == "hers" else town.device)(type, when)
    town.both("page_viewed", "10d")
    return town.state(CUSTOMER)


def test_mails_since_a_click_count_from_the_later_click_as_far_as_either_side_knows() -> None:
    never = united(("hers", "email_sent", "1h"), ("device", "email_sent", "2h")).engagement
    assert (never.mails, never.mails_since_click) == (2, 2)
    hers = united(
        ("hers", "email_sent", "1h"),
        ("hers", "email_clicked", "2h"),
        ("hers", "email_sent", "3h"),
        ("device", "email_sent", "4h"),
        ("device", "email_sent", "5h"),
    ).engagement
    assert (hers.mails, hers.mails_since_click, hers.last_click_at) == (4, 1, at("2h"))
    device = united(
        ("hers", "email_sent", "1h"),
        ("hers", "email_sent", "2h"),
        ("device", "email_clicked", "3h"),
        ("device", "email_opened", "3h"),
        ("device", "email_sent", "4h"),
    ).engagement
    assert (device.mails, device.mails_since_click) == (3, 1)
    assert (device.last_click_at, device.last_open_at) == (at("3h"), at("3h"))
    both = united(
        ("hers", "email_sent", "1h"),
        ("hers", "email_clicked", "6h"),
        ("device", "email_clicked", "3h"),
        ("device", "email_sent", "4h"),
    ).engagement
    assert (both.mails_since_click, both.last_click_at) == (0, at("6h"))


def test_points_are_added_as_of_the_later_day() -> None:
    for first, second in (("hers", "device"), ("device", "hers")):
        engagement = united(
            (first, "article_read", "0s"), (second, "article_read", "2d"), policy=POINTS
        ).engagement
        assert engagement.score == 8 / 4 + 8
        assert engagement.day == at("2d") // DAY_MS
    same = united(("hers", "article_read", "0s"), ("device", "article_read", "1h"), policy=POINTS).engagement
    assert same.score == 16


def test_what_she_withdrew_at_the_instant_the_device_agreed_stays_withdrawn() -> None:
    for hers, device in ((True, False), (False, True)):
        town = Town()
        town.customer("profile_updated", "1h", consent={"marketing_email": hers})
        town.device("profile_updated", "1h", consent={"marketing_email": device})
        town.both("page_viewed", "2h")
        assert town.state(CUSTOMER).profile.marketing_email is False


def test_a_refused_address_comes_over_unless_she_agreed() -> None:
    for agreed, unwanted in ((None, "d@customers.example"), (True, None)):
        town = Town()
        consent = {} if agreed is None else {"consent": {"marketing_email": agreed}}
        town.customer("profile_updated", "1h", **consent)
        town.device("profile_updated", "0s", email="d@customers.example")
        town.device("email_suppressed", "1m")
        town.both("page_viewed", "2h")
        assert town.state(CUSTOMER).profile.unwanted_address == unwanted


def test_traits_and_preferences_fill_what_is_unknown() -> None:
    town = Town()
    town.customer("profile_updated", "0s", size="m", first_name="Ada")
    town.device("profile_updated", "1h", size="l", colour="red", first_name="A.", last_name="L.")
    town.both("page_viewed", "2h")
    profile = town.state(CUSTOMER).profile
    assert profile.traits == {"size": "m", "colour": "red"}
    assert (profile.first_name, profile.last_name, profile.updated_at) == ("Ada", "L.", at("1h"))


def test_a_device_that_has_mailed_yields_to_her_who_has_mailed_for_the_same_product() -> None:
    """Her run is over already; its memory tells that it mailed."""
    town = Town(BROWSE.replace(", {wait: 1d}, {mail: again}", ""), BROWSE.replace("browse", "b2"))
    town.device("profile_updated", "-1h", **KNOWN)
    town.customer("profile_updated", "-1h", **KNOWN)
    town.device("product_viewed", "0s", **product())
    town.customer("product_viewed", "1s", **product())
    town.until("3h")
    assert town.told.count("send seen") == 4
    town.both("page_viewed", "4h")
    ended = [one for one in town.decisions if one.outcome == "superseded"]
    assert [(one.trigger_id, one.customer_key, one.reason) for one in ended] == [
        (
            "b2",
            CUSTOMER,
            "The run came over from her device and ended: she has met this occasion herself already.",
        )
    ]
    assert [run.occasion for run in town.state(CUSTOMER).runs] == [f"{CUSTOMER}/p1"]


def test_a_device_that_is_still_mailing_yields_to_her_whose_run_has_mailed_and_ended() -> None:
    exits = BROWSE + "exit: order_completed\n"
    town = Town(exits)
    town.customer("profile_updated", "-1h", **KNOWN)
    town.customer("product_viewed", "0s", **product())
    town.until("2h")
    town.customer("order_completed", "3h", order_id="o1")
    town.device("profile_updated", "4h", **KNOWN)
    town.device("product_viewed", "5h", **product())
    town.until("8h")
    assert town.told.count("send seen") == 2
    town.both("page_viewed", "9h")
    assert town.decisions[-1].reason == (
        "The run came over from her device and ended: she has met this occasion herself already."
    )
    assert town.state(CUSTOMER).runs == []


def test_runs_of_two_triggers_for_one_product_have_nothing_to_do_with_each_other() -> None:
    town = Town(BROWSE, BROWSE.replace("id: browse", "id: b2").replace("product_viewed", "product_added"))
    town.customer("product_added", "0s", **product())
    town.device("product_viewed", "1m", **product())
    town.both("page_viewed", "2m")
    assert town.told == ["started b2", "started browse"]
    assert sorted(run.trigger_id for run in town.state(CUSTOMER).runs) == ["b2", "browse"]


def test_a_session_on_both_sides_is_one_if_they_touch_and_the_later_one_if_not() -> None:
    def session(*acts: tuple[str, str]) -> tuple[int, int]:
        town = Town()
        for who, when in acts:
            (town.customer if who == "hers" else town.device)("page_viewed", when)
        town.both("campaign_mailed", "10d")
        found = town.state(CUSTOMER).session
        return found.started_at, found.events

    assert session(("device", "1h")) == (at("1h"), 1)
    assert session(("hers", "1h")) == (at("1h"), 1)
    assert session(("hers", "1h"), ("device", "70m")) == (at("1h"), 2)
    assert session(("device", "1h"), ("hers", "1h")) == (at("1h"), 2)
    assert session(("device", "1h"), ("hers", "3h"), ("hers", "181m")) == (at("3h"), 2)
    assert session(("hers", "1h"), ("device", "3h"), ("device", "181m")) == (at("3h"), 2)


@pytest.mark.parametrize(
    ("hers", "device", "expected"),
    [
        ((2, 2, "1h"), (3, 3, "2h"), 5),
        ((2, 1, "1h"), (3, 3, "2h"), 4),
        ((2, 2, "1h"), (3, 1, "2h"), 1),
        ((2, 2, "2h"), (3, 1, "1h"), 3),
        ((3, 1, "2h"), (2, 2, "1h"), 1),
    ],
)
def test_orders_in_a_row_with_an_offer_go_on_from_the_other_side_only_if_all_had_one(
    hers: tuple[int, int, str], device: tuple[int, int, str], expected: int
) -> None:
    """Each side: its orders, how many of the last ones had an offer, and the time of the last."""
    town = Town()
    town.customer("searched", "0s")
    town.device("searched", "0s")
    for number, key, (count, on_offer, last_at) in ((0, CUSTOMER, hers), (1, DEVICE_KEY, device)):
        state = town.state(key)
        state.orders.count, state.orders.last_at = count, at(last_at)
        state.orders_on_offer = on_offer
        town.stored[number][key] = encode_state(state)
        town.restart(number)
    town.both("page_viewed", "3h")
    found = town.state(CUSTOMER)
    assert (found.orders.count, found.orders_on_offer) == (5, expected)
