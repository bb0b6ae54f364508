"""Whom the engine must tell of a product: worked out from the script, as docs/reference/semantics.md says.

Slow and obvious, and apart from the engine: who has looked at a product, put it into her cart or wished for
it, and which change of the catalogue is news. What is told is an event of hers, so it goes to the reference
model along with what she did. The script stays within the page's bounds: nobody drops out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.instants import Instant
from schemas.rule_set import RuleSet
from services.demo.script import ScriptedEvent

NOTICE = "product_notice"
BACK_IN_STOCK, PRICE_DROP = "back_in_stock", "price_drop"
INTERESTING = ("product_viewed", "product_added", "product_wished")
INTERESTS_MAX = 32
PRICE_DROP_AT_MOST = 0.95
TOLD = ("name", "category", "price", "currency", "url", "image_url", "stock")


def notices_of(script: Sequence[ScriptedEvent], rule_set: RuleSet) -> list[ScriptedEvent]:
    """The notices of the script, each at the instant of its news."""
    if not any(NOTICE in trigger["when"].get("event", ()) for trigger in rule_set.triggers):
        return []
    interests: dict[str, dict[str, Instant]] = {}
    products: dict[str, Mapping[str, Any]] = {}
    told: list[ScriptedEvent] = []
    for event in script:
        if event.path == "catalogue":
            assert event.product_id is not None, "the catalogue is of products"
            before, now = products.get(event.product_id, {}), event.properties
            products[event.product_id] = now
            if (kind := _news(before, now)) is not None:
                told += [_notice(event, before, kind, key) for key in _interested(interests, event)]
        elif event.customer_id is not None:
            _note(interests.setdefault(event.customer_id, {}), event)
    return told


def _note(hers: dict[str, Instant], event: ScriptedEvent) -> None:
    product = str(event.properties.get("product_id"))
    if event.type in INTERESTING:
        hers.setdefault(product, event.occurred_at)
        assert len(hers) <= INTERESTS_MAX, f"{event.key} is interested in more than the engine remembers"
    elif event.type == "product_unwished":
        hers.pop(product, None)
    elif event.type == "order_completed":
        for line in event.properties["products"]:
            hers.pop(line["product_id"], None)


def _news(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    if before.get("stock") == 0 and now["stock"] > 0:
        return BACK_IN_STOCK
    if before and now["stock"] > 0 and now["price"] <= PRICE_DROP_AT_MOST * before["price"]:
        return PRICE_DROP
    return None


def _interested(interests: Mapping[str, Mapping[str, Instant]], news: ScriptedEvent) -> list[str]:
    return sorted(key for key, hers in interests.items() if news.product_id in hers)


def _notice(news: ScriptedEvent, before: Mapping[str, Any], kind: str, key: str) -> ScriptedEvent:
    """As the engine writes it, but for its id."""
    return ScriptedEvent(
        at=news.at,
        path="catalogue",
        event_id=f"{kind}-{news.product_id}-{key}",
        type=NOTICE,
        customer_id=key,
        properties={
            "kind": kind,
            "product_id": news.product_id,
            "old_price": before["price"],
            **{name: news.properties.get(name) for name in TOLD},
        },
    )
