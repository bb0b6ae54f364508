"""The library as it ships, whole: its triggers meet each other, its segments and its policy."""

from schemas.instants import DAY_MS
from services.triggers.folder import LIBRARY, check_folder
from tests.property.worlds import CART_EVENTS, LINED_ORDERS, ORDERS, PEOPLE, TEA, VIEWS, Happens, World

_CHECKED = check_folder(LIBRARY, texts=False)
assert _CHECKED.rule_set is not None, _CHECKED.errors
SHIPPED = _CHECKED.rule_set

ANSWERS: list[Happens] = [
    ("survey_answered", {"survey": survey, "answer": answer})
    for survey, answer in (
        ("cart-questions", "price"),
        ("cart-questions", "later"),
        ("activation", "price"),
        ("feedback", 1),
        ("feedback", "5"),
        ("first-impression", "bad"),
        ("preferences", "monthly"),
        ("preferences", "offers"),
        ("stay", "yes"),
    )
]
SERVICE: list[Happens] = [
    ("order_shipped", {"order_id": "o1", "tracking_number": "t1"}),
    ("order_delivered", {"order_id": "o1"}),
    ("order_delivered", {}),
    ("order_refunded", {"order_id": "o1"}),
    ("complaint_received", {"complaint_id": "k1", "compensate": True}),
    ("complaint_received", {}),
    ("complaint_resolved", {}),
    ("campaign_mailed", {}),
]
LOOKS: list[Happens] = [
    ("page_viewed", {"category": "pricing"}),
    ("page_viewed", {"category": "service"}),
    ("product_viewed", {"product_id": "p1", "category": "tea", "best_seller": True}),
    ("product_added", {"product_id": "p4", "price": 1200, "free_shipping_limit": 1500}),
]
NOTICES: list[Happens] = [
    ("product_notice", {"kind": "back_in_stock", "product_id": "p1"}),
    ("product_notice", {"kind": "price_drop", "product_id": "p1", "price": 3, "old_price": 4}),
    ("product_notice", {"kind": "price_drop", "product_id": "p2"}),
]
RELATIONS: list[Happens] = [
    ("content_downloaded", {"topic": "tea", "title": "Green or black"}),
    ("content_downloaded", {}),
    ("loyalty_level_reached", {"points": 1000, "level": "Gold"}),
    ("loyalty_points_expiring", {"points": 300}),
    ("order_completed", {"order_id": "o7", "total": 6000, "products": [TEA]}),
    ("order_cancelled", {"order_id": "o7"}),
    ("quiz_finished", {}),
    *[("email_sent", {"send_id": f"elsewhere-{number}"}) for number in range(3)],
    ("email_clicked", {"send_id": "elsewhere-1"}),
]
DAYS: list[Happens] = [
    ("profile_updated", {"birthday": "1988-03-09", "renews_at": "2026-03-18", "country": "TR"}),
    ("profile_updated", {"birthday": "1992-02-29", "renews_at": "2026-04-18T10:00:00Z", "country": "AZ"}),
    ("profile_updated", {"birthday": "soon", "renews_at": None, "time_zone": "Asia/Tokyo"}),
    ("subscription_renewed", {}),
    ("subscription_cancelled", {}),
]
CODES: list[Happens] = [
    ("offer_codes", {"pool": pool, "codes": [f"{pool}-1", f"{pool}-2"]})
    for pool in ("welcome", "cart", "category", "next-order", "complaint", "birthday", "win-back")
]
EVENTS = [*CART_EVENTS, *ORDERS, *LINED_ORDERS, *VIEWS, *PEOPLE, *ANSWERS, *SERVICE, *LOOKS, *CODES]
EVENTS += [*NOTICES, *RELATIONS, *DAYS]

QUIET: list[Happens] = [*LINED_ORDERS, *RELATIONS, *DAYS, *ANSWERS, *CODES]
"""After which there is much time: what is about days and silence comes months later."""

LIBRARY_WORLDS = {
    "library": World([SHIPPED], EVENTS, costs=3),
    "library-of-devices": World(
        [SHIPPED], [*EVENTS, ("customer_erased", {})], devices=True, partitions=2, costs=5
    ),
    "library-through-a-year": World([SHIPPED], QUIET, afterwards_ms=400 * DAY_MS, costs=10),
}
