"""What mails recommend, held to what must always be true of it.

The reference model judges decisions; which products a mail shows is none. But whatever is shown must be in
the catalogue and not sold out, and neither in her cart nor what the mail is about nor bought by her in the
last thirty days; it must be from a snapshot that was active; and somebody of each language must see some.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.email_request import EmailRequest
from schemas.event import SNAPSHOT_ACTIVATED
from schemas.instants import DAY_MS, Instant, instant_of
from services.demo.check import Fault
from services.demo.reading import Observed
from services.demo.script import ScriptedEvent

BOUGHT_LATELY_MS = 30 * DAY_MS
LANGUAGES = ("az", "en", "tr")


def doubtful(script: Sequence[ScriptedEvent], observed: Observed) -> list[Fault]:
    """Every recommendation that must not be, and every language in which there is none."""
    shop = _Shop(script)
    activated = {
        str(event.properties["version"]): instant_of(event.received_at)
        for _, event in reversed(observed.events)
        if event.type == SNAPSHOT_ACTIVATED
    }
    requests = [each for _, each in observed.requests if each.action == "send" and _items(each)]
    faults = [fault for request in requests for fault in _of_request(request, shop, activated)]
    seen = {str(request.locale).partition("-")[0] for request in requests}
    faults += [
        Fault("missing", "recommendation", f"in no mail of the language {language}")
        for language in LANGUAGES
        if language not in seen
    ]
    return faults


class _Shop:
    """What the script says of products and orders."""

    def __init__(self, script: Sequence[ScriptedEvent]) -> None:
        self._entries = [(each.at, each.product_id, each.properties) for each in script if each.product_id]
        self._orders: dict[str, list[ScriptedEvent]] = {}
        for each in script:
            if each.type == "order_completed":
                self._orders.setdefault(each.key, []).append(each)

    def sold(self, product: str, until: Instant) -> bool:
        """Whether the catalogue ever had it in stock by then: a snapshot may be older than the last word."""
        return any(name == product and at <= until and said["stock"] > 0 for at, name, said in self._entries)

    def bought_lately(self, key: str, at: Instant) -> set[str]:
        """What she bought in the thirty days before."""
        return {
            line["product_id"]
            for order in self._orders.get(key, ())
            if at - BOUGHT_LATELY_MS < order.occurred_at <= at
            for line in order.properties["products"]
        }


def _of_request(request: EmailRequest, shop: _Shop, activated: Mapping[str, Instant]) -> Iterable[Fault]:
    at = instant_of(request.decided_at)
    data: Mapping[str, Any] = request.data
    mail = f"{request.trigger_id} {request.step} for {request.customer_key}"
    version = data["recommended"]["snapshot"]
    if activated.get(version, at + 1) > at:
        yield Fault("wrong", "recommendation", f"{mail} is by the snapshot {version}, not active then")
    event = data.get("event") or {}
    about = {event.get("product_id"), *(line.get("product_id") for line in event.get("products") or ())}
    in_cart = {item.get("product_id") for item in (data.get("cart") or {}).get("items", ())}
    lately = shop.bought_lately(request.customer_key, at)
    never = ((about, "it is about"), (in_cart, "is in the cart"), (lately, "was bought lately"))
    for product in (str(item["product_id"]) for item in _items(request)):
        whys = [why for products, why in never if product in products]
        if not shop.sold(product, at):
            whys.append("is not to be had")
        for why in whys:
            yield Fault("wrong", "recommendation", f"{mail} recommends {product}, which {why}")


def _items(request: EmailRequest) -> Sequence[Mapping[str, Any]]:
    recommended = request.data.get("recommended") or {}
    items: Sequence[Mapping[str, Any]] = recommended.get("items", ())
    return items
