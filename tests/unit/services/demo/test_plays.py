"""Whether each play was seen, from a decision to a mail; what was promised and is missing is a fault."""

from typing import Any

from services.demo.plays import Shown, shown, unplayed
from tests.unit.services.demo.perfect import perfect
from tests.unit.services.demo.scripts import DAY, added, at, event, expected_of, profile

SCRIPT = [profile(5), event(5, "signed_up"), added(10)]
EXPECTED = expected_of(*SCRIPT, until=at(DAY))
TRIGGERS: list[dict[str, Any]] = [
    {"id": name, "status": "live"} for name in ("welcome-series", "cart-abandoned", "order-confirmation")
]


def test_fired_and_mails_by_template() -> None:
    assert shown(TRIGGERS, {"cart-abandoned"}, perfect(SCRIPT, EXPECTED)) == [
        Shown("cart-abandoned", True, 1, {"cart-reminder": 1}),
        Shown("order-confirmation", False, 0, {}),
        Shown("welcome-series", False, 1, {"welcome": 1}),
    ]


def test_what_was_promised_must_fire_and_mail() -> None:
    observed = perfect(SCRIPT, EXPECTED)
    due = {"cart-abandoned", "order-confirmation"}
    (fault,) = unplayed(shown(TRIGGERS, due, observed))
    assert (fault.kind, fault.what, fault.detail) == (
        "missing",
        "play",
        "order-confirmation: 0 fired, 0 mails came",
    )
    observed.mails = [mail for mail in observed.mails if mail.step != "cart-reminder"]
    assert [fault.detail for fault in unplayed(shown(TRIGGERS, due, observed))] == [
        "cart-abandoned: 1 fired, 0 mails came",
        "order-confirmation: 0 fired, 0 mails came",
    ]


def test_what_was_not_promised_may_be_missing() -> None:
    assert unplayed(shown(TRIGGERS, set(), perfect(SCRIPT, EXPECTED))) == []
