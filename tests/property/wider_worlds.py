"""Worlds for what the small ones do not reach: every variable of conditions, bounds, offers, and hand-overs
between partitions that do not read at the same pace."""

from typing import Any

from schemas.instants import DAY_MS
from tests.model.play import mail, rule_set, trigger
from tests.property.worlds import (
    BOUGHT,
    BROWSE,
    BUYS,
    CART,
    CART_EVENTS,
    CHECKED,
    CONFIRM,
    EDITS,
    FILTERS,
    FULL_POLICY,
    LINED_ORDERS,
    NEWS,
    ORDERS,
    PEOPLE,
    SEGMENT_TRIGGERS,
    SEGMENTS,
    STEPS,
    TEA,
    VIEWED,
    VIEWS,
    Happens,
    World,
)

HURRIED: dict[str, Any] = {"wait": "10s", "on_edit": "migrate"}
FOR_STRANGERS = [
    trigger("quick", BUYS, kind="transactional", **HURRIED),
    trigger("named", BUYS, kind="transactional", audience="profile.first_name != null"),
    CONFIRM,
    NEWS,
    trigger("then", VIEWED, [mail("hello"), {"wait": "20s"}, mail("again")], priority=60),
]
FOR_STRANGERS_ANEW = [
    trigger("quick", BUYS, [{"wait": "5s"}, mail("hello")], kind="transactional", **HURRIED)
]
NAMED: list[Happens] = [
    ("profile_updated", {"email": "ada@example.com"}),
    ("profile_updated", {"first_name": "Ada"}),
    ("subscribed", {}),
    ("subscribed", {"email": "ada@example.com"}),
]
"""What a device may know before its customer does."""
READ_BY_SEGMENTS = {
    "aged": "cart.age > duration('5h')",
    "big": "cart.count >= 3 || cart.items.exists(i, i.product_id == 'p2')",
    "paying": "cart.currency == 'EUR' && now - cart.updated_at < duration('72h')",
    "looking": "views.count >= 2 && now - views.last_at < duration('72h')",
    "tea": "'tea' in views.categories && views.products[0] == 'p1' && views.items[0].price < 5.0",
    "looked-then": "views.items.exists(v, now - v.at > duration('24h'))",
    "busy": "session.views >= 2 || session.events > 3",
    "in-session": "now - session.started_at < duration('1h')",
    "mailed": "engagement.mails >= 1 && engagement.mails_since_click >= 1",
    "opening": "now - engagement.last_open_at < duration('24h')",
    "clicking": "engagement.last_click_at != null && engagement.score > 4.0",
    "low": "profile.preferences.mood == 'low'",
    "resting": "profile.paused",
    "tea-drinker": "orders.favourite_category == 'tea' && views.favourite_category != 'pots'",
    "potter": "'p2' in orders.products && orders.items.exists(i, i.quantity > 1 && i.category == 'pots')",
    "regular": "orders.last_at - orders.first_at > duration('24h') && size(orders.categories) > 1",
    "runs-out": "orders.replenish_at - now < duration('24h')",
    "out-of-tea": "orders.replenish_product.category == 'tea' && orders.replenish_product.product_id != 'p3'",
    "spending": "orders.total > 50.0 && orders.count > 0 && now - orders.last_at < duration('192h')",
    "newly-agreed": "now - consent.given_at < duration('48h')",
    "turkish": "consent.marketing_email && profile.country == 'TR' && profile.traits.points > 5",
    "seen": "now - activity.last_seen_at < duration('72h')",
}
ANSWERS: list[Happens] = [
    ("survey_answered", {"score": 1, "mood": "low"}),
    ("survey_answered", {"score": 5, "mood": None}),
    ("survey_answered", {"mood": "high"}),
]
READING = [
    *(
        trigger(f"{verb}-{name}", {verb: name}, kind="transactional")
        for name in READ_BY_SEGMENTS
        for verb in ("enters", "leaves")
    ),
    trigger("waits", VIEWED, wait="1h", unless=[{"event": "product_added", "where": "cart.value > 15.0"}]),
    trigger("beside", {"event": ["page_viewed"], "where": "runs['waits'].pending && !runs['x'].pending"}),
    trigger("many-segments", {"event": ["product_viewed"], "where": "size(segments) > 2"}),
    trigger(
        "in-time",
        {"event": ["product_added"], "where": "now - event.occurred_at < duration('30m')"},
        wait="1h",
        unless=[{"event": "order_completed", "where": "now - event.occurred_at < duration('30m')"}],
    ),
    trigger(
        "dear",
        {"event": ["product_viewed"], "where": "event.context.locale == 'tr'"},
        wait="20m",
        exit=[{"event": "order_completed", "where": "event.properties.total > start.properties.price"}],
        once_per="start.properties.product_id",
        audience="session.views < 4 && start.context.locale == 'tr' && 'seen' in segments",
    ),
    trigger("by-session", {"event": ["page_viewed"]}, once_per="session.started_at", kind="transactional"),
    trigger(
        "by-parts", {"event": ["checkout_started"]}, once_per="event.properties.parts", kind="transactional"
    ),
    trigger(
        "lines",
        {"event": ["order_completed"], "where": "orders.items[0].price < 5.0 && orders.items[0].at < now"},
        once_per="orders.products[0]",
        kind="transactional",
    ),
    trigger("by-total", BUYS, once_per="orders.total", kind="transactional"),
    trigger(
        "asks",
        {"event": ["subscribed"]},
        [
            {"wait_until": {"event": ["survey_answered"], "for": "1d"}},
            {"set": {"preferences": {"mood": {"value": "answer.properties.mood"}, "asked": True}}},
            {
                "choose": [
                    {
                        "if": "answer.context.locale == 'tr' && answer.properties.score > 2",
                        "then": [{"set": {"pause": "1d"}}, mail("good")],
                    },
                    {"if": "profile.paused", "then": [{"set": {"pause": "ended"}}]},
                    {"if": "profile.preferences.asked", "then": [mail("asked")]},
                ]
            },
            {"wait_until": {"time": "answer.occurred_at + duration('5h')"}},
            mail("later"),
        ],
    ),
    trigger(
        "day",
        {"date": "orders.last_at", "offset": 1, "at": "12:00", "repeat": "once"},
        audience="activity.last_seen_at > start.occurred_at - duration('72h')",
    ),
]

