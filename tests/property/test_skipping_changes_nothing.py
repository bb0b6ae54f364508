"""Segments and watches are looked at only where an event can have changed them. A customer for whom all of
them are looked at after every event must be in the same segments at all times, and start the same runs.
The same goes for flips that are not worked out at each event, as events can only put them off."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.instants import HOUR_MS
from tests.unit.trigger_engine.core.history import History, rules_of
from trigger_engine.core.durations import format_duration
from trigger_engine.core.rules import Rules
from trigger_engine.core.touches import Touched, Touches

CONDITIONS = {
    "buyer": "orders.count > 0",
    "big-cart": "cart.value > 15.0",
    "old-cart": "cart.count > 0 && cart.age > duration('5h')",
    "keen": "now - activity.last_seen_at < duration('20h')",
    "idle-buyer": "orders.count > 0 && now - activity.last_seen_at >= duration('10h')",
    "lost": "orders.count > 0 && now - orders.last_at > duration('48h')",
    "looker": "views.count > 2 && 'shoes' in views.categories",
    "recent-looker": "views.count > 0 && now - views.last_at < duration('7h')",
    "in-session": "session.events > 2",
    "scored": "engagement.score >= 4.0",
    "scored-and-seen": "engagement.score > 1.0 && now - activity.last_seen_at > duration('30h')",
    "unmoved": "engagement.mails_since_click >= 2",
    "clicked": "engagement.last_click_at != null && now - engagement.last_click_at < duration('9h')",
    "opener": "engagement.last_open_at != null",
    "agreed": "consent.marketing_email",
    "newly-agreed": "now - consent.given_at < duration('9h')",
    "on-offer": "orders.on_offer >= 1",
    "turkish": "profile.country == 'TR' && profile.email != null",
    "grown-up": "profile.traits.age >= 18.0",
    "paused": "profile.paused",
    "slow": "has(profile.preferences.pace)",
    "runs-out": "orders.replenish_at - now < duration('30h')",
    "out-of-p": "orders.replenish_product.product_id == 'p' && now - orders.last_at > duration('1h')",
    "afternoon": "now.getHours() >= 12 && orders.count > 0",
}
TRIGGER = """
id: {kind}-{segment}
status: live
kind: transactional
when: {{{kind}: {segment}}}
steps: [{{wait: 1h}}, {{mail: mail}}]
"""
OTHERS = (
    """
id: pause
status: live
kind: transactional
when: {event: feedback_given}
steps: [{set: {pause: 6h}}, {wait: 3h}, {set: {preferences: {pace: slow}}}]
""",
    """
id: idle
status: live
kind: transactional
when: {inactive: 15h}
steps: [{mail: mail}]
""",
    """
id: idle-after
status: live
kind: transactional
when: {inactive: 11h, after: email_sent}
steps: [{mail: mail}]
""",
    """
id: birthday
status: live
kind: transactional
when: {date: profile.traits.birthday, repeat: yearly}
steps: [{mail: mail}]
""",
    """
id: replenish
status: live
kind: transactional
when: {date: "'buyer' in segments ? orders.last_at : null", offset: 1d}
steps: [{mail: mail}]
""",
    """
id: runs-out
status: live
kind: transactional
when: {date: orders.replenish_at, offset: -1d}
steps: [{mail: mail}]
""",
    """
