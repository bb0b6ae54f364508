"""unless and exit, and mails that are taken back."""

from tests.unit.trigger_engine.core.history import CART, SERIES, History, product

ENDED_IN_TIME = CART.replace("exit: [order_completed, cart_emptied]\n", "")


def test_unless_cancels_while_the_run_waits() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    assert history.event("order_completed", "20m") == ["cancelled cart"]
    assert history.last("cancelled").reason == "order_completed came while reminder was waited for."
    assert history.until("30d") == []


def test_an_emptied_cart_cancels_too() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    assert history.event("product_removed", "20m", product_id="p1") == ["cancelled cart"]


def test_exit_ends_the_run_between_its_mails() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.until("45m")
    history.sent("reminder", "46m")
    assert history.event("order_completed", "3h") == ["exited cart"]
    assert history.last("exited").reason == "order_completed ended the run before last-call."
    assert history.until("30d") == []


def test_unless_does_not_act_once_the_first_mail_has_gone_out() -> None:
    history = History(ENDED_IN_TIME)
    history.event("product_added", "0s", **product())
    history.until("45m")
    history.sent("reminder", "46m")
    assert history.event("order_completed", "3h") == []
    assert history.until("2d") == ["fired cart/last-call", "send last-call"]


def test_a_purchase_before_the_first_mail_was_due_ends_the_run_however_late_it_arrives() -> None:
    history = History(ENDED_IN_TIME)
    history.event("product_added", "0s", **product())
    history.until("45m")
    history.sent("reminder", "46m")
    assert history.event("order_completed", "40m", received="50m") == ["cancelled cart"]


def test_a_purchase_at_the_instant_the_first_mail_was_due_ends_the_run_too() -> None:
    for when, ends in (("45m", ["cancelled cart"]), ("46m", [])):
        history = History(ENDED_IN_TIME)
        history.event("product_added", "0s", **product())
        history.until("45m")
        history.sent("reminder", "46m")
        assert history.event("order_completed", when, received="50m") == ends


def test_a_requested_mail_is_taken_back_and_cancelled() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.until("45m")
    assert history.event("order_completed", "44m", received="46m") == [
        "exited cart",
        "cancelling cart/reminder",
        "cancel reminder",
    ]
    assert history.sent("reminder", "47m", "email_cancelled") == ["cancelled cart/reminder"]
    assert history.state.mails == []
    send, cancel = history.requests
    assert send.send_id == cancel.send_id


def test_a_mail_that_had_gone_out_already_is_a_regret() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.until("45m")
    history.event("order_completed", "44m", received="46m")
    assert history.sent("reminder", "47m") == ["regret cart/reminder"]


def test_unless_takes_back_the_first_mail_while_that_is_possible() -> None:
    history = History(ENDED_IN_TIME)
    history.event("product_added", "0s", **product())
    history.until("45m")
    assert history.event("order_completed", "50m") == [
        "cancelled cart",
        "cancelling cart/reminder",
        "cancel reminder",
    ]


def test_a_mail_is_taken_back_after_its_run_has_sent_everything() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.until("45m")
    history.sent("reminder", "46m")
    history.until("24h45m")
    assert history.state.runs == []
    assert history.event("order_completed", "24h46m") == ["cancelling cart/last-call", "cancel last-call"]
    assert history.event("order_completed", "24h47m") == [], "it is asked for once"


def test_unless_leaves_later_mails_alone() -> None:
    history = History(ENDED_IN_TIME)
    history.event("product_added", "0s", **product())
    history.until("45m")
    history.sent("reminder", "46m")
    history.until("24h45m")
    assert history.event("order_completed", "24h46m") == []


def test_a_mail_that_never_went_out_while_cancelling_counts_as_cancelled() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.until("45m")
    history.event("order_completed", "44m", received="46m")
    assert history.sent("reminder", "47m", "email_expired") == ["cancelled cart/reminder"]


def test_outcomes_of_mails_nobody_wanted_back_are_no_decisions() -> None:
    for outcome in ("email_sent", "email_expired", "email_suppressed", "email_failed", "email_bounced"):
        history = History(CART)
        history.event("product_added", "0s", **product())
        history.until("45m")
        assert history.sent("reminder", "46m", outcome) == []
        assert history.state.mails == []


def test_unsubscribing_exits_the_series() -> None:
    history = History(SERIES)
    history.event("signed_up", "0s")
    history.sent("hello", "1m")
    assert history.event("unsubscribed", "1d") == ["exited series"]


def test_a_condition_that_fails_counts_as_false_and_is_recorded() -> None:
    text = SERIES.replace(
        "exit: unsubscribed", "exit: {event: order_completed, where: event.properties.total > 5}"
    )
    history = History(text)
    history.event("signed_up", "0s")
    assert history.event("order_completed", "1h") == ["error series"]
    assert "event.properties has no 'total'" in history.last("error").reason
    assert history.until("2d") == ["fired series/tips", "send tips"]


def test_a_where_that_fails_counts_as_false_and_is_recorded() -> None:
    history = History(
        SERIES.replace("{event: signed_up}", "{event: signed_up, where: event.properties.n > 1}")
    )
    assert history.event("signed_up", "0s", n="three") == ["error series"]
    assert history.event("signed_up", "1s", n=3) == ["started series", "fired series/hello", "send hello"]


def test_history_that_a_where_cannot_judge_is_no_decision() -> None:
    history = History(
        SERIES.replace("{event: signed_up}", "{event: signed_up, where: event.properties.n > 1}")
    )
    assert history.event("signed_up", "0s", backfill=True) == []
