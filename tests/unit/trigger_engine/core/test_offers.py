"""Offers: within limits, with another mail where none may be given, none to who only waits for them."""

from typing import Any

import pytest

from tests.unit.trigger_engine.core.history import History

DISCOUNT = """
id: discount
status: live
kind: marketing
when: {event: article_read}
steps:
  - mail: cart-discount
    offer: {code: TEN, value: 10%, valid_for: 3d}
    else: cart-plain
"""
LIMIT: dict[str, Any] = {"offers": {"at_most": 1, "within": "90d"}}


def template_at(history: History, when: str, **more: Any) -> str | None:
    """The template of the mail that an event leads to."""
    history.event("article_read", when, **more)
    return history.requests[-1].template


def test_an_offer_is_in_the_mails_data() -> None:
    history = History(DISCOUNT)
    assert template_at(history, "0s") == "cart-discount"
    assert history.requests[-1].data["offer"] == {
        "code": "TEN",
        "value": "10%",
        "valid_until": "2026-03-05T09:00:00.000Z",
    }
    assert history.last("fired").facts["offer"] == "given"


def test_beyond_the_limit_the_other_mail_goes() -> None:
    history = History(DISCOUNT, policy=LIMIT)
    assert template_at(history, "0s") == "cart-discount"
    assert template_at(history, "89d") == "cart-plain"
    assert "offer" not in history.requests[-1].data
    assert history.last("fired").facts["offer"] == "the limit on offers is reached"
    assert history.requests[-1].step == "cart-discount", "the step is the same"
    assert template_at(history, "90d") == "cart-discount"


def test_the_limit_holds_over_all_triggers() -> None:
    other = DISCOUNT.replace("id: discount", "id: another").replace("article_read", "signed_up")
    history = History(DISCOUNT, other, policy=LIMIT)
    assert template_at(history, "0s") == "cart-discount"
    history.event("signed_up", "1d")
    assert history.requests[-1].template == "cart-plain"


@pytest.mark.parametrize("outcome", ["email_cancelled", "email_expired", "email_failed"])
def test_an_offer_in_a_mail_that_was_not_sent_is_returned(outcome: str) -> None:
    history = History(DISCOUNT, policy=LIMIT)
    template_at(history, "0s")
    history.sent("cart-discount", "1m", outcome)
    assert history.state.offers == []
    assert template_at(history, "1h") == "cart-discount"


def test_who_orders_only_with_offers_gets_none() -> None:
    history = History(DISCOUNT, policy={"offers": {"at_most": 50, "within": "1d", "trained_after": 2}})
    for day in (0, 10):
        assert template_at(history, f"{day}d1s") == "cart-discount"
        history.event("order_completed", f"{day + 1}d")
    assert template_at(history, "20d") == "cart-plain"
    history.event("order_completed", "30d")
    assert template_at(history, "31d") == "cart-discount", "she ordered without one"


def test_an_order_after_the_offer_ran_out_is_not_on_offer() -> None:
    history = History(DISCOUNT, policy={"offers": {"at_most": 50, "within": "1d", "trained_after": 1}})
    template_at(history, "0s")
    history.event("order_completed", "3d1s")
    assert history.state.orders_on_offer == 0
    assert template_at(history, "4d") == "cart-discount"


def test_an_empty_pool_gives_no_offer() -> None:
    history = History(DISCOUNT.replace("code: TEN", "pool: cart-10"))
    assert template_at(history, "0s") == "cart-plain"
    assert history.last("fired").facts["offer"] == "no code is left in the pool cart-10"


def test_an_offer_in_a_transactional_mail_needs_consent_to_marketing() -> None:
    text = DISCOUNT.replace("kind: marketing", "kind: transactional")
    history = History(text)
    assert template_at(history, "0s") == "cart-discount"
    history.event("profile_updated", "1h", consent={"marketing_email": False})
    assert template_at(history, "2h") == "cart-plain"


def test_shadows_and_held_out_give_none_but_choose_the_same_way() -> None:
    history = History(DISCOUNT.replace("status: live", "status: shadow"), policy=LIMIT)
    history.event("article_read", "0s")
    assert history.last("shadow").facts["offer"] == "given"
    assert history.state.offers == []


def test_offers_are_bounded() -> None:
    history = History(DISCOUNT)
    for number in range(100):
        template_at(history, f"{number}m")
    assert len(history.state.offers) == 32
