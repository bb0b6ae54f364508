"""The library as it ships, whole: its triggers meet each other, its segments and its policy."""

from services.triggers.folder import LIBRARY, check_folder
from tests.property.worlds import CART_EVENTS, LINED_ORDERS, ORDERS, PEOPLE, VIEWS, Happens, World

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
CODES: list[Happens] = [
    ("offer_codes", {"pool": pool, "codes": [f"{pool}-1", f"{pool}-2"]})
    for pool in ("welcome", "cart", "category", "next-order", "complaint")
]
EVENTS = [*CART_EVENTS, *ORDERS, *LINED_ORDERS, *VIEWS, *PEOPLE, *ANSWERS, *SERVICE, *LOOKS, *CODES]

LIBRARY_WORLDS = {
    "library": World([SHIPPED], EVENTS, costs=3),
    "library-of-devices": World(
        [SHIPPED], [*EVENTS, ("customer_erased", {})], devices=True, partitions=2, costs=5
    ),
}
