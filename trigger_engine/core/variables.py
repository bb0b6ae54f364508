"""The variables of conditions: their types, and how each is read from a scene.

Every path stands here once, so that a condition works out only what it refers to: `cart.value > 0` never
meets the profile. Which variables there are depends on when a condition is asked; the mappings at the end
say so.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from schemas.instants import DAY_MS, Instant
from trigger_engine.core.carts import cart_value
from trigger_engine.core.cel import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Accessor,
    CelType,
    Duration,
    Timestamp,
    list_of,
    map_of,
    nullable,
    record,
)
from trigger_engine.core.purchases import Purchase
from trigger_engine.core.replenishment import Due, next_due
from trigger_engine.core.scene import Event, Scene
from trigger_engine.core.state import Item
from trigger_engine.core.views import View

_TEXT = nullable(STRING)
_INSTANT = nullable(TIMESTAMP)
_EVENT = record({"type": STRING, "occurred_at": TIMESTAMP, "properties": map_of(DYN), "context": map_of(DYN)})
_ITEM = record(
    {
        "product_id": _TEXT,
        "name": _TEXT,
        "price": nullable(DOUBLE),
        "quantity": INT,
        "url": _TEXT,
        "image_url": _TEXT,
    }
)
_VIEW = {
    "at": TIMESTAMP,
    "product_id": _TEXT,
    "category": _TEXT,
    "name": _TEXT,
    "price": nullable(DOUBLE),
    "url": _TEXT,
    "image_url": _TEXT,
}
_PURCHASE = {**_VIEW, "quantity": INT, "consumable_days": nullable(INT)}
_PROFILE = {
    "email": _TEXT,
    "first_name": _TEXT,
    "last_name": _TEXT,
    "locale": _TEXT,
    "time_zone": _TEXT,
    "country": _TEXT,
    "traits": map_of(DYN),
    "preferences": map_of(DYN),
    "paused": BOOL,
}
_CART = {
    "id": _TEXT,
    "value": DOUBLE,
    "count": INT,
    "items": list_of(_ITEM),
    "currency": _TEXT,
    "age": nullable(DURATION),
    "updated_at": _INSTANT,
}
_ORDERS = {
    "count": INT,
    "first_at": _INSTANT,
    "last_at": _INSTANT,
    "total": DOUBLE,
    "items": list_of(record(_PURCHASE)),
    "products": list_of(STRING),
    "categories": list_of(STRING),
    "favourite_category": _TEXT,
    "replenish_at": _INSTANT,
    "replenish_product": nullable(record(_PURCHASE)),
    "on_offer": INT,
}
_CONSENT = {"marketing_email": BOOL, "given_at": _INSTANT}
_VIEWS = {
    "count": INT,
    "last_at": _INSTANT,
    "items": list_of(record(_VIEW)),
    "products": list_of(STRING),
    "categories": list_of(STRING),
    "favourite_category": _TEXT,
}
_ENGAGEMENT = {
    "score": DOUBLE,
    "mails": INT,
    "mails_since_click": INT,
    "last_open_at": _INSTANT,
    "last_click_at": _INSTANT,
}


def score_at(scene: Scene) -> float:
    """Points halve every `half_life` days; both ends are UTC days, so it changes at midnight only."""
    engagement = scene.state.engagement
    if not engagement.score:
        return 0.0
    return _score(engagement.score, scene.now // DAY_MS - engagement.day, engagement.half_life)


@lru_cache(maxsize=256)
def _score(score: float, days: int, half_life: int) -> float:
    """Several segments ask for the same score at each event."""
    return round(score * halved(days, half_life), 3)


def halved(days: int, half_life: int) -> float:
    """What is left of one point after so many days."""
    return float(0.5 ** (days / half_life))


def cart_item(item: Item) -> dict[str, Any]:
    """A line of the cart as conditions and templates see it."""
    return {
        "product_id": item.product_id,
        "name": item.name,
        "price": item.price,
        "quantity": item.quantity,
        "url": item.url,
        "image_url": item.image_url,
    }


def bought_item(purchase: Purchase) -> dict[str, Any]:
    """A line of an order, as conditions see it."""
    return {
        **viewed_item(purchase),
        "quantity": purchase.quantity,
        "consumable_days": purchase.consumable_days,
    }


def viewed_item(view: View | Purchase) -> dict[str, Any]:
    """A product looked at, as conditions see it."""
    return {"at": Timestamp(view.at), **shown(view)}


def shown(product: View | Purchase) -> dict[str, Any]:
    """What a product is, as mails and starting events have it."""
    return {
        "product_id": product.product_id,
        "category": product.category,
        "name": product.name,
        "price": product.price,
        "url": product.url,
        "image_url": product.image_url,
    }


class _Runs(dict[str, dict[str, bool]]):
    """`runs['id'].pending` is false for every id that has no run, whether or not there is such a trigger."""

    def __missing__(self, key: str) -> dict[str, bool]:
        return {"pending": False}


def _runs(scene: Scene) -> _Runs:
    return _Runs({run.trigger_id: {"pending": True} for run in scene.state.runs})


def _answer(scene: Scene) -> dict[str, object] | None:
    answer = scene.answer
    if answer is None:
        return None
    return {
        "type": answer.type,
        "occurred_at": Timestamp(answer.occurred_at),
        "properties": answer.properties,
        "context": answer.context,
    }


def _instant(at: Instant | None) -> Timestamp | None:
    return None if at is None else Timestamp(at)


def _due(scene: Scene) -> Due | None:
    return scene.due or next_due(scene.state.orders.purchases, scene.now)


def _replenish_at(scene: Scene) -> Timestamp | None:
    due = _due(scene)
    return None if due is None else Timestamp(due.at)


def _replenish_product(scene: Scene) -> dict[str, Any] | None:
    due = _due(scene)
    return None if due is None else bought_item(due.line)


def _cart_updated_at(scene: Scene) -> Timestamp | None:
    cart = scene.state.cart
    return Timestamp(cart.updated_at) if cart.items else None


def _cart_age(scene: Scene) -> Duration | None:
    cart = scene.state.cart
    return Duration(scene.now - cart.updated_at) if cart.items else None


def _session_started_at(scene: Scene) -> Timestamp | None:
    session = scene.state.session
    return None if session.last_at is None else Timestamp(session.started_at)


def _paused(scene: Scene) -> bool:
    until = scene.state.profile.paused_until
    return until is not None and scene.now < until


def _occurred_at(event: Event | None) -> Timestamp | None:
    return None if event is None else Timestamp(event.occurred_at)


ACCESS: Mapping[str, Accessor] = {
    "event.type": "event.type",
    "event.occurred_at": lambda scene: _occurred_at(scene.event),
    "event.properties": "event.properties",
    "event.context": "event.context",
    "start.type": "start.type",
    "start.occurred_at": lambda scene: _occurred_at(scene.start),
    "start.properties": "start.properties",
    "start.context": "start.context",
    "answer": _answer,
    "profile.email": "state.profile.email",
    "profile.first_name": "state.profile.first_name",
    "profile.last_name": "state.profile.last_name",
    "profile.locale": "state.profile.locale",
    "profile.time_zone": "state.profile.time_zone",
    "profile.country": "state.profile.country",
    "profile.traits": "state.profile.traits",
    "profile.preferences": "state.profile.preferences",
    "profile.paused": _paused,
    "cart.id": "state.cart.id",
    "cart.value": lambda scene: cart_value(scene.state.cart),
    "cart.count": lambda scene: sum(item.quantity for item in scene.state.cart.items),
    "cart.items": lambda scene: [cart_item(item) for item in scene.state.cart.items],
    "cart.currency": "state.cart.currency",
    "cart.age": _cart_age,
    "cart.updated_at": _cart_updated_at,
    "orders.count": "state.orders.count",
    "orders.first_at": lambda scene: _instant(scene.state.orders.earliest_at),
    "orders.last_at": lambda scene: _instant(scene.state.orders.last_at),
    "orders.total": "state.orders.total",
    "orders.items": lambda scene: [
        bought_item(line) for line in reversed(scene.state.orders.purchases.kept())
    ],
    "orders.products": lambda scene: scene.state.orders.purchases.products(),
    "orders.categories": lambda scene: scene.state.orders.purchases.categories(),
    "orders.favourite_category": lambda scene: scene.state.orders.purchases.favourite_category(),
    "orders.replenish_at": _replenish_at,
    "orders.replenish_product": _replenish_product,
    "orders.on_offer": "state.orders.on_offer",
    "views.count": "state.views.count",
    "views.last_at": lambda scene: _instant(scene.state.views.last_at),
    "views.items": lambda scene: [viewed_item(view) for view in reversed(scene.state.views.kept())],
    "views.products": lambda scene: scene.state.views.products(),
    "views.categories": lambda scene: scene.state.views.categories(),
    "views.favourite_category": lambda scene: scene.state.views.favourite_category(),
    "session.started_at": _session_started_at,
    "session.events": "state.session.events",
    "session.views": "state.session.views",
    "activity.last_seen_at": lambda scene: _instant(scene.state.last_seen_at),
    "engagement.score": score_at,
    "engagement.mails": "state.engagement.mails",
    "engagement.mails_since_click": "state.engagement.mails_since_click",
    "engagement.last_open_at": lambda scene: _instant(scene.state.engagement.last_open_at),
    "engagement.last_click_at": lambda scene: _instant(scene.state.engagement.last_click_at),
    "consent.marketing_email": lambda scene: scene.state.profile.marketing_email is True,
    "consent.given_at": lambda scene: _instant(scene.state.profile.agreed_at),
    "segments": lambda scene: sorted(scene.state.segments),
    "runs": _runs,
    "now": lambda scene: Timestamp(scene.now),
}
"""By path: a function of the scene, or the name of what it reads there."""


def access_to(declarations: Mapping[str, CelType]) -> dict[str, Accessor]:
    """The part of `ACCESS` that these declarations allow."""
    return {path: how for path, how in ACCESS.items() if path.partition(".")[0] in declarations}


def getter(accessor: Accessor) -> Callable[[Scene], object]:
    """An accessor as a function."""
    if not isinstance(accessor, str):
        return accessor
    names = accessor.split(".")

    def read(scene: Scene) -> object:
        value: object = scene
        for name in names:
            value = getattr(value, name)
        return value

    return read


def reads_replenishment(references: Iterable[str]) -> bool:
    """Whether what these paths read is about the next consumable to run out, which moves with `now`."""
    return any(path == "orders" or path.startswith("orders.replenish_") for path in references)


SEGMENT_DECLARATIONS: Mapping[str, CelType] = {
    "profile": record(_PROFILE),
    "cart": record(_CART),
    "orders": record(_ORDERS),
    "views": record(_VIEWS),
    "session": record({"started_at": _INSTANT, "events": INT, "views": INT}),
    "activity": record({"last_seen_at": _INSTANT}),
    "engagement": record(_ENGAGEMENT),
    "consent": record(_CONSENT),
    "now": TIMESTAMP,
}
"""For segments: the customer alone."""

DATE_DECLARATIONS: Mapping[str, CelType] = {
    **SEGMENT_DECLARATIONS,
    "segments": list_of(STRING),
    "runs": map_of(record({"pending": BOOL})),
}
"""For dates: the customer and where she stands."""

DECLARATIONS: Mapping[str, CelType] = {**DATE_DECLARATIONS, "start": _EVENT, "event": _EVENT}
"""For conditions asked when an event comes: `where`, `unless`, `exit`, `once_per`, `sum`, `per`."""

MAIL_DECLARATIONS: Mapping[str, CelType] = {
    **DATE_DECLARATIONS,
    "start": _EVENT,
    "answer": nullable(_EVENT),
}
"""For conditions asked when a step is due (`audience`, `if`): there is no event, only the run's start."""
