"""Frequency caps: rolling windows of places taken by mails, other tools' campaigns and planned ones."""

import pytest

from schemas.instants import format_instant
from tests.unit.trigger_engine.core.history import ORDER, History, at

NEWS = """
id: news
status: live
kind: marketing
when: {event: article_read}
steps: [{mail: hello}]
"""
TWO_A_WEEK = {"caps": [{"at_most": 2, "within": "7d"}]}


def test_a_cap_counts_within_a_rolling_window() -> None:
    history = History(NEWS, policy=TWO_A_WEEK)
    for when in ("0s", "1d"):
        assert "send hello" in history.event("article_read", when)
    assert history.event("article_read", "6d23h") == ["started news", "capped news/hello"]
    assert history.last("capped").facts["mails_within_7d"] == 2
    assert "send hello" in history.event("article_read", "7d"), "the first one is seven days old"
    assert "capped news/hello" in history.event("article_read", "7d1s")


def test_every_cap_of_the_policy_holds() -> None:
    policy = {"caps": [{"at_most": 1, "within": "1d"}, {"at_most": 2, "within": "7d"}]}
    history = History(NEWS, policy=policy)
    shown = [history.event("article_read", when)[-1] for when in ("0s", "23h", "2d", "3d", "8d")]
    assert shown == ["send hello", "capped news/hello", "send hello", "capped news/hello", "send hello"]


@pytest.mark.parametrize("outcome", ["email_cancelled", "email_expired", "email_suppressed", "email_failed"])
def test_a_mail_that_was_not_sent_returns_its_slot(outcome: str) -> None:
    history = History(NEWS, policy={"caps": [{"at_most": 1, "within": "7d"}]})
    history.event("article_read", "0s")
    history.sent("hello", "1m", outcome)
    assert history.state.slots == []
    history.state.profile.unwanted_address = None
    assert "send hello" in history.event("article_read", "1h")


def test_a_mail_that_was_sent_or_bounced_keeps_its_slot() -> None:
    for outcome in ("email_sent", "email_bounced"):
        history = History(NEWS, policy={"caps": [{"at_most": 1, "within": "7d"}]})
        history.event("article_read", "0s")
        history.sent("hello", "1m", outcome)
        assert len(history.state.slots) == 1


def test_mails_of_other_tools_take_slots() -> None:
    history = History(NEWS, policy={"caps": [{"at_most": 1, "within": "7d"}]})
    history.event("campaign_mailed", "0s")
    assert history.event("article_read", "1d")[-1] == "capped news/hello"


def test_a_planned_campaign_reserves_a_slot() -> None:
    campaign = {"id": "friday", "at": format_instant(at("3d"))}
    policy = {"caps": [{"at_most": 1, "within": "2d"}], "calendar": {"campaigns": [campaign]}}
    history = History(NEWS, policy=policy)
    assert "send hello" in history.event("article_read", "1d"), "it is two days ahead, not less"
    assert history.event("article_read", "2d")[-1] == "capped news/hello"
    assert "1 planned" in history.last("capped").reason
    assert "send hello" in history.event("article_read", "3d"), "now it is no longer ahead"


def test_on_sale_days_another_number_holds() -> None:
    sale = {"from": format_instant(at("1d")), "to": format_instant(at("2d"))}
    policy = {
        "caps": [{"at_most": 1, "within": "7d", "on_sale_days": 2}],
        "calendar": {"sale_days": [sale]},
    }
    history = History(NEWS, policy=policy)
    shown = [history.event("article_read", when)[-1] for when in ("0s", "23h", "1d", "1d1h", "2d")]
    assert shown == [
        "send hello",
        "capped news/hello",
        "send hello",
        "capped news/hello",
        "capped news/hello",
    ]


def test_transactional_mails_neither_count_nor_are_counted() -> None:
    history = History(NEWS, ORDER, policy={"caps": [{"at_most": 1, "within": "7d"}]})
    for number in range(3):
        assert "send confirmation" in history.event("order_completed", f"{number}m", order_id=f"o{number}")
    assert history.state.slots == []
    assert "send hello" in history.event("article_read", "1h")
    assert "send confirmation" in history.event("order_completed", "2h", order_id="o9")


def test_a_slot_is_taken_at_the_due_time_not_at_the_hour_of_sending() -> None:
    history = History(
        NEWS.replace("when:", "wait: 1h\nonce_per: event.properties.n\nwhen:"),
        policy={"caps": [{"at_most": 1, "within": "1d"}]},
    )
    history.event("article_read", "0s", n=1)
    assert history.until("1h", now="6h") == ["fired news/hello", "send hello"]
    assert [slot.at for slot in history.state.slots] == [at("1h")]
    history.event("article_read", "24h", n=2)
    assert history.until("25h") == ["fired news/hello", "send hello"]


def test_the_slots_of_a_customer_are_bounded() -> None:
    history = History(NEWS, policy={"caps": [{"at_most": 50, "within": "400d"}]})
    for number in range(200):
        history.event("campaign_mailed", f"{number}m")
    assert len(history.state.slots) == 64
    assert history.event("article_read", "1d")[-1] == "capped news/hello"
