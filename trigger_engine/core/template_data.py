"""What a mail may show of the customer: its template's data.

Every mail is given the profile's names, the cart if there is one, the start and the offer; the rest is given
to those whose template names it (`template_names`).
"""

from typing import Any

from schemas.instants import Instant
from trigger_engine.core.carts import cart_value
from trigger_engine.core.offers import Given
from trigger_engine.core.replenishment import next_due
from trigger_engine.core.snapshot import Snapshot
from trigger_engine.core.state import CustomerState, Run
from trigger_engine.core.template_names import ANSWER, PURCHASE, VIEWS
from trigger_engine.core.variables import cart_item, shown

VIEWS_SHOWN_MAX = 12
MADE_TYPES = frozenset({"inactive", "date", "segment_entered", "segment_left"})
"""Of starts that no event gave."""


def template_data(
    state: CustomerState,
    run: Run,
    offer: Given | None,
    now: Instant,
    reads: frozenset[str],
    snapshot: Snapshot | None,
) -> dict[str, Any]:
    """The data of a mail; `reads` is what its template asks for beside what all are given. `snapshot`: the
    active one, which knows in what currency the shop prices a product."""
    data = {
        "profile": {"first_name": state.profile.first_name, "last_name": state.profile.last_name},
        "cart": _cart(state),
        "event": _event(state, run, reads),
    }
    if offer is not None:
        data["offer"] = offer.data()
    if VIEWS in reads:
        data[VIEWS] = _views(state, run, snapshot)
    if ANSWER in reads and run.answer is not None:
        data[ANSWER] = run.answer.properties
    if PURCHASE in reads and (purchase := _purchase(state, run, now)) is not None:
        data[PURCHASE] = _priced(purchase, snapshot)
    return data


def _event(state: CustomerState, run: Run, reads: frozenset[str]) -> dict[str, Any]:
    """The start; one that is made says little, so traits stand beside it, as the plan of what renews."""
    start = run.start
    if start.type not in MADE_TYPES:
        return start.properties
    traits = state.profile.traits
    return {name: traits[name] for name in sorted(traits) if f"event.{name}" in reads} | start.properties


def _cart(state: CustomerState) -> dict[str, Any] | None:
    cart = state.cart
    if not cart.items:
        return None
    items = [cart_item(item) for item in cart.items]
    return {"id": cart.id, "items": items, "value": cart_value(cart), "currency": cart.currency}


def _views(state: CustomerState, run: Run, snapshot: Snapshot | None) -> dict[str, Any]:
    """What she looked at last, latest first, and the category: the one that started the run, if one did."""
    latest_first = state.views.kept()[::-1]
    category = run.start.properties.get("category")
    return {
        "category": category if isinstance(category, str) else state.views.favourite_category(),
        "items": [_priced(shown(view), snapshot) for view in latest_first[:VIEWS_SHOWN_MAX]],
    }


def _priced(item: dict[str, Any], snapshot: Snapshot | None) -> dict[str, Any]:
    """With its currency, if the catalogue has one: what is kept of views and orders has none."""
    currency = None if snapshot is None else snapshot.currency_of(item.get("product_id"))
    return item if currency is None else {**item, "currency": currency}


def _purchase(state: CustomerState, run: Run, now: Instant) -> Any:
    """The product that the run's date is about; in other runs, what runs out next."""
    products = run.start.properties.get("products")
    if run.start.type == "date" and isinstance(products, list) and products:
        return products[0]
    due = next_due(state.orders.purchases, now)
    return None if due is None else shown(due.line)
