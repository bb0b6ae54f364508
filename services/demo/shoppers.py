"""The simulated half of the demo: shoppers who browse, fill carts and leave. Clearly simulated: `sim-…`.

Each shopper is drawn from a seed and acts out one habit (a table below, one function each). They put
products into their carts that the real shop sold in the stated week. A shopper does one thing a minute, so
that her own events never tie; only profile and sign-up share an instant, in that order.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.instants import DAY_MS, HOUR_MS, MINUTE_MS, Instant
from services.demo.retail import CURRENCY
from services.demo.script import ScriptedEvent

LOCALES = ("tr", "az", "en")
NAMES = {  # some for each locale, with the letters that break careless encodings
    "tr": (("Ayşe", "Yılmaz"), ("Çağrı", "Şahin"), ("İpek", "Öztürk"), ("Umut", "Güneş"), ("Işıl", "Kaya")),
    "az": (("Aygün", "Əliyeva"), ("Rəşad", "Məmmədov"), ("Günel", "Quliyeva"), ("Elçin", "Həsənov")),
    "en": (("Emily", "Clarke"), ("Oliver", "O'Brien"), ("Grace", "Bell"), ("Harry", "Moss"), ("Zoë", "Reid")),
}
COUNTRIES = {"tr": "TR", "az": "AZ", "en": "GB"}
SHARE_WITHOUT_NAME = 0.2
SHOP_OPENS_H, SHOP_HOURS = 7, 15
QUANTITY_MAX = 4


@dataclass(slots=True)
class Shopper:
    """One simulated person at her device. `events` grows as she acts; `at` is her present minute."""

    number: int
    at: Instant
    dice: random.Random
    products: Sequence[dict[str, Any]]
    guest: bool = False
    carts: int = 0
    cart: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[ScriptedEvent] = field(default_factory=list)

    @property
    def name(self) -> str:
        """`sim-0007`, or `sim-guest-0007` for one who never says who she is."""
        return f"sim-guest-{self.number:04d}" if self.guest else f"sim-{self.number:04d}"

    @property
    def cart_id(self) -> str:
        """The present cart's id, as the shop gives it."""
        return f"{self.name}-cart-{self.carts}"

    def later(self, least: int, most: int) -> None:
        """Let `least` to `most` minutes pass."""
        self.at += self.dice.randint(least, most) * MINUTE_MS

    def say(self, type: str, **properties: Any) -> None:
        """Send one event at the present minute."""
        self.events.append(
            ScriptedEvent(
                at=self.at,
                path="sdk",
                event_id=f"{self.name}-{len(self.events):03d}",
                type=type,
                customer_id=None if self.guest else self.name,
                anonymous_id=self.name if self.guest else None,
                properties=properties,
            )
        )

    def sign_up(self, consent: bool) -> None:
        """Her profile by `identify`, then `Signed Up`."""
        locale = self.dice.choice(LOCALES)
        first_name, last_name = self.dice.choice(NAMES[locale])
        traits: dict[str, Any] = {
            "email": f"{self.name}@shoppers.example",
            "locale": locale,
            "country": COUNTRIES[locale],
            "consent": {"marketing_email": consent},
        }
        if self.dice.random() >= SHARE_WITHOUT_NAME:
            traits |= {"first_name": first_name, "last_name": last_name}
        self.say("profile_updated", **traits)
        self.say("signed_up", method="simulated")

    def browse(self) -> None:
        """Look at one to three products."""
        for _ in range(self.dice.randint(1, 3)):
            self.later(1, 4)
            self.say("product_viewed", **self._draw(), currency=CURRENCY)

    def fill(self, lines: int | None = None) -> None:
        """Put products into a new cart."""
        self.carts += 1
        self.cart = {}
        for _ in range(lines or self.dice.randint(1, 3)):
            self.add()

    def add(self, least: int = 1, most: int = 6) -> None:
        """One more product into the present cart, `least` to `most` minutes later."""
        self.later(least, most)
        product = {**self._draw(), "quantity": self.dice.randint(1, QUANTITY_MAX)}
        line = self.cart.setdefault(product["product_id"], {**product, "quantity": 0})
        line["quantity"] += product["quantity"]
        self.say("product_added", cart_id=self.cart_id, currency=CURRENCY, **product)

    def take_out(self) -> None:
        """One product out of the present cart, all pieces of it."""
        self.later(1, 5)
        line = self.cart.pop(next(iter(self.cart)))
        self.say("product_removed", cart_id=self.cart_id, currency=CURRENCY, **line)

    def empty(self) -> None:
        """Everything out, product by product."""
        while self.cart:
            self.take_out()

    def check_out(self) -> None:
        """As far as the checkout page."""
        self.later(1, 5)
        self.say("checkout_started", cart_id=self.cart_id, **self._contents())

    def buy(self, least: int = 1, most: int = 5) -> None:
        """Order what is in the cart, `least` to `most` minutes later."""
        self.later(least, most)
        self.say(
            "order_completed", order_id=f"{self.cart_id}-order", cart_id=self.cart_id, **self._contents()
        )
        self.cart = {}

    def unsubscribe(self) -> None:
        """No more marketing."""
        self.say("unsubscribed", reason="simulated")

    def _draw(self) -> dict[str, Any]:
        return dict(self.dice.choice(self.products))

    def _contents(self) -> dict[str, Any]:
        lines = list(self.cart.values())
        total = round(sum(line["price"] * line["quantity"] for line in lines), 2)
        return {"total": total, "value": total, "currency": CURRENCY, "products": lines}


