"""Rows as products: the feeds' names, numbers as people write them, and reasons."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.importing.kinds import Unusable
from services.importing.lines import Unreadable
from services.importing.numerals import Decimal, read_number, read_price, read_whole
from services.importing.products import NAMES, product_of

BARE = {"product_id": "p-9", "name": "Teapot"}


@pytest.mark.parametrize(
    ("text", "price", "currency"),
    [
        ("12", 12.0, None),
        ("0", 0.0, None),
        ("12.5", 12.5, None),
        ("12,50", 12.5, None),
        ("0,125", 0.125, None),
        ("12.50 TRY", 12.5, "TRY"),
        ("12,50try", 12.5, "TRY"),
        ("EUR 1.234,56", 1234.56, "EUR"),
        ("1,234.56 USD", 1234.56, "USD"),
        ("1.234.567", 1234567.0, None),
        ("1 234,5", 1234.5, None),
        ("1'234.50 CHF", 1234.5, "CHF"),
        ("1\u202f234,50 EUR", 1234.5, "EUR"),
        ("1234.567", 1234.567, None),
    ],
)
def test_prices(text: str, price: float, currency: str | None) -> None:
    assert read_price(text) == (price, currency)


@pytest.mark.parametrize(
    ("decimal", "text", "value"),
    [
        ("point", "1,234", 1234.0),
        ("point", "1.234", 1.234),
        ("comma", "1,234", 1.234),
        ("comma", "1.234", 1234.0),
    ],
)
def test_a_stated_mark_settles_what_can_be_read_in_two_ways(
    decimal: Decimal, text: str, value: float
) -> None:
    with pytest.raises(ValueError, match=r"can be 1\.234 or 1234: say --decimal point or --decimal comma"):
        read_number(text)
    assert read_number(text, decimal) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "free",
        "-1",
        "NaN",
        "inf",
        "1e3",
        "12,50 TL",
        "₺12",
        "12.50.1",
        "1,23,456",
        "1,234,56",
        "EUR 1 EUR",
        "٣",
        "1..2",
    ],
)
def test_texts_that_are_no_price(text: str) -> None:
    with pytest.raises(ValueError, match="is no "):
        read_price(text)


def test_a_mark_that_is_not_the_stated_one() -> None:
    with pytest.raises(ValueError, match="no number with a decimal point"):
        read_number("12,50", "point")


@given(cents=st.integers(0, 10**11))
def test_a_price_is_read_as_any_country_writes_it(cents: int) -> None:
    whole, rest = divmod(cents, 100)
    for text in (
        f"{whole}.{rest:02}",
        f"{whole},{rest:02}",
        f"{whole:,}.{rest:02}",
        f"{whole:_},{rest:02}".replace("_", "."),
    ):
        assert read_number(text) == cents / 100


@given(text=st.text("0123456789.,' ", max_size=12), decimal=st.sampled_from(["auto", "point", "comma"]))
def test_any_text_is_a_number_or_refused(text: str, decimal: Decimal) -> None:
    try:
        assert read_number(text, decimal) >= 0
    except ValueError:
        return


@pytest.mark.parametrize(("text", "number"), [("5", 5), (" 5.0 ", 5), ("-3", -3), ("007", 7)])
def test_whole_numbers(text: str, number: int) -> None:
    assert read_whole(text) == number


@pytest.mark.parametrize("text", ["1.000", "1.5", "five", "1e3", "9" * 19, "1,0"])
def test_texts_that_are_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match="is no whole number"):
        read_whole(text)


def test_a_row_of_a_feed() -> None:
    cells = {
        "id": " p-9 ", "title": "Teapot", "product_type": "Home > Tea", "link": "https://shop.example/p",
        "image_link": "https://shop.example/i", "price": "12,50 TRY", "availability": "in_stock", "gtin": "1",
    }  # fmt: skip
    assert product_of(cells) == {
        "product_id": "p-9",
        "name": "Teapot",
        "category": "Home > Tea",
        "url": "https://shop.example/p",
        "image_url": "https://shop.example/i",
        "price": 12.5,
        "currency": "TRY",
    }
    assert NAMES.columns_of(tuple(cells)).ignored == ("gtin",)


@pytest.mark.parametrize("column", ["image_link", "Image Link", "g:image_link", "imageLink", " IMAGE_URL "])
def test_names_of_columns_are_read_whatever_their_case(column: str) -> None:
    assert NAMES.columns_of((column,)).by_field == {"image_url": column}


def test_the_field_s_own_name_goes_before_another_one() -> None:
    columns = NAMES.columns_of(("id", "title", "product_id", "name", "Title"))
    assert columns.by_field == {"product_id": "product_id", "name": "name"}
    assert columns.ignored == ("id", "title", "Title")
    assert NAMES.columns_of(("title", "Title")).by_field == {"name": "title"}


@pytest.mark.parametrize(
    ("cells", "stock"),
    [
        ({"stock": "12"}, 12),
        ({"stock": "12.0"}, 12),
        ({"stock": ""}, None),
        ({"availability": "out of stock"}, 0),
        ({"availability": "out_of_stock", "stock": "7"}, 0),
        ({"availability": "https://schema.org/OutOfStock"}, 0),
        ({"availability": "in stock", "stock": "7"}, 7),
        ({"availability": "preorder"}, None),
    ],
)
def test_stock(cells: dict[str, str], stock: int | None) -> None:
    assert product_of(BARE | cells).get("stock") == stock


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"price": "NaN"}, "price: 'NaN' is no price"),
        ({"price": "1,234"}, "price: '1,234' can be 1.234 or 1234"),
        ({"price": "-5"}, "price: '-5' is no price"),
        ({"price": -5}, "from 0 to 1,000,000,000"),
        ({"price": "12 USD", "currency": "EUR"}, "the price is in USD, the column currency says 'EUR'"),
        ({"price": ["12"]}, "price: it must be a number"),
        ({"currency": "TL"}, "ISO 4217"),
        ({"stock": "-3"}, "stock must be a whole number from 0"),
        ({"stock": "many"}, "stock: 'many' is no whole number"),
        ({"availability": "maybe"}, "availability 'maybe' is unknown"),
        ({"consumable_days": "0"}, "consumable_days must be a whole number from 1 to 400"),
        ({"url": "www.shop.example"}, "url must be a whole address"),
        ({"name": "x" * 257}, "name has 257 characters"),
        ({"name": ""}, "needs `name`"),
        ({"product_id": ""}, "no product is named"),
        ({"product_id": "anon:1"}, "begins with 'anon:'"),
    ],
)
def test_reasons(cells: dict[str, Any], says: str) -> None:
    with pytest.raises(Unusable) as unusable:
        product_of(BARE | cells)
    assert says in str(unusable.value)


def test_json_s_numbers_stay_as_they_are() -> None:
    cells = {"product_id": 9, "name": "Teapot", "price": 1.234, "stock": 0, "consumable_days": None}
    assert product_of(cells) == {"product_id": 9, "name": "Teapot", "price": 1.234, "stock": 0}


def test_a_header_without_the_needed_columns_is_refused() -> None:
    NAMES.check_header(("id", "title"))
    with pytest.raises(Unreadable, match=r"no column is named name \(or title\); the header has id, prise"):
        NAMES.check_header(("id", "prise"))


def test_ignored_columns_are_guessed_at() -> None:
    assert NAMES.suggestion_for("prise") == "price"
    assert NAMES.suggestion_for("gtin") is None
    assert NAMES.suggestion_for("title") is None, "another column has taken its place"
