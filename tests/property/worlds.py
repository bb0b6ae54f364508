"""Rule sets and the events that may happen under them: one small world for each part of the contract."""

from dataclasses import dataclass, field
from typing import Any

from schemas.instants import DAY_MS
from schemas.rule_set import RuleSet
from tests.contract import rule_files
from tests.model.play import mail, rule_set, trigger

Happens = tuple[str, dict[str, Any]]

BOUGHT = [{"event": "order_completed"}]
CART_EVENTS: list[Happens] = [
    ("product_added", {"product_id": "p1", "price": 10.0, "quantity": 1}),
    ("product_added", {"product_id": "p2", "price": 700, "cart_id": "k"}),
    ("product_removed", {"product_id": "p1"}),
    ("cart_updated", {"products": [{"product_id": "p3", "price": 5.5}]}),
    ("cart_updated", {"products": []}),
    ("cart_emptied", {}),
    ("checkout_started", {}),
]
ORDERS: list[Happens] = [
    ("order_completed", {"order_id": "o1", "total": 49.5}),
    ("order_completed", {"total": 3}),
]
TEA = {"product_id": "p1", "category": "tea", "price": "4", "consumable_days": 2}
POT = {"sku": "p2", "category": "pots", "name": "Pot", "quantity": 2}
FILTERS = {"product_id": "p3", "category": "tea", "consumable_days": 5}
LINED_ORDERS: list[Happens] = [
    ("order_completed", {"total": 4, "products": [TEA]}),
    ("order_completed", {"order_id": "o3", "products": [POT, TEA]}),
    ("order_completed", {"products": [FILTERS, {"name": "Gift"}, "none", POT]}),
]
VIEWS: list[Happens] = [
    ("product_viewed", {"product_id": "p1", "category": "tea", "price": 4}),
    ("product_viewed", {"product_id": "p2", "category": "pots"}),
    ("page_viewed", {}),
]
PEOPLE: list[Happens] = [
    ("signed_up", {"source": "store"}),
    ("subscribed", {}),
    ("unsubscribed", {}),
    ("profile_updated", {"born": "1990-03-20", "country": "TR", "points": 600}),
    ("profile_updated", {"email": "other@example.com", "time_zone": "America/New_York"}),
    ("profile_updated", {"consent": {"marketing_email": False}}),
]
VIEWED = {"event": ["page_viewed"]}
BUYS = {"event": ["order_completed"]}


@dataclass(frozen=True)
class World:
    """Rule sets that markers switch between (the first holds from the start) and what may happen."""

    rule_sets: list[RuleSet]
    events: list[Happens]
    devices: bool = False
    partitions: int = 1
    floods: list[tuple[str, str]] = field(default_factory=list)
    """Event types (`{}` is the number of the event) and the property that numbers them."""
    afterwards_ms: int = 10 * DAY_MS
    costs: int = 1
    """How much longer than others a history takes: so many times fewer are played."""
    context: dict[str, Any] = field(default_factory=dict)
    """Of every event."""
    profile: dict[str, Any] = field(default_factory=lambda: {"consent": {"marketing_email": True}})
    strangers: bool = False
    """Of the customers nothing is known beforehand, not even an address."""


CART = trigger(
    "cart",
    {"event": ["product_added", "cart_updated", "checkout_started"], "where": "cart.value > 0.0"},
    [mail("reminder"), {"wait": "1d"}, mail("last-call")],
    wait="45m",
    unless=[*BOUGHT, {"event": "cart_emptied"}],
    exit=[*BOUGHT, {"event": "cart_emptied"}],
    once_per="cart.id",
    cooldown="7d",
)
BROWSE = trigger(
    "browse",
    {"event": ["product_viewed"]},
    [mail("seen"), {"wait": "5h"}, mail("seen-again")],
    wait="20m",
    unless=[{"event": "order_completed", "where": "event.properties.total >= start.properties.price"}],
    exit=[{"event": "unsubscribed"}, {"event": "product_added"}],
)
CONFIRM = trigger(
    "confirm", BUYS, [mail("thanks")], kind="transactional", once_per="event.properties.order_id"
)
NEWS = trigger("news", VIEWED)


