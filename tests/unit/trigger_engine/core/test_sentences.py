"""Each decision says why in a sentence, word for word as `tetik explain` and the decision log show it."""

from typing import Any

from schemas.instants import DAY_MS, format_instant
from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, History, at, product
from trigger_engine.core.limits import RUNS_MAX

HELLO = "hello was not sent and the run ended: "
BIRTHDAY = """
id: birthday
status: live
kind: marketing
when: {date: profile.traits.birthday, repeat: yearly}
steps: [{mail: greeting}]
"""


def said(history: History, *but: str) -> list[str]:
    """`outcome: reason` of each decision, but for these outcomes."""
    return [f"{one.outcome}: {one.reason}" for one in history.decisions if one.outcome not in but]


def refused(trigger: str = SERIES, *, known: bool = True, **more: Any) -> History:
    """After the start of a series."""
    history = History(trigger, known=known, **more)
    history.event("signed_up", "0s")
    return history


def test_what_an_unless_says() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.event("order_completed", "20m", order_id="o1")
    assert said(history) == [
        "started: product_added started the run; reminder is due at 2026-03-02T09:45:00.000Z.",
        "cancelled: order_completed came while reminder was waited for.",
    ]


def test_what_an_exit_and_a_mail_taken_back_say() -> None:
    history = History(SERIES)
    history.event("signed_up", "0s")
    history.event("unsubscribed", "1h")
    history.sent("hello", "2h")
    assert said(history, "started") == [
        "fired: hello was due at 2026-03-02T09:00:00.000Z and passed every check.",
        "exited: unsubscribed ended the run before tips.",
        "cancelling: unsubscribed came after the mail was requested. The sender is asked to cancel hello.",
        "regret: hello had gone out before it could be cancelled.",
    ]
    assert history.last("fired").facts == {
        "expires_at": "2026-03-02T21:00:00.000Z",
        "address_known": True,
        "consent.marketing_email": True,
    }


def test_what_the_senders_answer_says() -> None:
    for type, became in (("email_cancelled", "cancelled"), ("email_expired", "expired")):
        history = History(SERIES)
        history.event("signed_up", "0s")
        history.event("unsubscribed", "1h")
        history.sent("hello", "2h", type)
        expected = f"cancelled: hello was not sent: the sender reports it as {became}."
        assert said(history)[-1] == expected


def test_what_an_unless_in_time_for_the_first_mail_says() -> None:
    trigger = SERIES.replace("exit: unsubscribed", "unless: order_completed\nwait: 1h")
    history = History(trigger)
    history.event("signed_up", "0s")
    history.until("1h")
    history.event("order_completed", "61m", order_id="o1")
    reason = "order_completed came after the first mail was requested, but in time to stop the run."
    assert history.last("cancelled").reason == reason


def test_what_the_end_of_a_run_without_a_mail_ahead_says() -> None:
    trigger = SERIES.replace("{mail: tips}]", "{goal: {event: order_completed}, id: bought}]")
    history = History(trigger)
    history.event("signed_up", "0s")
    history.event("unsubscribed", "1d")
    assert history.last("exited").reason == "unsubscribed ended the run before its end."


def test_what_a_goal_says() -> None:
    trigger = SERIES.replace("{mail: tips}]", "{goal: {event: order_completed}, id: bought}]")
    history = refused(trigger)
    history.event("order_completed", "1d", order_id="o1")
    assert history.last("goal").reason == "order_completed reached bought."


def test_what_a_start_says() -> None:
    once = SERIES + "once_per: event.properties.n\n"
    started = "started: signed_up started the run; hello is due at 2026-03-02T09:00:00.000Z."
    so = "so the default occasion counts."
    history = History(once)
    history.event("signed_up", "0s", n="a")
    assert said(history)[0] == started
    assert history.decisions[0].facts == {"event.properties.n": "a"}
    history = refused(once)
    assert said(history)[0] == f"{started} Warning: once_per gave nothing (event.properties has no 'n'), {so}"
    assert history.decisions[0].facts == {}
    history = History(once)
    history.event("signed_up", "0s", n=None)
    assert said(history)[0] == f"{started} Warning: once_per (event.properties.n) gave no value, {so}"
    exits = SERIES.replace("{mail: hello}", "{skip_if: orders.count > 0}, {mail: hello}")
    assert said(refused(exits))[0] == (
        "started: signed_up started the run; its steps begin at 2026-03-02T09:00:00.000Z."
    )


def test_what_a_start_says_that_finds_no_room() -> None:
    history = History(SERIES + "once_per: event.properties.n\n")
    for number in range(RUNS_MAX + 1):
        history.event("signed_up", f"{number}s", n=number)
    reason = f"signed_up started nothing: the customer has {RUNS_MAX} live runs already."
    assert (history.last("state_limit").reason, len(history.state.runs)) == (reason, RUNS_MAX)
    assert history.last("state_limit").occasion == f"c1/e{history.offset}"


