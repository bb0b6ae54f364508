"""The order of the checks of a mail: of two that would both fail, the earlier decides; and when a mail was
put off, the whole list runs again."""

from itertools import pairwise
from typing import Any

import pytest

from schemas.instants import DAY_MS, HOUR_MS, format_instant
from tests.unit.trigger_engine.core.history import History, at
from trigger_engine.core.state import TriggerMemory

CHECKS = (
    "expired",
    "audience",
    "address",
    "suppressed",
    "consent",
    "cooldown",
    "caps",
    "calendar",
    "quiet hours",
    "arbitration",
    "hold-out",
    "shadow",
)
ONE = """
id: one
status: STATUS
kind: marketing
when: {event: signed_up}
wait: 1h
audience: profile.country == 'TR'
cooldown: 7d
steps: [{mail: hello}]
"""
SAYS = {
    "expired": ("expired", "more than 12h ago"),
    "audience": ("audience", "not in its audience"),
    "address": ("no_address", "no e-mail address"),
    "suppressed": ("suppressed", "bounced"),
    "consent": ("no_consent", "refused or withdrew"),
    "cooldown": ("cooldown", "less than 7d before"),
    "caps": ("capped", "1 mailed within 7d, of 1 allowed"),
    "calendar": ("rescheduled", "blackout"),
    "quiet hours": ("rescheduled", "quiet hours"),
    "arbitration": ("rescheduled", "more important"),
    "hold-out": ("held_out", "hold-out"),
    "shadow": ("shadow", "was a shadow"),
}


def policy_with(failing: tuple[str, ...]) -> dict[str, Any]:
    policy: dict[str, Any] = {"caps": [{"at_most": 1, "within": "7d"}]}
    if "calendar" in failing:
        span = {"from": format_instant(at("30m")), "to": format_instant(at("3d"))}
        policy["calendar"] = {"blackouts": [span]}
    if "quiet hours" in failing:
        policy["quiet_hours"] = {"from": "09:30", "to": "09:00"}
    if "arbitration" in failing:
        policy["arbitration_hold"] = "10m"
    if "hold-out" in failing:
        policy["holdout"] = 9_999
    return policy


def checked(*failing: str) -> tuple[str, str]:
    """The first decision of the checks on a mail for which exactly these checks fail: outcome and reason."""
    status = "shadow" if "shadow" in failing else "live"
    history = History(ONE.replace("STATUS", status), policy=policy_with(failing))
    profile = history.state.profile
    history.event("profile_updated", "-1m", country="AZ" if "audience" in failing else "TR")
    if "caps" in failing:
        history.event("campaign_mailed", "-30s")
        history.state.slots[0].owner = "one" if "shadow" in failing else ""
    if "suppressed" in failing:
        profile.undeliverable_address = profile.email
    if "address" in failing:
        profile.email = None
    if "consent" in failing:
        profile.marketing_email = False
    history.event("signed_up", "0s")
    if "cooldown" in failing:
        history.state.memories["one"].last_mailed_at = at("0s")
    history.until("1h", now="14h" if "expired" in failing else None)
    decision = history.decisions[-2 if history.decisions[-1].outcome == "fired" else -1]
    return decision.outcome, decision.reason


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_fails_by_itself(name: str) -> None:
    outcome, reason = checked(name)
    assert outcome == SAYS[name][0]
    assert SAYS[name][1] in reason


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(CHECKS)))
def test_of_two_neighbours_the_earlier_decides(earlier: str, later: str) -> None:
    outcome, reason = checked(earlier, later)
    assert outcome == SAYS[earlier][0]
    assert SAYS[earlier][1] in reason


def test_with_everything_against_it_the_order_is_that_of_the_list() -> None:
    """But for shadows, which take no part in arbitration."""
    for position, name in enumerate(CHECKS[:-1]):
        assert checked(*CHECKS[position:-1])[0] == SAYS[name][0]


TRANSACTIONAL = """
id: one
status: STATUS
kind: transactional
when: {event: signed_up}
wait: 1h
audience: profile.country == 'TR'
steps: [{mail: hello}]
"""