def _looker(shopper: Shopper) -> None:
    """Signs up, looks around."""
    shopper.sign_up(consent=True)
    shopper.browse()


def _quick_buyer(shopper: Shopper) -> None:
    """Buys before 45 minutes have passed."""
    shopper.sign_up(consent=shopper.dice.random() < 0.7)
    shopper.browse()
    shopper.fill()
    shopper.check_out()
    shopper.buy()


def _late_buyer(shopper: Shopper) -> None:
    """Leaves, and buys after the first or the second mail."""
    _leaver(shopper)
    shopper.at += shopper.dice.choice((3 * HOUR_MS, 26 * HOUR_MS, 70 * HOUR_MS))
    shopper.buy()


def _leaver(shopper: Shopper) -> None:
    """Fills a cart and never comes back."""
    shopper.sign_up(consent=True)
    shopper.browse()
    shopper.fill()
    if shopper.dice.random() < 0.3:
        shopper.check_out()


def _returner(shopper: Shopper) -> None:
    """Leaves, comes back within 45 minutes and changes the cart, so the wait begins anew; leaves again."""
    shopper.sign_up(consent=True)
    shopper.fill(lines=2)
    shopper.later(25, 39)
    shopper.add()
    if shopper.dice.random() < 0.5:
        shopper.later(20, 35)
        shopper.take_out()


def _on_the_dot(shopper: Shopper) -> None:
    """Comes back exactly when the first mail is due: what falls due at an instant goes before its events."""
    shopper.sign_up(consent=True)
    shopper.fill(lines=1)
    shopper.dice.choice((shopper.add, shopper.buy))(45, 45)


def _emptier(shopper: Shopper) -> None:
    """Takes everything out again, before or after the first mail."""
    shopper.sign_up(consent=True)
    shopper.fill()
    if shopper.dice.random() < 0.5:
        shopper.at += 5 * HOUR_MS
    shopper.empty()


def _unsubscriber(shopper: Shopper) -> None:
    """Leaves a cart and unsubscribes after the first mail."""
    _leaver(shopper)
    shopper.at += 2 * HOUR_MS
    shopper.unsubscribe()


def _unwilling(shopper: Shopper) -> None:
    """Never agreed to marketing, leaves a cart."""
    shopper.sign_up(consent=False)
    shopper.fill()


def _guest(shopper: Shopper) -> None:
    """Never says who she is, leaves a cart."""
    shopper.guest = True
    shopper.browse()
    shopper.fill()


def _second_cart(shopper: Shopper) -> None:
    """Leaves a cart, and another one within the cooldown."""
    _leaver(shopper)
    shopper.at += shopper.dice.choice((DAY_MS, 2 * DAY_MS))
    shopper.fill()


HABITS: tuple[tuple[int, Callable[[Shopper], None]], ...] = (
    (10, _looker),
    (15, _quick_buyer),
    (14, _late_buyer),
    (20, _leaver),
    (10, _returner),
    (4, _on_the_dot),
    (8, _emptier),
    (6, _unsubscriber),
    (5, _unwilling),
    (4, _guest),
    (4, _second_cart),
)
"""Shares of a hundred."""


def simulate(
    count: int, seed: int, start: Instant, days: int, products: Sequence[dict[str, Any]]
) -> Iterator[ScriptedEvent]:
    """The events of `count` shoppers who come within the first `days`; some act later than that.

    The same arguments give the same events.
    """
    dice = random.Random(seed)  # noqa: S311 - a simulation that must repeat
    weights = [weight for weight, _ in HABITS]
    for number in range(1, count + 1):
        # Each habit once, then by share: a short demo shows all of them too.
        by_share = dice.choices(HABITS, weights)[0][1]
        habit = HABITS[number - 1][1] if number <= len(HABITS) else by_share
        day = dice.randrange(days)
        minute = SHOP_OPENS_H * 60 + dice.randrange(SHOP_HOURS * 60)
        at = start + day * DAY_MS + minute * MINUTE_MS
        shopper = Shopper(number, at, random.Random(dice.getrandbits(64)), products)  # noqa: S311 - as above
        habit(shopper)
        yield from shopper.events
