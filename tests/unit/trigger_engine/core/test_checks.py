"""The checks of a mail, their order, and what transactional mails skip."""

import pytest

from schemas.instants import format_instant
from tests.unit.trigger_engine.core.history import CART, CUSTOMER, ORDER, SERIES, History, at, product

ONE_MAIL = """
id: one
status: live
kind: marketing
when: {event: signed_up}
cooldown: 7d
steps: [{mail: hello}]
"""


def test_a_mail_past_its_expiry_is_expired_and_ends_the_run() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    assert history.until("45m", now="12h46m") == ["expired cart/reminder"]
    assert history.until("30d") == []
    assert history.last("expired").step == "reminder"


def test_a_mail_at_its_expiry_still_goes_out() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    assert history.until("45m", now="12h45m") == ["fired cart/reminder", "send reminder"]


def test_transactional_mails_expire_after_three_days() -> None:
    history = History(ORDER, known=False)
    shown = history.event("order_completed", "0s", order_id="o1", email="a@example.com", now="71h")
    assert shown == ["started order", "fired order/confirmation", "send confirmation"]
    late = history.event("order_completed", "1s", order_id="o2", now="73h")
    assert late == ["started order", "expired order/confirmation"]


def test_expires_after_is_the_triggers_choice() -> None:
    history = History(CART + "expires_after: 1h\n")
    history.event("product_added", "0s", **product())
    assert history.until("45m", now="1h46m") == ["expired cart/reminder"]


def test_who_is_outside_the_audience_is_not_mailed() -> None:
    history = History(CART + "audience: profile.country == 'TR'\n")
    history.event("product_added", "0s", **product())
    assert history.until("45m") == ["audience cart/reminder"]
    decision = history.last("audience")
    assert decision.facts["profile.country"] is None
    assert "profile.country == 'TR'" in decision.reason


def test_the_audience_is_judged_when_the_mail_is_due() -> None:
    history = History(CART + "audience: profile.country == 'TR'\n")
    history.event("product_added", "0s", **product())
    history.event("profile_updated", "10m", country="TR")
    assert history.until("45m") == ["fired cart/reminder", "send reminder"]


def test_an_audience_that_cannot_be_judged_counts_as_false() -> None:
    history = History(CART + "audience: profile.traits.age > 18\n")
    history.event("product_added", "0s", **product())
    assert history.until("45m") == ["audience cart/reminder"]
    assert "profile.traits has no 'age'" in history.last("audience").reason


def test_without_an_address_there_is_no_mail() -> None:
    history = History(SERIES, known=False)
    assert history.event("signed_up", "0s") == ["started series", "no_address series/hello"]
    assert history.state.runs == []


def test_without_consent_there_is_no_marketing() -> None:
    never = History(SERIES, known=False)
    assert never.event("signed_up", "0s", email="a@example.com") == [
        "started series",
        "no_consent series/hello",
    ]
    assert "never gave" in never.last("no_consent").reason
    withdrawn = History(SERIES)
    withdrawn.event("profile_updated", "-1m", consent={"marketing_email": False})
    assert withdrawn.event("signed_up", "0s") == ["started series", "no_consent series/hello"]
    assert "withdrew" in withdrawn.last("no_consent").reason


def test_who_unsubscribed_is_suppressed_for_marketing() -> None:
    history = History(SERIES, ORDER)
    history.event("unsubscribed", "-1m")
    assert history.event("signed_up", "0s") == ["started series", "suppressed series/hello"]
    assert "send confirmation" in history.event("order_completed", "1m", order_id="o1")


def test_subscribing_again_lifts_the_unsubscription() -> None:
    history = History(SERIES)
    history.event("unsubscribed", "-2m")
    history.event("subscribed", "-1m")
    assert history.event("signed_up", "0s") == ["started series", "fired series/hello", "send hello"]


def test_a_bounced_address_gets_nothing_until_it_changes() -> None:
    history = History(SERIES, ORDER)
    history.event("signed_up", "0s")
    history.sent("hello", "1m", "email_bounced")
    assert history.until("2d") == ["suppressed series/tips"]
    assert history.event("order_completed", "3d", order_id="o1") == [
        "started order",
        "suppressed order/confirmation",
    ]
    history.event("profile_updated", "4d", email="new@example.com")
    assert "send confirmation" in history.event("order_completed", "5d", order_id="o2")


