"""What the reference model makes of the script, against lists that were worked out by hand.

The shoppers are the demo's own, one of each of some habits; who changes the habits works the lists out anew,
from the trigger files and from what she did, which is part of each list.
"""

from collections import Counter
from dataclasses import replace

import pytest

from schemas.instants import DAY_MS, MINUTE_MS, Instant, datetime_of
from services.demo.command import DemoOptions, write_script
from services.demo.expected import Expectation
from services.demo.reference import expect
from services.demo.script import ScriptedEvent, by_person, merge, span
from services.triggers.folder import check_folder
from tests.model.play import rule_set, trigger
from tests.unit.services.demo.scripts import (
    DAY,
    PLAYED,
    added,
    at,
    event,
    expected_of,
    ordered,
    profile,
    removed,
    rules,
)

START, END = span(7)


@pytest.fixture(scope="module")
def week() -> list[ScriptedEvent]:
    return write_script(DemoOptions())


@pytest.fixture(scope="module")
def expected(week: list[ScriptedEvent]) -> Expectation:
    return expect(week, rules(), END)


def clock(instant: Instant) -> str:
    return f"{datetime_of(instant):%a %H:%M}"


HAND_CHECKED = {
    "sim-0002": (  # buys before the 45 minutes after her last change (20:13) have passed
        "Thu 19:59 profile_updated, Thu 19:59 signed_up, Thu 20:00 product_viewed, Thu 20:01 product_added, "
        "Thu 20:06 product_added, Thu 20:11 product_added, Thu 20:13 checkout_started, "
        "Thu 20:17 order_completed",
        "Thu 19:59 welcome-series run started",
        "Thu 19:59 welcome-series welcome fired",
        "Thu 20:01 cart-abandoned run started",
        "Thu 20:17 cart-abandoned run cancelled",
        "Thu 20:17 order-confirmation run started",
        "Thu 20:17 order-confirmation order-confirmation-offer fired",
        "Sat 19:59 welcome-series welcome-discover fired",
    ),
    "sim-0006": (  # comes back in the very minute of the mail (17:06 and 45 minutes), which goes first
        "Tue 17:05 profile_updated, Tue 17:05 signed_up, Tue 17:06 product_added, Tue 17:51 product_added",
        "Tue 17:05 welcome-series run started",
        "Tue 17:05 welcome-series welcome fired",
        "Tue 17:06 cart-abandoned run started",
        "Tue 17:51 cart-abandoned cart-reminder fired",
        "Wed 17:51 cart-abandoned cart-persuasion fired",
        "Thu 17:05 welcome-series welcome-discover fired",
        "Fri 17:51 cart-abandoned cart-questions fired",
        "Sun 17:05 welcome-series welcome-first-order fired",
    ),
    "sim-0007": (  # takes out one of two products after the mail, then the other, which ends the run
        "Mon 07:22 profile_updated, Mon 07:22 signed_up, Mon 07:24 product_added, Mon 07:26 product_added, "
        "Mon 12:30 product_removed, Mon 12:31 product_removed",
        "Mon 07:22 welcome-series run started",
        "Mon 07:22 welcome-series welcome fired",
        "Mon 07:24 cart-abandoned run started",
        "Mon 08:11 cart-abandoned cart-reminder fired",
        "Mon 12:31 cart-abandoned run exited",
        "Wed 07:22 welcome-series welcome-discover fired",
        "Sat 07:22 welcome-series welcome-first-order fired",
    ),
    "sim-0008": (  # unsubscribes after the first mail: the welcome ends, the cart's next mail is held back
        "Thu 18:42 profile_updated, Thu 18:42 signed_up, Thu 18:43 product_viewed, Thu 18:46 product_viewed, "
        "Thu 18:47 product_added, Thu 18:50 product_added, Thu 20:50 unsubscribed",
        "Thu 18:42 welcome-series run started",
        "Thu 18:42 welcome-series welcome fired",
        "Thu 18:47 cart-abandoned run started",
        "Thu 19:35 cart-abandoned cart-reminder fired",
        "Thu 20:50 welcome-series run exited",
        "Fri 19:35 cart-abandoned cart-persuasion suppressed",
    ),
    "sim-0009": (  # never agreed
        "Mon 16:00 profile_updated, Mon 16:00 signed_up, Mon 16:02 product_added",
        "Mon 16:02 cart-abandoned run started",
        "Mon 16:47 cart-abandoned cart-reminder no_consent",
    ),
    "anon:sim-guest-0010": (  # never says who she is
        "Thu 16:30 product_viewed, Thu 16:31 product_viewed, Thu 16:34 product_viewed, "
        "Thu 16:37 product_added, Thu 16:40 product_added, Thu 16:45 product_added",
        "Thu 16:37 cart-abandoned run started",
        "Thu 17:30 cart-abandoned cart-reminder no_address",
    ),
    "sim-0011": (  # a second cart within seven days of the first one's mail
        "Tue 19:59 profile_updated, Tue 19:59 signed_up, Tue 20:00 product_viewed, Tue 20:02 product_added, "
        "Tue 20:08 product_added, Tue 20:09 product_added, Tue 20:11 checkout_started, "
        "Wed 20:13 product_added",
        "Tue 19:59 welcome-series run started",
        "Tue 19:59 welcome-series welcome fired",
        "Tue 20:02 cart-abandoned run started",
        "Tue 20:56 cart-abandoned cart-reminder fired",
        "Wed 20:13 cart-abandoned run started",
        "Wed 20:56 cart-abandoned cart-persuasion fired",
        "Wed 20:58 cart-abandoned cart-reminder cooldown",
        "Thu 19:59 welcome-series welcome-discover fired",
        "Fri 20:56 cart-abandoned cart-questions fired",
        "Sun 19:59 welcome-series welcome-first-order fired",
    ),
}
"""What she did, and what must be decided on it."""