def test_what_an_event_says_that_comes_too_late_or_cannot_be_judged() -> None:
    history = History(SERIES.replace("signed_up}", "signed_up, where: event.properties.n > 1}"))
    history.event("signed_up", "0s")
    history.event("signed_up", "0s", received="3d", n=2)
    assert said(history) == [
        "error: its where could not be judged on signed_up, which counts as false: "
        "event.properties has no 'n'.",
        "late: signed_up arrived too late to start anything.",
    ]
    assert history.decisions[-1].facts == {
        "occurred_at": "2026-03-02T09:00:00.000Z",
        "received_at": "2026-03-05T09:00:00.000Z",
    }


def test_what_an_exit_says_that_cannot_be_judged() -> None:
    exits = "exit: {event: article_read, where: event.properties.n > 1}"
    history = refused(SERIES.replace("exit: unsubscribed", exits))
    history.event("article_read", "1h")
    assert said(history)[-1] == (
        "error: its condition on article_read gave no answer, which counts as false: "
        "event.properties has no 'n'."
    )


def test_what_the_checks_of_a_recipient_say() -> None:
    assert said(refused(known=False))[1:] == [
        f"no_address: {HELLO}no e-mail address of the customer is known."
    ]
    history = History(SERIES, known=False)
    history.event("profile_updated", "-1h", email="a@example.com")
    history.event("signed_up", "0s")
    assert said(history)[1:] == [f"no_consent: {HELLO}the customer never gave consent to marketing e-mail."]
    history.event("profile_updated", "1m", consent={"marketing_email": False})
    history.event("signed_up", "2m")
    assert said(history)[-1] == (
        f"no_consent: {HELLO}the customer refused or withdrew consent to marketing e-mail."
    )


def test_what_suppression_says() -> None:
    unsubscribed = History(SERIES)
    unsubscribed.event("unsubscribed", "-1m")
    unsubscribed.event("signed_up", "0s")
    assert said(unsubscribed)[-1] == (
        f"suppressed: {HELLO}the customer unsubscribed at 2026-03-02T08:59:00.000Z."
    )
    assert unsubscribed.decisions[-1].facts["unsubscribed_at"] == "2026-03-02T08:59:00.000Z"
    for type, says, fact in (
        ("email_bounced", "mail to this address bounced or was suppressed", "undeliverable"),
        ("email_suppressed", "the sender has marketing to this address suppressed", "marketing"),
    ):
        history = History(SERIES)
        history.event("signed_up", "0s")
        history.sent("hello", "1m", type)
        history.event("signed_up", "1h")
        assert said(history)[-1] == f"suppressed: {HELLO}{says}."
        assert history.decisions[-1].facts["suppressed"] == fact


def test_what_a_pause_says() -> None:
    for pause, says in (
        ("7d", "the customer paused marketing e-mail until 2026-03-09T09:00:00.000Z"),
        ("until_resumed", "the customer paused marketing e-mail until further notice"),
    ):
        steps = f"steps: [{{set: {{pause: {pause}}}}}, {{mail: hello}}]"
        history = refused(SERIES.replace("steps: [{mail: hello}, {wait: 2d}, {mail: tips}]", steps))
        assert said(history)[-1] == f"no_consent: {HELLO}{says}."


def test_what_the_limits_on_how_often_say() -> None:
    history = refused(SERIES + "cooldown: 7d\n")
    history.event("signed_up", "1d")
    assert said(history)[-1] == (
        f"cooldown: {HELLO}its last mail was due at 2026-03-02T09:00:00.000Z, less than 7d before."
    )
    assert history.decisions[-1].facts["last_mailed_at"] == "2026-03-02T09:00:00.000Z"
    campaign = {"id": "spring", "at": "2026-03-03T10:00:00Z"}
    caps = {"caps": [{"at_most": 1, "within": "7d"}], "calendar": {"campaigns": [campaign]}}
    capped = refused(policy=caps)
    assert said(capped)[-1] == f"capped: {HELLO}0 mailed and 1 planned within 7d, of 1 allowed."
    assert capped.decisions[-1].facts["mails_within_7d"] == 0
    assert capped.decisions[-1].facts["campaigns_within_7d"] == 1
    capped = refused(policy={"caps": caps["caps"]})
    capped.until("2d")
    assert said(capped)[-1] == (
        "capped: tips was not sent and the run ended: 1 mailed within 7d, of 1 allowed."
    )
    assert "campaigns_within_7d" not in capped.decisions[-1].facts


def test_what_a_mail_says_that_is_put_off() -> None:
    span = {"from": format_instant(at("0s")), "to": format_instant(at("3h"))}
    blackout = refused(policy={"calendar": {"blackouts": [span]}})
    assert said(blackout)[-1] == (
        "rescheduled: hello is put off: no marketing goes out in the blackout until 2026-03-02T12:00:00.000Z."
    )
    assert blackout.decisions[-1].facts["blackout_until"] == "2026-03-02T12:00:00.000Z"
    night = refused(policy={"quiet_hours": {"from": "08:00", "to": "10:00"}, "time_zone": "UTC"})
    assert said(night)[-1] == (
        "rescheduled: hello is put off: quiet hours in UTC last until 2026-03-02T10:00:00.000Z."
    )
    assert night.decisions[-1].facts["time_zone"] == "UTC"
    hold = refused(policy={"arbitration_hold": "10m"})
    assert said(hold)[-1] == (
        "rescheduled: hello is put off: it waits 10m for others that may be more important."
    )


