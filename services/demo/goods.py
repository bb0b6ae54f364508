"""The shop's goods: what the real shop sold, as a catalogue, and the codes for its offers.

Product, name and price are the file's. Made up, from the name or the number alone so that they are the same
in every run: the category, the stock, how long a consumable lasts, and the address. There are no pictures.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from schemas.event import OFFER_CODES
from schemas.instants import Instant
from schemas.product import PRODUCT_UPDATED
from services.demo.retail import CURRENCY, Invoice
from services.demo.script import ScriptedEvent

SHOP = "https://shop.example"
PRICE_MAX = 60.0
NUMBER_DIGITS = 5
"""Goods have numbers; what begins with a letter is postage, vouchers and the like."""
CATEGORIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Candles", ("CANDLE", "T-LIGHT", "INCENSE")),
    ("Jewellery", ("NECKLACE", "BRACELET", "EARRING", "RING ", "BEAD", "DIAMANTE", "CHARM")),
    ("Bags", ("BAG", "PURSE", "WALLET", "SHOPPER", "UMBRELLA", "PARASOL")),
    ("Party", ("PARTY", "BUNTING", "NAPKIN", "BIRTHDAY", "GARLAND", "BALLOON", "RIBBON")),
    ("Seasonal", ("EASTER", "EGG", "CHRISTMAS", "RABBIT", "BUNNY", "CHICK")),
    ("Kitchen", ("CAKE", "TEA", "MUG", "BOWL", "JAM", "TIN", "PLATE", "CUP", "KITCHEN", "CUTLERY", "BAKING")),
    ("Paper and craft", ("PAPER", "CARD", "NOTEBOOK", "STICKER", "WRAP", "PENCIL", "FELTCRAFT", "TISSUE")),
    ("Toys", ("CHILD", "TOY", "DOLL", "SPACEBOY", "GAME", "JIGSAW", "CIRCUS", "PLAYHOUSE")),
    ("Garden", ("GARDEN", "FLOWER POT", "WATERING", "BIRD", "SEED", "PLANT", "DOORMAT")),
)
"""The first whose word stands in the name; else `Home`."""
CONSUMABLE_DAYS = (("NAPKIN", 30), ("TISSUE", 30), ("CAKE CASES", 40), ("INCENSE", 45), ("CANDLE", 60))
NOT_CONSUMED = ("HOLDER", "STAND", "CHARM", "BOX", "CANDLESTICK", "DISH")
POOLS = ("birthday", "cart", "category", "complaint", "next-order", "welcome", "win-back")
"""Those that the library's offers take their codes from."""
CODES_EACH = 800


def catalogue(invoices: Iterable[Invoice]) -> list[dict[str, Any]]:
    """What the real shop sold, as an event names a product, by product id; each at its last price."""
    products: dict[str, dict[str, Any]] = {}
    for invoice in invoices:
        for line in invoice.lines:
            number = line.product_id[:NUMBER_DIGITS]
            if line.name and line.quantity > 0 and 0 < line.price <= PRICE_MAX and number.isdecimal():
                products[line.product_id] = {
                    "product_id": line.product_id,
                    "name": line.name,
                    "category": category_of(line.name),
                    "price": line.price,
                    "url": f"{SHOP}/products/{line.product_id}",
                }
    return [products[each] for each in sorted(products)]


def category_of(name: str) -> str:
    """By the words of the name."""
    return next((category for category, words in CATEGORIES if any(each in name for each in words)), "Home")


def consumable_days_of(name: str) -> int | None:
    """How long one lasts, if it is used up."""
    if any(word in name for word in NOT_CONSUMED):
        return None
    return next((days for word, days in CONSUMABLE_DAYS if word in name), None)


def stock_of(product_id: str) -> int:
    """One product of twenty is sold out."""
    drawn = int.from_bytes(blake2b(product_id.encode(), digest_size=2).digest(), "big")
    return 0 if drawn % 20 == 0 else 10 + drawn % 200


def entry(product: dict[str, Any], at: Instant, **changed: Any) -> ScriptedEvent:
    """What the shop tells of a product at an instant, whole."""
    told = {
        "name": product["name"],
        "category": product["category"],
        "price": product["price"],
        "currency": CURRENCY,
        "stock": stock_of(product["product_id"]),
        "url": product["url"],
        "consumable_days": consumable_days_of(product["name"]),
    }
    return ScriptedEvent(
        at=at,
        path="catalogue",
        event_id=f"catalogue-{product['product_id']}-{at}",
        type=PRODUCT_UPDATED,
        product_id=product["product_id"],
        properties=told | changed,
    )


def codes(pool: str, at: Instant) -> ScriptedEvent:
    """Enough codes for the whole week, in whichever partition its mails are decided on."""
    made = [
        f"{pool[:6].upper()}-{blake2b(f'{pool}/{number}'.encode(), digest_size=4).hexdigest().upper()}"
        for number in range(CODES_EACH)
    ]
    return ScriptedEvent(
        at=at,
        path="codes",
        event_id=f"codes-{pool}",
        type=OFFER_CODES,
        properties={"pool": pool, "codes": made},
    )