@pytest.mark.parametrize("key", HAND_CHECKED)
def test_shoppers_of_the_demo(key: str, week: list[ScriptedEvent], expected: Expectation) -> None:
    did, *decided = HAND_CHECKED[key]
    hers = [each for each in week if not each.is_supply and each.key == key]
    assert ", ".join(f"{clock(each.at)} {each.type}" for each in hers) == did
    assert [
        f"{clock(each.decided_at)} {each.trigger_id} {each.step or 'run'} {each.outcome}"
        for each in expected.decisions
        if each.customer_key == key
    ] == decided
    assert [clock(each.decided_at) for each in expected.mails.values() if each.customer_key == key] == [
        line[: len("Mon 00:00")] for line in decided if line.endswith("fired")
    ]


def test_the_real_customers_get_confirmations_alone(week: list[ScriptedEvent], expected: Expectation) -> None:
    """Each order once, and no mail where nobody is named; counted from the file, not from the model."""
    orders = [
        each
        for each in week
        if "retail-" in each.event_id and each.type == "order_completed" and not each.backfill
    ]
    nameless = sum(each.customer_id is None for each in orders)
    real = [each for each in expected.decisions if "retail-" in each.customer_key]
    assert nameless > 30
    assert Counter((each.trigger_id, each.outcome) for each in real) == {
        ("order-confirmation", "started"): len(orders),
        ("order-confirmation", "fired"): len(orders) - nameless,
        ("order-confirmation", "no_address"): nameless,
    }


def test_every_mail_has_its_decision_and_its_address(expected: Expectation) -> None:
    fired = {each.send_id: each for each in expected.decisions if each.outcome == "fired"}
    assert expected.mails.keys() == fired.keys()
    for identity, mail in expected.mails.items():
        by = fired[identity]
        assert (mail.customer_key, mail.step, mail.decided_at) == (by.customer_key, by.step, by.decided_at)
        assert mail.to is not None
        assert mail.to.partition("@")[0] == mail.customer_key
    assert expected.taken_back == []


def test_nothing_is_left_to_chance(week: list[ScriptedEvent]) -> None:
    """What follows from an event may be done before or after the next one of the same instant: with all that
    is shipped, the week comes to the same. Asked of those to whom several things happen at once: everybody is
    played apart from the others."""
    shipped = check_folder(None, texts=False).rule_set
    assert shipped is not None
    busy = [event for hers in by_person(week) if _several_at_once(hers) for event in hers]
    assert len(busy) > 500
    script = merge([event for event in week if event.is_supply], busy, until=END)
    one_by_one, together = (expect(script, shipped, END, one_by_one=order) for order in (True, False))
    assert Counter(one_by_one.decisions) == Counter(together.decisions)
    assert one_by_one.mails == together.mails
    assert Counter(one_by_one.hand_overs) == Counter(together.hand_overs)


def _several_at_once(hers: list[ScriptedEvent]) -> bool:
    """History apart, which starts nothing."""
    times = Counter(event.at for event in hers if not event.backfill)
    return any(count > 1 for count in times.values())