def _library() -> RuleSet:
    forms = [case.read().form for case in rule_files.good() if case.kind == "trigger"]
    live = [form for form in forms if form["status"] == "live" and "cart" in form["id"]]
    return rule_set(*live)


def _corpus(policy: str) -> RuleSet:
    files = rule_files.good()
    forms = {
        kind: [case.read().form for case in files if case.kind == kind] for kind in ("trigger", "segment")
    }
    policies = {case.path.stem: case.read().form for case in files if case.kind == "policy"}
    return rule_set(*forms["trigger"], segments=forms["segment"], policy=policies[policy])


CORPUS_EVENTS: list[Happens] = [
    *CART_EVENTS,
    *ORDERS,
    *VIEWS,
    *PEOPLE,
    ("survey_answered", {"survey": "first-impression", "score": 1}),
    ("survey_answered", {"survey": "cart", "reason": "price"}),
    ("complaint_received", {}),
    ("complaint_resolved", {}),
    ("order_shipped", {"tracking_number": "t", "order_id": "o1"}),
    ("order_delivered", {"order_id": "o1"}),
    ("order_refunded", {"order_id": "o1"}),
    ("product_notice", {"kind": "price_drop", "product_id": "p1", "price": 3}),
    ("page_viewed", {"section": "pricing"}),
    ("content_read", {"topic": "tea"}),
    ("order_completed", {"order_id": "o2", "total": 20000.0, "items": [{"category": "cameras"}]}),
]
SEGMENTS = [
    {"id": "fresh", "when": "now - activity.last_seen_at <= duration('48h')"},
    {"id": "keen", "when": "engagement.score >= 5.0"},
    {"id": "loaded", "when": "cart.value > 100 && now - cart.updated_at > duration('5h')"},
    {"id": "buyer", "when": "orders.count >= 2"},
]
SEGMENT_TRIGGERS = [
    trigger("fresh-in", {"enters": "fresh"}, kind="transactional"),
    trigger("fresh-out", {"leaves": "fresh"}, kind="transactional", exit=[{"event": "page_viewed"}]),
    trigger("keen-out", {"leaves": "keen"}, wait="1h"),
    trigger("loaded-in", {"enters": "loaded"}, audience="'fresh' in segments"),
    trigger("buyer-in", {"enters": "buyer"}, once_per="'once'"),
]