@pytest.mark.parametrize("name", CHECKS)
def test_what_transactional_mails_skip(name: str) -> None:
    """Consent, cooldown, caps, calendar, quiet hours, arbitration and hold-outs; the rest still holds."""
    history = History(
        TRANSACTIONAL.replace("STATUS", "shadow" if name == "shadow" else "live"), policy=policy_with((name,))
    )
    profile = history.state.profile
    history.event("profile_updated", "-1m", country="AZ" if name == "audience" else "TR")
    history.event("campaign_mailed", "-30s")
    history.state.memories["one"] = TriggerMemory(last_mailed_at=at("0s"))
    profile.unsubscribed_at = at("-1h")
    profile.unwanted_address = profile.email
    profile.marketing_email = False
    if name == "suppressed":
        profile.undeliverable_address = profile.email
    if name == "address":
        profile.email = None
    history.event("signed_up", "0s")
    history.until("1h", now="4d" if name == "expired" else None)
    holds = name in ("expired", "audience", "address", "suppressed", "shadow")
    assert history.decisions[-1].outcome == (SAYS[name][0] if holds else "fired")


def test_the_whole_list_runs_again_after_each_put_off() -> None:
    """Blackout until 15:00 (in Turkey), quiet hours until 17:00, then the hold: an attempt each."""
    span = {"from": format_instant(at("0s")), "to": format_instant(at("3h"))}
    policy = {
        "calendar": {"blackouts": [span]},
        "quiet_hours": {"from": "14:30", "to": "17:00"},
        "arbitration_hold": "10m",
    }
    history = History(ONE.replace("STATUS", "live"), policy=policy)
    history.event("profile_updated", "-1m", country="TR")
    history.event("signed_up", "0s")
    assert history.until("1d") == [
        "rescheduled one/hello",
        "rescheduled one/hello",
        "rescheduled one/hello",
        "fired one/hello",
        "send hello",
    ]
    tried = history.decisions[1:]
    assert [decision.attempt for decision in tried] == [1, 2, 3, 4]
    assert [decision.due_at for decision in tried] == [
        format_instant(at(due)) for due in ("3h", "5h", "5h10m", "5h10m")
    ]
    assert len({decision.decision_id for decision in tried}) == 4


def test_an_earlier_check_is_asked_again_after_a_put_off() -> None:
    """Whoever withdraws consent while a mail is held gets none."""
    history = History(ONE.replace("STATUS", "live"), policy={"arbitration_hold": "10m"})
    history.event("profile_updated", "-1m", country="TR")
    history.event("signed_up", "0s")
    assert history.until("1h") == ["rescheduled one/hello"]
    history.event("profile_updated", "1h5m", consent={"marketing_email": False})
    assert history.until("2h") == ["no_consent one/hello"]
    assert history.last("no_consent").attempt == 2


def test_expiry_counts_from_the_planned_time_however_often_a_mail_was_put_off() -> None:
    span = {"from": format_instant(at("0s")), "to": format_instant(at("0s") + DAY_MS)}
    history = History(ONE.replace("STATUS", "live"), policy={"calendar": {"blackouts": [span]}})
    history.event("profile_updated", "-1m", country="TR")
    history.event("signed_up", "0s")
    assert history.until("2d") == ["rescheduled one/hello", "expired one/hello"]
    assert history.last("expired").facts["expires_at"] == format_instant(at("1h") + 12 * HOUR_MS)


def test_consent_changed_in_the_middle_of_a_series_ends_it_there() -> None:
    series = ONE.replace("STATUS", "live").replace(
        "[{mail: hello}]", "[{mail: hello}, {wait: 1d}, {mail: again}]"
    )
    history = History(series)
    history.event("profile_updated", "-1m", country="TR")
    history.event("signed_up", "0s")
    assert history.until("1h") == ["fired one/hello", "send hello"]
    history.event("profile_updated", "2h", consent={"marketing_email": False})
    history.event("subscribed", "20h")
    history.event("profile_updated", "21h", consent={"marketing_email": False})
    assert history.until("3d") == ["no_consent one/again"]