def test_the_rules_are_the_shipped_ones() -> None:
    """A waiting time that the file says is one that the expectation has."""
    (cart,) = (form for form in rules().triggers if form["id"] == "cart-abandoned")
    hasty = rules().model_copy(
        update={"triggers": [{**form, "wait": "30m"} if form is cart else form for form in rules().triggers]}
    )
    due = [
        next(each for each in expect([profile(), added(10)], chosen, END).mails.values()).decided_at
        for chosen in (rules(), hasty)
    ]
    assert due == [at(55), at(40)]


def outcomes(*script: ScriptedEvent, trigger: str = PLAYED[0]) -> list[tuple[str, str, int]]:
    """(step, outcome, minute) of one trigger's decisions after the start."""
    return [
        (each.step or "run", each.outcome, (each.decided_at - at(0)) // MINUTE_MS)
        for each in expected_of(*script).decisions
        if each.trigger_id == trigger and each.outcome != "started"
    ]


def test_what_is_due_goes_before_what_happens_at_that_minute() -> None:
    assert outcomes(profile(), added(10), ordered(54)) == [("run", "cancelled", 54)]
    assert outcomes(profile(), added(10), ordered(55)) == [
        ("cart-reminder", "fired", 55),
        ("run", "exited", 55),
    ]


def test_only_what_falls_before_the_end() -> None:
    ends = [expected_of(profile(), added(10), until=at(minute)) for minute in (10, 55, 56)]
    assert [len(each.decisions) for each in ends] == [0, 1, 2]


def test_a_mail_that_has_left_is_not_taken_back() -> None:
    """The sender's word on it has come back at once."""
    script = (profile(), added(10), removed(100))
    assert outcomes(*script)[-1] == ("run", "exited", 100)
    assert expected_of(*script).taken_back == []


def test_a_device_hands_its_cart_over() -> None:
    """She fills a cart unknown, and says who she is before it is due: one run, and its mail goes to her."""
    script = [
        replace(added(10), customer_id=None, anonymous_id="phone"),
        replace(profile(30), anonymous_id="phone"),
        replace(added(40, product="p2"), customer_id=None, anonymous_id="phone"),
        event(41, "product_viewed", product_id="p2"),
    ]
    expected = expected_of(*script, until=at(DAY))
    assert [(each.type, each.key) for each in expected.hand_overs] == [
        ("handover_asked", "anon:phone"),
        ("handover_state", "ada"),
        ("product_added", "ada"),
    ]
    assert [(each.customer_key, each.occasion, each.step, each.outcome) for each in expected.decisions] == [
        ("anon:phone", "anon:phone/c1", None, "started"),
        ("ada", "anon:phone/c1", "cart-reminder", "fired"),
    ]
    (mail,) = expected.mails.values()
    assert (mail.to, mail.decided_at) == ("ada@shoppers.example", at(40 + 45))


def test_a_person_is_who_is_named_with_her() -> None:
    phone, laptop = ({"customer_id": None, "anonymous_id": name} for name in ("phone", "laptop"))
    script = [
        replace(added(0), **phone),
        added(1, key="bob"),
        replace(added(2), **laptop),
        replace(profile(3), anonymous_id="phone"),
        replace(profile(4), anonymous_id="laptop"),
        replace(added(5), customer_id=None, anonymous_id="other"),
    ]
    people = by_person(script)
    assert [[each.at for each in hers] for hers in people] == [
        [at(minute) for minute in (0, 2, 3, 4)],
        [at(1)],
        [at(5)],
    ]
    assert merge(*people, until=START + DAY_MS) == script


def test_a_segment_is_left_at_midnight_and_not_looked_for_behind_the_end() -> None:
    """Her score halves at every midnight (UTC). The model is told where the demo ends, which changes nothing
    before."""
    gone = trigger("gone", {"leaves": "keen"}, kind="transactional")
    chosen = rule_set(
        gone,
        segments=[{"id": "keen", "when": "engagement.score >= 1.0"}],
        policy={"engagement": {"half_life": "1d", "points": {"product_viewed": 3}}},
    )
    script = [profile(), event(10, "product_viewed", product_id="p1")]
    decided = [(each.outcome, each.decided_at) for each in expect(script, chosen, END).decisions]
    assert decided == [("started", at(2 * DAY)), ("fired", at(2 * DAY))]
    assert len(expect(script, chosen, at(2 * DAY) + 1).decisions) == len(decided)
    assert expect(script, chosen, at(2 * DAY)).decisions == []