FULL_POLICY = {
    "time_zone": "Europe/Istanbul",
    "arbitration_hold": "10m",
    "holdout": 1000,
    "caps": [{"at_most": 2, "within": "1d", "on_sale_days": 3}, {"at_most": 4, "within": "7d"}],
    "offers": {"at_most": 1, "within": "3d", "trained_after": 2},
    "quiet_hours": {"from": "22:00", "to": "08:00"},
    "calendar": {
        "blackouts": [{"from": "2026-03-03T06:00:00.000Z", "to": "2026-03-03T12:00:00.000Z"}],
        "sale_days": [{"from": "2026-03-04T00:00:00.000Z", "to": "2026-03-06T00:00:00.000Z"}],
        "campaigns": [{"id": "spring", "at": "2026-03-12T09:00:00.000Z"}],
    },
}
OFFER = {"code": "TEN", "value": "10%", "valid_for": "2d"}
CHECKED = [
    trigger("high", VIEWED, [mail("a"), {"wait": "5h"}, mail("b")], priority=80, cooldown="1d"),
    trigger("low", VIEWED, [mail("c", offer=OFFER) | {"else": "d"}], wait="20m", exit=BOUGHT),
    trigger("shadowy", VIEWED, status="shadow", wait="1h", cooldown="3d"),
    trigger(
        "tried",
        {"event": ["product_viewed"]},
        [{"mail": {"x": "e", "y": "f"}, "id": "e"}],
        wait={"x": "45m", "y": "1h"},
        experiment={"holdout": 2000, "variants": {"x": 5000, "y": 5000}},
        unless=BOUGHT,
    ),
    CONFIRM,
]
STEPS = [
    trigger(
        "survey",
        VIEWED,
        [
            {
                "wait_until": {
                    "event": ["survey_answered"],
                    "where": "event.properties.score > 0",
                    "for": "1d",
                }
            },
            {
                "choose": [
                    {"if": "answer == null", "then": [mail("silence"), {"wait": "5h"}, mail("still-silent")]},
                    {
                        "if": "answer.properties.score < 3",
                        "then": [
                            {"set": {"preferences": {"mood": {"value": "answer.properties.score"}}}},
                            {
                                "choose": [
                                    {"if": "orders.count > 0", "then": [mail("sorry")]},
                                    {"then": [{"exit": True}]},
                                ]
                            },
                        ],
                    },
                ]
            },
            {"wait_until": {"at": "08:00"}},
            {"skip_if": "profile.traits.points > 100"},
            mail("after"),
            {"goal": [{"event": "order_completed", "where": "event.properties.total > 5"}], "id": "bought"},
            {"wait": "1h"},
            mail("bought-thanks"),
            {"set": {"pause": "3d"}},
        ],
        once_per="event.properties.section",
    ),
    trigger(
        "until",
        {"event": ["subscribed"]},
        [{"wait_until": {"time": "orders.last_at + duration('5h')"}}, mail("then")],
    ),
    trigger(
        "resting",
        {"event": ["rest_asked"]},
        [
            {"set": {"pause": "until_resumed"}},
            {"wait": "1d"},
            {"set": {"pause": "ended", "marketing_email": False}},
        ],
    ),
    trigger("super", {"event": ["signed_up"]}, [{"wait": "1h"}, mail("hi")], supersedes=["survey", "until"]),
]
STEP_EVENTS: list[Happens] = [
    ("page_viewed", {"section": "a"}),
    ("page_viewed", {}),
    ("survey_answered", {"score": 1}),
    ("survey_answered", {"score": 5}),
    ("survey_answered", {"score": 0}),
    ("rest_asked", {}),
    ("subscribed", {}),
    ("signed_up", {}),
    ("profile_updated", {"points": 600}),
    *ORDERS,
]


def _series(on_edit: str, wait: str, second: str, **more: Any) -> dict[str, Any]:
    steps = [mail("one"), {"wait": wait}, mail(second), {"wait": "1h"}, mail("last")]
    form: dict[str, Any] = trigger("series", VIEWED, steps, wait="45m", on_edit=on_edit, exit=BOUGHT, **more)
    return form


EDITS = [
    rule_set(_series("pin", "5h", "two"), trigger("quiet", {"inactive": "1d"})),
    rule_set(_series("migrate", "1d", "three"), trigger("quiet", {"inactive": "5h"}), NEWS),
    rule_set(
        _series("drain", "1h", "two", status="live"),
        trigger("birthday", {"date": "profile.traits.born", "offset": 0, "at": "09:00", "repeat": "yearly"}),
    ),
    rule_set(
        _series("pin", "5h", "two", status="paused"),
        {**trigger("quiet", {"inactive": "1d"}), "status": "paused"},
    ),
    rule_set(
        trigger("in", {"enters": "fresh", "start_with_existing": True, "spread": "5h"}),
        trigger("out", {"leaves": "keen"}),
        segments=SEGMENTS,
    ),
    rule_set(
        _series("pin", "5h", "two", status="draft"), segments=[{"id": "fresh", "when": "orders.count >= 1"}]
    ),
]