def test_what_outranking_says_on_either_side() -> None:
    other = SERIES.replace("id: series", "id: vip\npriority: 90")
    both = History(SERIES, other, policy={"arbitration_hold": "10m"})
    both.event("signed_up", "0s")
    both.until("10m")
    lost = both.last("outranked")
    assert lost.reason == f"{HELLO}vip has a higher rank."
    later = other.replace("signed_up", "article_read")
    history = History(SERIES, later, policy={"arbitration_hold": "10m"})
    history.event("signed_up", "0s")
    history.event("article_read", "5m")
    history.until("10m")
    lost = history.last("outranked")
    assert lost.reason == f"{HELLO}vip has a higher rank."
    assert lost.facts["held"] == ["vip"]


def test_what_an_audience_says() -> None:
    history = refused(SERIES + "audience: profile.country == 'TR'\n")
    assert said(history)[-1] == (
        f"audience: {HELLO}the customer is not in its audience (profile.country == 'TR')."
    )
    history = refused(SERIES + "audience: profile.traits.age > 18\n")
    assert said(history)[-1] == (
        f"audience: {HELLO}its audience could not be judged, which counts as false: "
        "profile.traits has no 'age'."
    )


def test_what_a_late_mail_and_a_missed_day_say() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.until("45m", now="12h46m")
    assert said(history)[-1] == (
        "expired: reminder was not sent and the run ended: "
        "it was due at 2026-03-02T09:45:00.000Z, more than 12h ago."
    )
    history = History(BIRTHDAY, policy={"time_zone": "UTC"})
    history.event("profile_updated", "0s", birthday="1990-03-04")
    history.until_instant(at("2d"), at("2d") + 2 * DAY_MS)
    missed = history.last("expired")
    assert missed.reason == (
        "2026-03-04 was due at 2026-03-04T09:00:00.000Z, more than 6h ago, so it is not sent late."
    )
    assert missed.facts == {"date": "2026-03-04", "due_at": "2026-03-04T09:00:00.000Z"}


def test_what_a_shadow_and_a_hold_out_say() -> None:
    shadow = refused(SERIES.replace("status: live", "status: shadow"))
    assert said(shadow)[-1] == (
        "shadow: hello passed every check and was not sent: the trigger was a shadow when the run started."
    )
    held_out = refused(policy={"holdout": 9_999})
    assert said(held_out)[-1] == (
        "held_out: hello passed every check and was not sent: "
        "the customer is in a hold-out, who gets none for comparison."
    )


def test_what_steps_say_that_end_a_run() -> None:
    assert said(
        refused(SERIES.replace("{mail: hello}", "{choose: [{if: orders.count == 0, then: [exit]}]}"))
    )[-1] == ("exited: the run came to an exit step.")
    until = "{wait_until: {time: timestamp(start.properties.to)}}"
    assert said(refused(SERIES.replace("{wait: 2d}", until)))[-1] == (
        "error: wait_until could not be worked out, so the run ended: start.properties has no 'to'."
    )
    history = History(SERIES.replace("{wait: 2d}", "{wait_until: {time: start.properties.to}}"))
    history.event("signed_up", "0s", to="noon")
    reason = "wait_until (start.properties.to) gave no timestamp, so the run ended."
    assert (history.last("error").reason, history.state.runs) == (reason, [])


def test_what_a_run_says_that_takes_anothers_place() -> None:
    order = ORDER + "supersedes: [series]\n"
    history = History(SERIES, order)
    history.event("signed_up", "0s")
    history.event("order_completed", "1h", order_id="o1")
    assert history.last("superseded").reason == "a run of order takes its place."


def test_what_an_erasure_says() -> None:
    history = refused()
    history.event("customer_erased", "1h")
    assert said(history, "started", "fired") == [
        "exited: the customer was erased.",
        "cancelling: The customer was erased. The sender is asked to cancel hello.",
    ]


def test_what_a_change_of_rules_says() -> None:
    history = refused()
    history.change(SERIES.replace("status: live", "status: draft"), when="1h")
    assert said(history)[-1] == "exited: the trigger is no longer live in the active rules."
    history = refused()
    edited = SERIES.replace("mail: hello", "mail: welcome") + "on_edit: migrate\n"
    history.change(edited, when="1h")
    assert said(history)[-1] == ("exited: the trigger's new version lacks hello, behind which the run stood.")
    history = refused()
    history.change(SERIES.replace("2d", "3d") + "on_edit: drain\n", when="1h")
    history.until("2d")
    assert said(history)[-1] == (
        "exited: its version was replaced, and this was the mail it could still send."
    )