def test_marketing_refused_by_the_sender_does_not_hold_back_a_confirmation() -> None:
    history = History(SERIES, ORDER)
    history.event("signed_up", "0s")
    history.sent("hello", "1m", "email_suppressed")
    assert "send confirmation" in history.event("order_completed", "1h", order_id="o1")
    assert history.until("2d") == ["suppressed series/tips"]


def test_cooldown_holds_the_first_mail_of_a_later_run() -> None:
    history = History(ONE_MAIL)
    history.event("signed_up", "0s")
    assert history.event("signed_up", "6d") == ["started one", "cooldown one/hello"]
    assert history.last("cooldown").facts["last_mailed_at"] == format_instant(at("0s"))
    assert history.event("signed_up", "7d") == ["started one", "fired one/hello", "send hello"]


def test_cooldown_does_not_hold_the_later_mails_of_the_same_run() -> None:
    history = History(CART + "cooldown: 7d\n")
    history.event("product_added", "0s", **product())
    assert history.until("25h") == [
        "fired cart/reminder",
        "send reminder",
        "fired cart/last-call",
        "send last-call",
    ]


def test_cooldown_counts_from_the_last_mail_of_the_run_before() -> None:
    history = History(CART + "cooldown: 7d\n")
    history.event("product_added", "0s", **product())
    history.until("25h")
    history.event("order_completed", "2d")
    history.event("product_added", "7d12h", **product())
    assert history.until("8d") == ["cooldown cart/reminder"]
    history.event("order_completed", "8d1h")
    history.event("product_added", "8d2h", **product())
    assert history.until("9d") == ["fired cart/reminder", "send reminder"]


@pytest.mark.parametrize("outcome", ["email_cancelled", "email_expired", "email_suppressed", "email_failed"])
def test_a_mail_that_never_went_out_starts_no_cooldown(outcome: str) -> None:
    history = History(ONE_MAIL)
    history.event("signed_up", "0s")
    history.sent("hello", "1m", outcome)
    assert history.state.memories["one"].last_mailed_at is None


def test_transactional_mails_skip_consent_and_cooldown() -> None:
    history = History(ORDER, known=False)
    for number in range(3):
        shown = history.event("order_completed", f"{number}m", order_id=f"o{number}", email="a@example.com")
        assert shown == ["started order", "fired order/confirmation", "send confirmation"]


def test_the_checks_run_in_the_stated_order() -> None:
    """A customer against whom everything speaks; each remedy shows the next reason."""
    text = ONE_MAIL + "audience: profile.country == 'TR'\n"
    expected = ["expired", "audience", "no_address", "suppressed", "no_consent", "cooldown", "fired"]
    shown = []
    for remedies in range(len(expected)):
        history = History(text, known=False)
        if remedies < 6:  # a mail of a former run
            history.event("profile_updated", "-3d", email="a@example.com", country="TR")
            history.event("subscribed", "-3d1s")
            history.event("signed_up", "-2d")
        address = "a@example.com" if remedies >= 3 else None
        history.event("profile_updated", "-1d", country="TR" if remedies >= 2 else "AZ", email=address)
        history.event("unsubscribed" if remedies < 4 else "subscribed", "-23h")
        if remedies == 4:
            history.event("profile_updated", "-22h", consent={"marketing_email": False})
            history.state.profile.unsubscribed_at = None
        history.event("signed_up", "0s", now="13h" if remedies == 0 else None)
        shown.append(history.decisions[-1].outcome)
    assert shown == expected


def test_reasons_are_sentences_and_name_nobody() -> None:
    history = History(CART + "audience: profile.email != null\n")
    history.event("product_added", "0s", **product())
    history.until("45m")
    for decision in history.decisions:
        assert decision.reason.endswith(".")
        assert "@" not in decision.reason + str(decision.facts)
        assert decision.customer_key == CUSTOMER
    assert history.last("fired").facts["profile.email"] == "(given)"
