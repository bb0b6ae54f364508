"""The independent calculation, on scripts short enough to be worked out by hand."""

from collections.abc import Sequence

from services.demo.expected import expected_decisions
from services.demo.script import ScriptedEvent
from tests.unit.services.demo.scripts import DAY, HOUR, added, at, event, ordered, profile, removed

WEEK = at(7 * DAY)


def decisions(trigger: str, *script: ScriptedEvent, until: int = WEEK) -> list[tuple[str, str, int, int]]:
    """(step, outcome, minute decided, minute due) of one trigger's decisions."""
    return [
        (
            each.step or "run",
            each.outcome,
            (each.decided_at - at(0)) // 60_000,
            (each.due_at - at(0)) // 60_000,
        )
        for each in expected_decisions(script, until)
        if each.trigger_id == trigger
    ]


def carts(*script: ScriptedEvent, until: int = WEEK) -> list[tuple[str, str, int, int]]:
    return decisions("cart-abandoned", *script, until=until)


STARTED = ("run", "started", 10, 55)


def test_an_abandoned_cart_gets_its_three_mails() -> None:
    assert carts(profile(), added(10)) == [
        STARTED,
        ("cart-reminder", "fired", 55, 55),
        ("cart-questions", "fired", 55 + DAY, 55 + DAY),
        ("cart-last-call", "fired", 55 + 3 * DAY, 55 + 3 * DAY),
    ]


def test_only_what_falls_due_before_the_end() -> None:
    assert carts(profile(), added(10), until=at(55)) == [STARTED]
    assert len(carts(profile(), added(10), until=at(56))) == 2


def test_an_order_within_the_wait_cancels() -> None:
    assert carts(profile(), added(10), ordered(54)) == [STARTED, ("run", "cancelled", 54, 55)]


def test_an_order_at_the_due_minute_comes_after_the_mail() -> None:
    assert carts(profile(), added(10), ordered(55)) == [
        STARTED,
        ("cart-reminder", "fired", 55, 55),
        ("run", "exited", 55, 55 + DAY),
    ]


def test_each_change_within_the_wait_begins_it_anew() -> None:
    script = (profile(), added(10), added(50, product="p2"), removed(90))
    assert carts(*script)[:2] == [STARTED, ("cart-reminder", "fired", 135, 135)]


def test_a_change_at_the_due_minute_comes_too_late() -> None:
    assert carts(profile(), added(10), added(55, product="p2"))[1] == ("cart-reminder", "fired", 55, 55)


def test_a_checkout_begins_the_wait_anew() -> None:
    assert carts(profile(), added(10), event(30, "checkout_started"))[1] == (
        "cart-reminder", "fired", 75, 75,
    )  # fmt: skip


def test_an_emptied_cart_cancels_or_ends() -> None:
    assert carts(profile(), added(10), removed(20)) == [STARTED, ("run", "cancelled", 20, 55)]
    assert carts(profile(), added(10), removed(300))[2] == ("run", "exited", 300, 55 + DAY)


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert carts(profile(), added(10), removed(20, product="p9"))[1] == ("cart-reminder", "fired", 55, 55)


def test_the_same_cart_runs_once() -> None:
    script = (profile(), added(10), removed(20), added(100))
    assert carts(*script) == [STARTED, ("run", "cancelled", 20, 55)]


def test_a_second_cart_is_held_by_the_cooldown() -> None:
    script = (profile(), added(10), added(2 * DAY, cart="c2"))
    assert ("cart-reminder", "cooldown", 2 * DAY + 45, 2 * DAY + 45) in carts(*script)


def test_a_second_cart_after_a_first_that_mailed_nothing() -> None:
    script = (profile(), added(10), removed(20), added(100, cart="c2"))
    assert ("cart-reminder", "fired", 145, 145) in carts(*script)


def test_the_cooldown_ends_after_seven_days() -> None:
    script = (profile(), added(10), ordered(60), added(10 + 7 * DAY, cart="c2"))
    assert carts(*script, until=at(9 * DAY))[-2] == ("cart-reminder", "fired", 55 + 7 * DAY, 55 + 7 * DAY)


def test_without_address_or_consent() -> None:
    assert carts(added(10))[1:] == [("cart-reminder", "no_address", 55, 55)]
    assert carts(profile(consent=False), added(10))[1:] == [("cart-reminder", "no_consent", 55, 55)]


def test_unsubscribing_stops_the_next_mail() -> None:
    script = (profile(), added(10), event(2 * HOUR, "unsubscribed"))
    assert carts(*script)[2:] == [("cart-questions", "suppressed", 55 + DAY, 55 + DAY)]


def test_welcome_series() -> None:
    script = (profile(5), event(5, "signed_up"))
    assert decisions("welcome-series", *script) == [
        ("run", "started", 5, 5),
        ("welcome", "fired", 5, 5),
        ("welcome-discover", "fired", 5 + 2 * DAY, 5 + 2 * DAY),
        ("welcome-favourites", "fired", 5 + 5 * DAY, 5 + 5 * DAY),
    ]


def test_welcome_needs_consent_and_ends_on_unsubscribing() -> None:
    assert decisions("welcome-series", profile(5, consent=False), event(5, "signed_up")) == []
    script = (profile(5), event(5, "signed_up"), event(DAY, "unsubscribed"))
    assert decisions("welcome-series", *script)[2:] == [("run", "exited", DAY, 5 + 2 * DAY)]


def test_one_confirmation_an_order_whatever_marketing_allows() -> None:
    script = (profile(consent=False), ordered(10), event(20, "order_cancelled", order_id="o1"))
    assert decisions("order-confirmation", *script, ordered(30), ordered(40, "o2")) == [
        ("run", "started", 10, 10),
        ("order-confirmation", "fired", 10, 10),
        ("run", "started", 40, 40),
        ("order-confirmation", "fired", 40, 40),
    ]


def test_a_confirmation_needs_an_address() -> None:
    assert decisions("order-confirmation", ordered(10))[1:] == [
        ("order-confirmation", "no_address", 10, 10),
    ]  # fmt: skip


def test_customers_do_not_touch_each_other() -> None:
    script: Sequence[ScriptedEvent] = (
        profile(), profile(key="bob"), added(10), added(11, key="bob"), ordered(20, key="bob"),
    )  # fmt: skip
    found = expected_decisions(script, WEEK)
    fired = [(each.customer_key, each.step, each.to) for each in found if each.outcome == "fired"]
    assert fired == [
        ("ada", "cart-reminder", "ada@shoppers.example"),
        ("ada", "cart-questions", "ada@shoppers.example"),
        ("ada", "cart-last-call", "ada@shoppers.example"),
        ("bob", "order-confirmation", "bob@shoppers.example"),
    ]