id: feast
status: live
kind: transactional
when: {date: {holiday: Eid al-Fitr, country: TR}, offset: -17d, repeat: once}
steps: [{mail: mail}]
""",
)


class Everything(Touches):
    """Whatever comes may have changed anything."""

    def of(self, event_type: str) -> Touched | None:
        return self.all


def rules() -> Rules:
    triggers = [
        TRIGGER.format(kind=kind, segment=name) for name in CONDITIONS for kind in ("enters", "leaves")
    ]
    return rules_of(*triggers, *OTHERS, segments=CONDITIONS)


def looking_at_everything() -> Rules:
    found = rules()
    points = found.policy.engagement.points
    for segment in found.segments:
        segment.puts_off = False
    found.touches = Everything(found.segments, found.inactivity, found.dates, points)
    return found


SKIPPING, EVERYTHING = rules(), looking_at_everything()


@dataclass(frozen=True)
class Step:
    """An event, `quarters` of an hour after the one before, that happened `age` quarters earlier, and was
    received `early` quarters before that, as a spool may deliver it."""

    type: str
    quarters: int
    age: int
    early: int
    backfill: bool
    properties: tuple[tuple[str, Any], ...]


def properties_of(*choices: dict[str, Any]) -> st.SearchStrategy[tuple[tuple[str, Any], ...]]:
    return st.sampled_from([tuple(choice.items()) for choice in choices])


PRODUCT = {"product_id": "p", "price": 9, "category": "shoes"}
EVENTS = st.one_of(
    st.tuples(st.just("product_viewed"), properties_of(PRODUCT, {"category": "hats"})),
    st.tuples(st.sampled_from(["product_added", "product_removed"]), properties_of(PRODUCT)),
    st.tuples(
        st.just("cart_updated"), properties_of({"products": [{**PRODUCT, "quantity": 3}]}, {"products": []})
    ),
    st.tuples(st.just("checkout_started"), properties_of({}, {"email": "b@example.com"})),
    st.tuples(
        st.just("order_completed"),
        properties_of(
            {"total": 5},
            {"total": 5, "email": "b@example.com"},
            {"products": [{"product_id": "p", "consumable_days": 3}]},
            {"products": [{"product_id": "q", "consumable_days": 4}, {"product_id": "p"}]},
        ),
    ),
    st.tuples(
        st.sampled_from(["email_sent", "email_opened", "email_clicked", "own_event", "page_viewed"])
        | st.sampled_from(
            ["feedback_given", "cart_emptied", "unsubscribed", "order_shipped", "campaign_mailed"]
        ),
        properties_of({}),
    ),
    st.tuples(
        st.sampled_from(["profile_updated", "signed_up", "subscribed"]),
        properties_of(
            {"country": "TR"},
            {"country": None, "age": 17},
            {"age": 18, "birthday": "2000-03-03"},
            {"birthday": "2000-03-04", "time_zone": "Asia/Baku"},
            {"consent": {"marketing_email": False}},
        ),
    ),
)
STEPS = st.lists(
    st.builds(
        lambda event, quarters, age, early, backfill: Step(
            event[0], quarters, age, early, backfill, event[1]
        ),
        EVENTS,
        st.one_of(st.integers(0, 8), st.integers(0, 200)),
        st.one_of(st.just(0), st.integers(0, 40), st.integers(90, 120)),
        st.sampled_from([0, 0, 0, 0, 0, 0, 3, 30]),
        st.sampled_from([False] * 9 + [True]),
    ),
    max_size=20,
)


def offset(quarters: int) -> str:
    text = format_duration(abs(quarters) * HOUR_MS // 4)
    return f"-{text}" if quarters < 0 else text


@settings(max_examples=100, deadline=None)
@given(STEPS, st.booleans())
def test_skipping_changes_neither_membership_nor_starts(steps: list[Step], known: bool) -> None:
    skipping, everything = (History(rules=each, known=known) for each in (SKIPPING, EVERYTHING))
    now = 0
    for number, step in enumerate(steps):
        now += step.quarters
        lines = []
        for history in (skipping, everything):
            lines.append(
                history.event(
                    step.type,
                    offset(now - step.age),
                    id=f"x{number}",
                    received=offset(now - step.early),
                    backfill=step.backfill,
                    **dict(step.properties),
                )
            )
            history.forget_nothing()
        assert lines[0] == lines[1], (number, step)
        assert skipping.state.segments == everything.state.segments, (number, step)
        assert planned(skipping) == planned(everything), (number, step)
    assert skipping.until(offset(now + 4000)) == everything.until(offset(now + 4000))
    assert skipping.state.segments == everything.state.segments


def planned(history: History) -> list[tuple[str, int, str]]:
    return [(watch.trigger_id, watch.due_at, watch.occasion) for watch in sorted_watches(history)]


def sorted_watches(history: History) -> list[Any]:
    return sorted(history.state.watches, key=lambda watch: watch.trigger_id)
