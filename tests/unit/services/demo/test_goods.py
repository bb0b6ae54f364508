"""The catalogue that the demo loads, and the codes: what ingest takes, the same in every run."""

from collections import Counter

from ingest.core.offer_codes import read_code
from ingest.core.products import read_product
from services.demo.goods import CATEGORIES, CODES_EACH, POOLS, catalogue, codes, consumable_days_of, entry
from services.demo.retail import Invoice, Line, read_history, read_invoices
from services.demo.script import MONDAY, span
from services.triggers.folder import check_folder
from trigger_engine.core.language import walk


def test_the_real_shops_goods_in_made_up_categories() -> None:
    week = read_invoices(*span(7))
    products = catalogue(read_history(week) + week)
    assert len(products) > 2_500
    categories = Counter(product["category"] for product in products)
    assert categories.keys() == {name for name, _ in CATEGORIES} | {"Home"}
    assert min(categories.values()) > 40
    entries = [entry(product, MONDAY) for product in products]
    stock = [each.properties["stock"] for each in entries]
    assert 0.03 < stock.count(0) / len(stock) < 0.07
    assert sum(each.properties["consumable_days"] is not None for each in entries) > 100
    for each in entries:
        read_product({"product_id": each.product_id, **each.properties}, "2011-03-14T00:00:00.000Z")


def test_the_last_price_counts_and_postage_is_no_product() -> None:
    def sold(number: str, product: str, price: float) -> Invoice:
        return Invoice(number, MONDAY, None, "EIRE", [Line(product, "RED CANDLE", 1, price)])

    (product,) = catalogue([sold("1", "85123A", 2.0), sold("2", "POST", 18.0), sold("3", "85123A", 2.5)])
    assert (product["product_id"], product["price"], product["category"]) == ("85123A", 2.5, "Candles")


def test_what_is_used_up() -> None:
    assert consumable_days_of("HOMEMADE JAM SCENTED CANDLES") == 60
    assert consumable_days_of("WHITE HANGING HEART T-LIGHT HOLDER") is None
    assert consumable_days_of("CANDLE STAND") is None


def test_codes_are_single_and_ingest_takes_them() -> None:
    made = codes("cart-10", MONDAY)
    assert made == codes("cart-10", MONDAY)
    assert len(set(made.properties["codes"])) == CODES_EACH
    assert all(read_code(code) == code for code in made.properties["codes"])


def test_each_pool_that_the_library_names_has_codes() -> None:
    shipped = check_folder(None, texts=False).rule_set
    assert shipped is not None
    steps = [step for trigger in shipped.triggers for _, step in walk(trigger["steps"])]
    assert {step["offer"]["pool"] for step in steps if "offer" in step} == set(POOLS)