SEEN = [
    "orders.replenish_at",
    "orders.first_at",
    "string(size(orders.items)) + orders.products[1] + orders.favourite_category",
    "orders.products[0] + '/' + orders.categories[1] + '/' + orders.replenish_product.product_id",
]
"""What the occasions of a trigger tell of her orders."""
REPLENISHED = [
    trigger(
        "replenish",
        {"date": "orders.replenish_at", "offset": 0, "at": "09:00", "repeat": "once"},
        [mail("more"), {"wait": "1d"}, mail("still")],
        exit=[
            {
                "event": "order_completed",
                "where": "event.properties.products.exists(p, p.product_id == start.properties.product_id)",
            }
        ],
    ),
    trigger(
        "replenish-early",
        {"date": "orders.replenish_at", "offset": -1, "at": "18:30", "repeat": "once"},
        once_per="start.properties.product_id + start.properties.date",
        kind="transactional",
        audience="size(start.properties.products) == 1 || start.properties.products[1].category == 'tea'",
    ),
    trigger(
        "replenish-pots",
        {
            "date": "orders.replenish_product.category == 'tea' ? orders.replenish_at : null",
            "offset": 3,
            "at": "00:30",
            "repeat": "once",
        },
        kind="transactional",
        audience="orders.replenish_at != null",
    ),
    trigger(
        "every-year",
        {"date": "orders.replenish_at", "offset": 0, "at": "10:00", "repeat": "yearly"},
        kind="transactional",
    ),
    trigger("runs-out", {"enters": "runs-out"}, kind="transactional"),
    trigger("has-enough", {"leaves": "runs-out"}, kind="transactional"),
    trigger(
        "again", BUYS, wait="1h", kind="transactional", audience="orders.replenish_product.quantity == 1"
    ),
    *(
        trigger(f"sees-{number}", BUYS, once_per=read, kind="transactional")
        for number, read in enumerate(SEEN)
    ),
]
REPLENISHED_EVENTS: list[Happens] = [
    *(*LINED_ORDERS, *LINED_ORDERS[:1] * 3),
    ("order_completed", {"products": [TEA | {"consumable_days": None}, FILTERS | {"consumable_days": 2}]}),
    ("order_completed", {"products": [{"product_id": "p9", "category": "tea", "consumable_days": 9}]}),
    ("order_completed", {"products": [{"sku": "p0", "consumable_days": 1, "quantity": 3}]}),
    ("profile_updated", {"time_zone": "America/New_York"}),
    ("page_viewed", {}),
]

BOUNDED = [
    trigger("many", VIEWED, wait="1h", once_per="event.properties.section", kind="transactional"),
    trigger(
        "by-category",
        {
            "count": ["product_viewed"],
            "per": "event.properties.category",
            "within": "1d",
            "at_least": 2,
        },
        kind="transactional",
    ),
    trigger("after", {"inactive": "5h", "after": "t3"}, kind="transactional"),
    trigger("views", {"event": ["asked"], "where": "size(views.items) == 20"}, kind="transactional"),
    trigger("first", {"event": ["asked"], "where": "views.categories[0] == 'v0'"}, kind="transactional"),
    trigger("counted", {"event": ["asked"], "where": "views.count > 100"}, kind="transactional"),
    trigger(
        "compared",
        {"event": ["asked"]},
        kind="transactional",
        exit=[{"event": "order_completed", "where": "event.properties.order_id == start.properties.order"}],
    ),
]
BOUNDED_EVENTS: list[Happens] = [
    ("page_viewed", {"section": "v1"}),
    ("page_viewed", {"section": "v39"}),
    ("product_viewed", {"category": "v1"}),
    ("product_viewed", {"category": "v69"}),
    ("t3", {}),
    ("t80", {}),
    ("asked", {"order": "v1"}),
    ("asked", {"order": "v39"}),
    ("order_completed", {"order_id": "v1"}),
]

