"""The check is written from the trigger files' meaning: it must notice when the shipped files change."""

import yaml

from services.demo import expected
from services.publish import LIBRARY
from trigger_engine.core.durations import parse_duration

PLAYED = (expected.CART, expected.WELCOME, expected.CONFIRMATION)


def _load(trigger_id: str) -> dict[str, object]:
    loaded = yaml.safe_load((LIBRARY / f"{trigger_id}.yaml").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def _mails(trigger: dict[str, object]) -> list[tuple[str, int]]:
    """(mail, wait after the one before)."""
    mails, wait_ms = [], 0
    for step in trigger["steps"]:  # type: ignore[attr-defined]  # the file's list
        if "wait" in step:
            wait_ms += parse_duration(step["wait"])
        else:
            mails.append((step["mail"], wait_ms))
            wait_ms = 0
    return mails


def test_the_demo_expects_of_every_shipped_trigger() -> None:
    assert sorted(path.stem for path in LIBRARY.glob("*.yaml")) == sorted(PLAYED)


def test_cart_abandoned() -> None:
    trigger = _load(expected.CART)
    assert trigger["when"] == {
        "event": ["product_added", "cart_updated", "checkout_started"],
        "where": "cart.value > 0",
    }
    assert parse_duration(str(trigger["wait"])) == expected.CART_WAIT_MS
    assert parse_duration(str(trigger["cooldown"])) == expected.CART_COOLDOWN_MS
    assert trigger["once_per"] == "cart.id"
    assert trigger["unless"] == trigger["exit"] == ["order_completed", "cart_emptied"]
    assert _mails(trigger) == list(expected.CART_MAILS)
    assert not {"audience", "expires_after"} & trigger.keys()


def test_welcome_series() -> None:
    trigger = _load(expected.WELCOME)
    assert trigger["when"] == {"event": ["signed_up", "subscribed"], "where": "consent.marketing_email"}
    assert trigger["exit"] == "unsubscribed"
    assert _mails(trigger) == list(expected.WELCOME_MAILS)
    assert not {"audience", "cooldown", "wait"} & trigger.keys()


def test_order_confirmation() -> None:
    trigger = _load(expected.CONFIRMATION)
    assert trigger["kind"] == "transactional"
    assert trigger["when"] == {"event": "order_completed"}
    assert trigger["once_per"] == "event.properties.order_id"
    assert _mails(trigger) == [(expected.CONFIRMATION_MAIL, 0)]