WORLDS: dict[str, World] = {
    "absence": World([rule_set(CART, BROWSE, CONFIRM)], [*CART_EVENTS, *ORDERS, *VIEWS, *PEOPLE[1:3]]),
    "shipped-carts": World([_library()], [*CART_EVENTS, *ORDERS, *VIEWS]),
    "event": World(
        [
            rule_set(
                trigger("welcome", {"event": ["signed_up", "subscribed"]}, once_per="'welcome'"),
                trigger("any", {"event": ["page_viewed"], "where": "event.properties.section == 'a'"}),
                CONFIRM,
            )
        ],
        [*ORDERS, *PEOPLE, ("page_viewed", {"section": "a"}), ("page_viewed", {})],
    ),
    "threshold": World(
        [
            rule_set(
                trigger(
                    "interest",
                    {
                        "count": ["product_viewed"],
                        "where": "has(event.properties.category)",
                        "per": "event.properties.category",
                        "within": "1d",
                        "at_least": 2,
                    },
                    unless=BOUGHT,
                    wait="1h",
                ),
                trigger(
                    "spender",
                    {
                        "sum": "event.properties.total",
                        "of": ["order_completed"],
                        "within": "3d",
                        "at_least": 100,
                    },
                ),
                trigger(
                    "pages", {"count": ["page_viewed"], "within": "1h", "at_least": 2}, once_per="cart.id"
                ),
            )
        ],
        [*VIEWS, *ORDERS],
    ),
    "inactivity": World(
        [
            rule_set(
                trigger("quiet", {"inactive": "2d"}, kind="transactional"),
                trigger("never-back", {"inactive": "1d", "after": "signed_up"}, wait="1h", exit=BOUGHT),
            )
        ],
        [*VIEWS[2:], *PEOPLE, *ORDERS],
    ),
    "date": World(
        [
            rule_set(
                trigger(
                    "birthday",
                    {"date": "profile.traits.born", "offset": 0, "at": "09:00", "repeat": "yearly"},
                ),
                trigger(
                    "soon",
                    {"date": "profile.traits.renews", "offset": -7, "at": "18:30", "repeat": "once"},
                    kind="transactional",
                ),
                trigger(
                    "after-order",
                    {"date": "orders.last_at", "offset": 3, "at": "02:30", "repeat": "once"},
                    kind="transactional",
                ),
                trigger(
                    "eid",
                    {
                        "date": {"holiday": "Eid al-Fitr", "country": "TR"},
                        "offset": -7,
                        "at": "11:00",
                        "repeat": "yearly",
                    },
                ),
                trigger(
                    "feast",
                    {"date": {"holiday": {"TR": "Eid al-Fitr", "AZ": "Spring Festival"}}, "repeat": "yearly"},
                ),
            )
        ],
        [
            *ORDERS,
            *PEOPLE[3:5],
            ("profile_updated", {"country": "AZ"}),
            ("profile_updated", {"country": "DE"}),
            ("profile_updated", {"renews": "2026-03-20T10:00:00Z"}),
            ("profile_updated", {"renews": "soon"}),
            ("profile_updated", {"renews": "2026-03-10"}),
        ],
        afterwards_ms=30 * DAY_MS,
    ),
    "segment": World(
        [rule_set(*SEGMENT_TRIGGERS, segments=SEGMENTS)],
        [*CART_EVENTS[:3], *ORDERS, *VIEWS],
        afterwards_ms=40 * DAY_MS,
    ),
    "checks": World(
        [rule_set(*CHECKED, policy=FULL_POLICY)], [*VIEWS, *ORDERS, ("campaign_mailed", {}), *PEOPLE[3:]]
    ),
    "steps": World([rule_set(*STEPS)], STEP_EVENTS),
    "edits": World(EDITS[:4], [*VIEWS, *ORDERS, PEOPLE[3]]),
    "edits-of-segments": World(EDITS, [*VIEWS, *ORDERS, PEOPLE[3]]),
    "devices": World(
        [
            rule_set(CART, CONFIRM, NEWS, SEGMENT_TRIGGERS[0], segments=SEGMENTS[:1]),
            rule_set(_series("migrate", "5h", "two"), CART, trigger("quiet", {"inactive": "1d"})),
        ],
        [*CART_EVENTS[:2], *ORDERS, *VIEWS, *PEOPLE, ("customer_erased", {})],
        devices=True,
        partitions=2,
    ),
    "erasure": World([rule_set(CART, NEWS, CONFIRM)], [*CART_EVENTS[:2], *VIEWS, ("customer_erased", {})]),
    "corpus": World([_corpus("full")], CORPUS_EVENTS, costs=5),
    "corpus-of-two-policies": World([_corpus("full"), _corpus("calm")], CORPUS_EVENTS, costs=5),
    "corpus-of-devices": World(
        [_corpus("small")], [*CORPUS_EVENTS, ("customer_erased", {})], devices=True, partitions=2, costs=5
    ),
}