OFFERED = {"code": "TEN", "value": "10%", "valid_for": "2d"}
OFFERS = [
    trigger("one", VIEWED, [mail("a", offer=OFFERED, **{"else": "b"})]),
    trigger("two", {"event": ["product_viewed"]}, [mail("c", offer=OFFERED, **{"else": "d"})], wait="1h"),
    trigger(
        "pooled",
        {"event": ["signed_up"]},
        [mail("e", offer={"pool": "p", "value": "5%", "valid_for": "1d"}, **{"else": "f"})],
    ),
    CONFIRM,
    trigger("often", {"enters": "on-offer"}, kind="transactional"),
]
ON_OFFER = {"id": "on-offer", "when": "orders.on_offer >= 2"}
CODES: list[Happens] = [
    ("offer_codes", {"pool": "p", "codes": ["A1"]}),
    ("offer_codes", {"pool": "p", "codes": ["B1", "A1", "B2"]}),
    ("offer_codes", {"pool": "unused", "codes": ["C1"]}),
]
OFFERING = {"offers": {"at_most": 2, "within": "3d", "trained_after": 2}, "holdout": 500}

TRAVELLING = [
    *(CART, BROWSE, NEWS, *STEPS[:2], *SEGMENT_TRIGGERS[:2], CHECKED[3]),
    trigger("once-more", BUYS, wait="1h", exit=BOUGHT, kind="transactional"),
    trigger(
        "interest",
        {"count": ["product_viewed"], "within": "1d", "at_least": 3, "per": "event.properties.product_id"},
        unless=BOUGHT,
    ),
    trigger("quiet", {"inactive": "1d"}, kind="transactional"),
    trigger("counts", {"event": ["checkout_started"], "where": "orders.count + views.count > 2"}),
    trigger(
        "never-bought",
        {
            "event": ["page_viewed"],
            "where": "orders.products[0] == 'p1' && orders.favourite_category == 'tea'",
        },
        once_per="orders.first_at",
    ),
]
OTHER_POLICY = {name: FULL_POLICY[name] for name in ("caps", "quiet_hours", "offers")}
MOVED = [
    *(BROWSE | {"on_edit": "migrate", "wait": "45m"}, NEWS | {"on_edit": "drain"}, CART, *STEPS[:1]),
    *(one | {"status": "paused"} for one in SEGMENT_TRIGGERS[:1]),
]
TRAVELLING_EVENTS: list[Happens] = [
    *(
        *CART_EVENTS[:2],
        CART_EVENTS[-1],
        *ORDERS,
        *LINED_ORDERS,
        *VIEWS,
        *PEOPLE,
        ("page_viewed", {"section": "a"}),
    ),
    *(*ANSWERS, ("customer_erased", {})),
]

WIDER_WORLDS: dict[str, World] = {
    "variables": World(
        [
            rule_set(
                *READING, segments=[{"id": name, "when": when} for name, when in READ_BY_SEGMENTS.items()]
            )
        ],
        [
            *(*CART_EVENTS, *ORDERS, *LINED_ORDERS, *VIEWS, *PEOPLE, *ANSWERS, ("campaign_mailed", {})),
            ("product_added", {"product_id": "p3", "price": 3, "quantity": 3, "currency": "EUR"}),
            ("order_completed", {"total": 60}),
            ("checkout_started", {"parts": [1, 2]}),
            ("checkout_started", {"parts": 1.5}),
        ],
        context={"locale": "tr"},
        costs=3,
    ),
    "replenishment": World(
        [rule_set(*REPLENISHED, segments=[{"id": "runs-out", "when": READ_BY_SEGMENTS["runs-out"]}])],
        REPLENISHED_EVENTS,
        devices=True,
        partitions=2,
        afterwards_ms=25 * DAY_MS,
        costs=2,
    ),
    "bounds": World(
        [rule_set(*BOUNDED)],
        BOUNDED_EVENTS,
        floods=[
            ("page_viewed", "section"),
            ("product_viewed", "category"),
            ("order_completed", "order_id"),
            ("t{}", "number"),
        ],
        costs=5,
    ),
    "offers": World(
        [rule_set(*OFFERS, segments=[ON_OFFER], policy=OFFERING)],
        [*VIEWS, *ORDERS, *PEOPLE[:3], *CODES],
        devices=True,
        partitions=2,
    ),
    "travelling": World(
        [
            rule_set(*TRAVELLING, segments=SEGMENTS[:1]),
            rule_set(*MOVED, segments=SEGMENTS[:1], policy=OTHER_POLICY),
        ],
        TRAVELLING_EVENTS,
        devices=True,
        partitions=2,
        costs=2,
    ),
    "strangers": World(
        [rule_set(*FOR_STRANGERS), rule_set(*FOR_STRANGERS[1:], *FOR_STRANGERS_ANEW)],
        [*ORDERS, VIEWS[2], *NAMED, NAMED[0], NAMED[0]],
        devices=True,
        partitions=2,
        strangers=True,
    ),
    "edits-while-travelling": World(EDITS, [*VIEWS, *ORDERS, *PEOPLE[3:5]], devices=True, partitions=2),
}
