"""Event types: the names that Segment's callers use, as ours; and the names nobody outside may use.

Ours are snake_case (`Product Added` → `product_added`). Segment's first e-commerce spec put the verb
first (`Added Product`); those names mean today's (segment.com/docs/connections/spec/ecommerce/v2).
"""

import re
import unicodedata
from functools import lru_cache

from ingest.core.outcomes import Unacceptable
from schemas.event import CONTROL_TYPES, HANDOVER_TYPES, OFFER_CODES, PRODUCT_NOTICE
from schemas.product import PRODUCT_TYPES

_ALIASES = {
    "viewed_product_category": "product_list_viewed",
    "viewed_product": "product_viewed",
    "clicked_product": "product_clicked",
    "added_product": "product_added",
    "removed_product": "product_removed",
    "started_order": "checkout_started",
    "viewed_checkout_step": "checkout_step_viewed",
    "completed_checkout_step": "checkout_step_completed",
    "product_added_to_wishlist": "product_wished",
    "product_removed_from_wishlist": "product_unwished",
    "added_product_to_wishlist": "product_wished",
    "removed_product_from_wishlist": "product_unwished",
    "completed_order": "order_completed",
    "updated_order": "order_updated",
    "order_canceled": "order_cancelled",
    "viewed_promotion": "promotion_viewed",
    "clicked_promotion": "promotion_clicked",
    "email_link_clicked": "email_clicked",
}
FEEDBACK_TYPES = frozenset(
    f"email_{status}"
    for status in (
        "sent",
        "cancelled",
        "expired",
        "suppressed",
        "failed",
        "bounced",
        "ambiguous",
        "complained",
    )
)
"""What became of our mails, as the sender tells the engine; from outside it could free a cap slot or fake a
mail. That a mail was opened or clicked changes neither, and other tools' mails are clicked, too."""

RESERVED_TYPES = CONTROL_TYPES | FEEDBACK_TYPES | HANDOVER_TYPES | PRODUCT_TYPES | {PRODUCT_NOTICE}

_WAYS = dict.fromkeys(PRODUCT_TYPES, ": send the product to /v1/products") | {
    OFFER_CODES: ": send the codes to /v1/offer-codes"
}
"""Where to send what was meant by a reserved type."""

_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NAME_LENGTH_MAX = 200
_PLAIN_LETTERS = str.maketrans({"ı": "i", "ə": "e", "Ə": "E", "ø": "o", "ß": "ss", "æ": "ae"})


def type_of_name(name: object) -> str:
    """The event type of a `track` call's event name. Raises Unacceptable: `bad_type`, `reserved_type`."""
    if not isinstance(name, str) or not name.strip():
        raise Unacceptable("bad_type", "a track call needs `event`, the name of what happened")
    if len(name) > _NAME_LENGTH_MAX:
        raise Unacceptable("bad_type", f"the event name has more than {_NAME_LENGTH_MAX} characters")
    return _type_of_text(name)


@lru_cache(maxsize=4096)
def _type_of_text(name: str) -> str:
    snake = snake_case(name)
    if not _TYPE.fullmatch(snake):
        raise Unacceptable(
            "bad_type",
            f"no event type can be made of the name {name[:60]!r}: it must begin with a Latin letter"
            " and make at most 64 letters, digits and underscores",
        )
    return free_type(_ALIASES.get(snake, snake))


def native_type(value: object) -> str:
    """The type of a native event, which must be one already. Raises as `type_of_name`."""
    if not isinstance(value, str):
        raise Unacceptable("bad_type", "an event needs `type`, a text as `product_added`")
    if not _TYPE.fullmatch(value):
        suggestion = snake_case(value[:_NAME_LENGTH_MAX])
        hint = f"; did you mean {suggestion!r}?" if _TYPE.fullmatch(suggestion) else ""
        raise Unacceptable(
            "bad_type",
            f"type {value[:60]!r} must be snake_case, at most 64 of a-z, 0-9 and _, beginning with a letter"
            + hint,
        )
    return free_type(value)


def free_type(event_type: str) -> str:
    """The type itself. Raises Unacceptable `reserved_type` for those that only our own stages write."""
    if event_type in RESERVED_TYPES:
        way = _WAYS.get(event_type, "")
        raise Unacceptable(
            "reserved_type", f"events of type {event_type!r} are written by Tetik itself only{way}"
        )
    return event_type


def snake_case(name: str) -> str:
    """`Product Added`, `productAdded` and `Ürün Eklendi` as `product_added` and `urun_eklendi`."""
    decomposed = unicodedata.normalize("NFKD", name.translate(_PLAIN_LETTERS))
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", letters)
    spaced = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", spaced)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
