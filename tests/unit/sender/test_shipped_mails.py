"""The mails that ship, in three languages: with everything, with other data, and with next to nothing."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from sender.adapters.template_files import SHIPPED, SHIPPED_KINDS, read_templates
from sender.core.template_data import template_data
from sender.core.template_words import as_markup, as_text
from tests.fixtures.mail_samples import LOCALES, SETTINGS_A, SETTINGS_SPARSE, data_a, data_b
from tests.unit.sender.mails import WORLDS, compiled, plain, rendered, seen, shop

NAMES = (
    "activation-benefits", "activation-how-to", "anniversary-thanks", "back-in-stock", "birthday-offer",
    "birthday-wish", "browse-best-seller", "browse-category", "browse-general", "cart-answer-help",
    "cart-answer-price", "cart-answer-shipping", "cart-discount", "cart-for-business", "cart-free-shipping",
    "cart-last-call", "cart-persuasion", "cart-questions", "cart-reminder", "category-offer",
    "category-picks",
    "checkout-help", "checkout-reminder", "complaint-apology", "complaint-compensation", "content-delivery",
    "content-more", "content-next-step", "cross-sell-better", "cross-sell-complement", "feedback-request",
    "holiday-greeting", "order-confirmation", "order-confirmation-offer", "order-delivered", "order-shipped",
    "points-expiring", "points-reached", "preferences-ask", "price-comparison", "price-drop",
    "renewal-last-day", "renewal-notice", "renewal-reminder", "replenishment-reminder", "service-benefits",
    "vip-welcome", "welcome", "welcome-customer", "welcome-discover", "welcome-favourites",
    "welcome-first-order", "welcome-site", "winback-miss-you", "winback-news", "winback-offer",
    "winback-sunset",
)  # fmt: skip
OFFERING = {
    "welcome-first-order", "cart-discount", "cart-answer-shipping", "cart-answer-price", "category-offer",
    "order-confirmation-offer", "complaint-compensation", "birthday-offer", "winback-offer",
}  # fmt: skip
RECOMMENDING = {
    "welcome-customer", "welcome-first-order", "welcome-favourites", "activation-benefits",
    "cart-free-shipping", "cart-answer-shipping", "cart-answer-price", "cart-last-call",
    "browse-best-seller", "browse-category", "browse-general", "price-comparison", "category-offer",
    "category-picks", "order-delivered", "cross-sell-complement", "cross-sell-better", "content-more",
    "content-next-step", "birthday-wish", "birthday-offer", "anniversary-thanks", "holiday-greeting",
    "points-expiring", "winback-miss-you", "winback-offer", "winback-news", "back-in-stock", "price-drop",
    "vip-welcome",
}  # fmt: skip
ASKING = {
    "welcome-discover": "first-impression", "welcome-customer": "first-impression",
    "welcome-site": "first-impression", "activation-how-to": "activation",
    "cart-questions": "cart-questions", "feedback-request": "feedback", "preferences-ask": "preferences",
}  # fmt: skip
ALSO_COMMERCIAL = {"order-confirmation-offer", "order-delivered", "complaint-compensation"}
GREETINGS = {"tr": "Merhaba Ayşe,", "az": "Salam, Ayşe!", "en": "Hi Ayşe,"}
REPLY = {
    "tr": "cevap olarak yazabilirsiniz",
    "az": "Fikrinizi bu məktuba cavab",
    "en": "Just reply to this",
}
SUBJECT_LENGTH_MAX = 70
TURKISH_ONLY = (
    "için", "değil", "ürün", "kargo", "şimdi", "fiyat", "sipariş", "sepet", "yanıt", "güzel", "hediye",
    "lütfen", "merhaba", "indirim", "ödeme", "teslimat", "geçer", "yıl", "e-posta",
)  # fmt: skip
NAMING = {"survey", "answer", "kind", "reason", "currency", "date"}
"""Keys whose values say what a thing is and may stand in a template."""

CATEGORIES = ("Mutfak", "Giyim", "Ev kokuları", "Xalçalar")
"""Of recommended products: the HTML part has room for them."""

EVERY_MAIL = pytest.mark.parametrize("name", NAMES)
EVERY_LANGUAGE = pytest.mark.parametrize("locale", LOCALES)
EVERY_WORLD = pytest.mark.parametrize("world", list(WORLDS))


def values(data: Any, key: str = "") -> Iterator[str]:
    """The texts of sample data that could only come from there."""
    if isinstance(data, dict):
        for name, inner in data.items():
            yield from values(inner, name)
    elif isinstance(data, list):
        for inner in data:
            yield from values(inner, key)
    elif isinstance(data, str) and len(data) > 3 and key not in NAMING:
        yield data


def words_of(name: str, locale: str) -> dict[str, str]:
    """A mail's own words by path."""
    source = (SHIPPED / name / f"words.{locale}.toml").read_text("utf-8")
    return dict(leaves(tomllib.loads(source), ""))


def leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    else:
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in inner:
            yield from leaves(each, f"{path}/{name}")


def literal(text: str) -> str:
    """A word without what is filled in at the time of sending."""
    return " ".join(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", text).split())


def test_all_shipped_mails_are_there_in_three_languages() -> None:
    assert tuple(shop()) == NAMES
    assert all(set(template.locales) == set(LOCALES) for template in shop().values())
    assert read_templates(SHIPPED) == list(shop().values()), "the same files make the same digests"
    assert set(SHIPPED_KINDS) <= set(NAMES)


@EVERY_WORLD
@EVERY_LANGUAGE
@EVERY_MAIL
def test_a_mail_renders_and_is_whole(name: str, locale: str, world: str) -> None:
    mail = rendered(name, locale, world)
    settings = WORLDS[world][1]
    everything = f"{mail.subject}\n{mail.html}\n{mail.text}"
    assert not re.search(r"\bNone\b|\{\{|\{%|\[\[|javascript:|\u0307|googleapis", everything)
    assert len(mail.html.encode()) < 90_000
    assert len(mail.subject) < SUBJECT_LENGTH_MAX
    assert f'lang="{locale}"' in mail.html
    assert not re.search(r"(src|href)=\"(?!https://)", mail.html)
    assert not re.search(r"\n{4,}|[ \t]{3,}\S", mail.text)
    assert not re.search(r"\s[,.;:!?](\s|$)", plain(mail.text).replace(" ? ", "")), mail.text
    assert mail.text.splitlines()[1] == "", "the headline stands alone"
    asks = name in ALSO_COMMERCIAL or SHIPPED_KINDS.get(name) != "transactional"
    assert (settings["unsubscribe_url"] in mail.html) == asks
    assert (settings["unsubscribe_url"] in mail.text) == asks


@EVERY_LANGUAGE
@EVERY_MAIL
def test_the_greeting_goes_with_the_name(name: str, locale: str) -> None:
    full, sparse = rendered(name, locale, "a"), rendered(name, locale, "sparse")
    assert GREETINGS[locale] in full.text
    assert GREETINGS[locale] in seen(full.html)[0]
    greeting = GREETINGS[locale].split()[0].rstrip(",")
    assert not re.search(rf"^{greeting}\b", sparse.text, re.MULTILINE)
    assert f"{greeting} " not in seen(sparse.html)[0]


@EVERY_WORLD
@EVERY_LANGUAGE
@EVERY_MAIL
def test_the_text_part_says_what_the_html_says(name: str, locale: str, world: str) -> None:
    mail = rendered(name, locale, world)
    shown, links = seen(mail.html)
    text = plain(mail.text)
    assert links == set(re.findall(r"https://\S+", mail.text))
    for line in mail.text.splitlines():
        for piece in re.split(r"https://\S+|^\s*[-*]\s|: |[()]|:$|^--$", line):
            assert plain(piece) in shown, f"the HTML part lacks {piece!r}"
    for value in values(WORLDS[world][0]()):
        if value.startswith("https://") or value in CATEGORIES:
            continue
        assert (plain(value) in shown) == (plain(value) in text), f"{value!r} stands in one part only"


@EVERY_LANGUAGE
@EVERY_MAIL
def test_no_value_of_the_data_stands_in_a_template(name: str, locale: str) -> None:
    first, second = rendered(name, locale, "a"), rendered(name, locale, "b")
    for data, settings, mail in ((data_a(), WORLDS["a"][1], second), (data_b(), WORLDS["b"][1], first)):
        everything = f"{mail.subject}\n{mail.html}\n{mail.text}"
        assert [value for value in values({**data, **settings}) if value in everything] == []
    assert first.html != second.html


@EVERY_LANGUAGE
@EVERY_MAIL
def test_offers_products_and_questions_are_where_they_belong(name: str, locale: str) -> None:
    mail, sparse = rendered(name, locale, "a"), rendered(name, locale, "sparse")
    data = data_a()
    for part in (mail.html, mail.text):
        assert (data["offer"]["code"] in part) == (name in OFFERING)
        for item in data["recommended"]["items"]:
            assert (item["name"] in part) == (name in RECOMMENDING)
        surveys = set(re.findall(r"[?&;]survey=([\w-]+)", part)) - {"stay"}
        assert surveys == ({ASKING[name]} if name in ASKING else set())
    for part in (sparse.html, sparse.text):
        assert "survey=" not in part
        assert (REPLY[locale] in part) == (name in ASKING), "without a page, the mail asks for a reply"


@EVERY_MAIL
def test_every_word_is_translated_and_used(name: str) -> None:
    words = {locale: words_of(name, locale) for locale in LOCALES}
    assert list(words["tr"]) == list(words["az"]) == list(words["en"])
    for path in words["tr"]:
        said = {literal(words[locale][path]) for locale in LOCALES}
        assert len(said) == len(LOCALES), f"{path}: {said}"
    for locale in LOCALES:
        parts = shop()[name].locales[locale]
        for path, text in words[locale].items():
            assert as_markup(text) in parts.html or text in parts.subject, f"{path} is used nowhere"
            assert as_text(text) in parts.text or path in ("/subject", "/preview"), (
                f"{path} is not in the text part"
            )


@EVERY_MAIL
def test_each_language_is_itself(name: str) -> None:
    text = {locale: " ".join(map(literal, words_of(name, locale).values())).lower() for locale in LOCALES}
    assert not re.search("[əqxw]", text["tr"]), "a letter that Turkish has not"
    assert "ə" in text["az"]
    assert not re.search("[wâî]", text["az"])
    assert re.findall(rf"\b(?:{'|'.join(TURKISH_ONLY)})\b", text["az"]) == []
    assert re.fullmatch("[\x20-\x7e\u2013“”…]+", text["en"]), "a letter that English has not"


def test_the_base_has_the_same_words_in_each_language() -> None:
    words = {locale: words_of("_base", locale) for locale in LOCALES}
    assert list(words["tr"]) == list(words["az"]) == list(words["en"])
    for path in words["tr"]:
        assert len({literal(words[locale][path]) for locale in LOCALES}) == len(LOCALES), path


@EVERY_LANGUAGE
def test_an_answer_decides_what_help_is_offered(locale: str) -> None:
    stuck, asking = rendered("cart-answer-help", locale, "a"), rendered("cart-answer-help", locale, "b")
    assert stuck.text.splitlines()[4] != asking.text.splitlines()[4]


@EVERY_LANGUAGE
def test_the_heading_says_why_products_are_recommended(locale: str) -> None:
    words = words_of("_base", locale)
    for world, reason in (("a", "bought_together"), ("b", "best_sellers")):
        mail = rendered("vip-welcome", locale, world)
        assert words[f"/recommended/{reason}"] in mail.html
        assert words[f"/recommended/{reason}"] in mail.text
        assert words["/recommended/viewed"] not in mail.html


@EVERY_LANGUAGE
def test_an_old_price_is_struck_only_if_it_was_higher(locale: str) -> None:
    data = data_a()
    assert "<s>" in rendered("price-drop", locale, "a").html
    data["event"]["old_price"] = data["event"]["price"]
    same = compiled("price-drop", locale).render({**template_data(data), **SETTINGS_A})
    assert "<s>" not in same.html
    del data["event"]["price"]
    assert "<s>" not in compiled("price-drop", locale).render({**template_data(data), **SETTINGS_SPARSE}).html


@EVERY_LANGUAGE
def test_a_tracking_number_is_whole_and_leads_to_the_parcel(locale: str) -> None:
    mail = rendered("order-shipped", locale, "a")
    number, address = data_a()["event"]["tracking_number"], data_a()["event"]["tracking_url"]
    assert re.search(rf'<a href="{address}"[^>]*>{number}</a>', mail.html)
    assert number in mail.text
    assert address in mail.text
