"""Templates: what is compiled, what is refused and how it is said, and how the shipped ones read."""

import re
from typing import Any

import pytest

from sender.adapters.template_files import SHIPPED, read_templates
from sender.core.composing import Identity, compose
from sender.core.formats import format_day, format_money
from sender.core.rendering import CompiledTemplate, RenderFailed, safe_link
from sender.core.template_compiler import TemplateRefused, compile_template
from sender.core.template_data import template_data
from tests.unit.sender.test_policy import send_request

SHOP = read_templates()
LOCALES = ("tr", "az", "en")
GREETINGS = {"tr": "Merhaba Ayşe,", "az": "Salam, Ayşe!", "en": "Hi Ayşe,"}
LINK, PICTURE = "https://shop.example/p/3", "https://shop.example/3.jpg"
ITEMS = [
    {"product_id": "1", "name": "Örgü <b>battaniye</b>", "price": 349.9, "quantity": 2, "url": None},
    {"product_id": "2", "name": None, "price": "12.50", "quantity": None, "url": "javascript:alert(1)"},
    {"product_id": "3", "name": "Kupa", "url": LINK, "image_url": PICTURE},
]
TEXT = "{{ unsubscribe_url }}"
IDENTITY = Identity(
    address="shop@mail.example", name="Shop", brand="Tetik Demo Shop", public_url="https://mail.example",
    secret="a-secret-of-the-tests", feedback_id_sender="tetik",
)  # fmt: skip


def mjml(body: str, *, title: str = "Hello", link: str = '<a href="{{ unsubscribe_url }}">x</a>') -> str:
    return (
        f"<mjml><mj-head><mj-title>{title}</mj-title></mj-head><mj-body>"
        f"<mj-section><mj-column>{body}<mj-text>{link}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )


def render(template: Any, locale: str, **data: Any) -> Any:
    parts = template.locales[locale]
    compiled = CompiledTemplate(
        template.name, locale, subject=parts.subject, html=parts.html, text=parts.text
    )
    variables = {"unsubscribe_url": "https://mail.example/u/x", "brand": "Shop", "shop_url": None}
    return compiled.render({**template_data(data), **variables})


def full_data() -> dict[str, Any]:
    return {
        "profile": {"first_name": "Ayşe", "last_name": None},
        "cart": {"id": "c", "items": ITEMS, "value": 712.3, "currency": "TRY"},
        "event": {"order_id": "536365", "total": 712.3, "currency": "TRY", "products": ITEMS},
    }


def test_all_shipped_mails_are_there_in_three_languages() -> None:
    assert {template.name for template in SHOP} == {
        "welcome", "welcome-discover", "welcome-favourites",
        "cart-reminder", "cart-questions", "cart-last-call", "order-confirmation",
    }  # fmt: skip
    assert all(set(template.locales) == set(LOCALES) for template in SHOP)
    assert read_templates(SHIPPED) == SHOP, "the same files make the same digests"


@pytest.mark.parametrize("template", SHOP, ids=lambda template: template.name)
@pytest.mark.parametrize("locale", LOCALES)
def test_a_shipped_mail_renders_with_everything_and_with_nothing(template: Any, locale: str) -> None:
    full, empty = render(template, locale, **full_data()), render(template, locale)
    assert GREETINGS[locale] in full.text
    assert GREETINGS[locale] in full.html
    greeting = GREETINGS[locale].split()[0]
    assert not re.search(rf"^{greeting}\b", empty.text, re.MULTILINE), "the greeting goes with the name"
    for rendered in (full, empty):
        assert len(rendered.html.encode()) < 90_000
        assert "None" not in rendered.html + rendered.text + rendered.subject
        assert "{{" not in rendered.html + rendered.text
        assert "javascript:" not in rendered.html + rendered.text
        assert f'lang="{locale}"' in rendered.html
        assert not re.search(r"(src|href)=\"(?!https://)", rendered.html)
        marketing = template.name != "order-confirmation"
        assert ("https://mail.example/u/x" in rendered.html) == marketing
        assert ("https://mail.example/u/x" in rendered.text) == marketing
        assert "googleapis" not in rendered.html
        assert not re.search(r"\n{4,}", rendered.text)


@pytest.mark.parametrize("name", ["cart-reminder", "order-confirmation"])
def test_product_rows(name: str) -> None:
    (template,) = [each for each in SHOP if each.name == name]
    rendered = render(template, "tr", **full_data())
    assert "Örgü &lt;b&gt;battaniye&lt;/b&gt;" in rendered.html
    assert "₺699,80" in rendered.html
    assert "₺712,30" in rendered.text
    assert '<img src="https://shop.example/3.jpg"' in rendered.html
    assert "https://shop.example/p/3" in rendered.text
    many = full_data()
    many["cart"]["items"] = many["event"]["products"] = ITEMS * 10
    assert "ve diğer ürünler" in render(template, "tr", **many).html


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (mjml("<mj-txt>x</mj-txt>"), "<mj-txt> is no MJML tag; did you mean <mj-text>?"),
        (mjml("<p>x</p>"), "<p> stands directly in <mj-column>"),
        (mjml("{% if cart %}"), "put it into <mj-text>, or into <mj-raw>"),
        (mjml('<mj-font name="x" href="https://f.example" />'), "must not load fonts from elsewhere"),
        (mjml('<mj-button href="{{ event.url }}">x</mj-button>'), "write {{ ... | link }}"),
        (mjml('<mj-button href="javascript:x">x</mj-button>'), "only http and https"),
        (mjml("<mj-text>{% if cart.value < 3 %}x{% endif %}</mj-text>"), "break the XML"),
        (
            mjml("<mj-text>{{ profil.first_name }}</mj-text>"),
            "{{ profil }} is unknown; did you mean profile?",
        ),
        (mjml("<mj-text>{% if cart %}</mj-text>"), "line"),
        (mjml("<mj-text>x"), "can't be read"),
        (mjml("", title=""), "write the subject into"),
        (mjml("", link="no link"), "t/tr.mjml: marketing mail needs a link"),
        (mjml("<mj-text>" + "x" * 90_000 + "</mj-text>"), "bytes of HTML"),
        ('[% extends "nothing.mjml" %]', "nothing.mjml"),
    ],
)
def test_what_is_refused_and_why(source: str, message: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        compile_template("t", {"tr": (source, TEXT)})
    assert message in str(refused.value)
    assert "t/tr" in str(refused.value) or "nothing" in str(refused.value)


def test_the_text_part_is_needed_and_needs_the_link() -> None:
    with pytest.raises(TemplateRefused, match=r"t/tr\.txt is missing"):
        compile_template("t", {"tr": (mjml(""), None)})
    with pytest.raises(TemplateRefused, match=r"t/tr\.txt: marketing mail needs"):
        compile_template("t", {"tr": (mjml(""), "hello")})
    assert compile_template("t", {"tr": (mjml("", link="x"), "hello")}, kind="transactional")
    with pytest.raises(TemplateRefused, match="no language"):
        compile_template("t", {})


def test_every_finding_is_listed() -> None:
    with pytest.raises(TemplateRefused) as refused:
        compile_template("t", {"tr": (mjml("<mj-a /><mj-b />"), TEXT), "en": (mjml(""), None)})
    assert len(str(refused.value).splitlines()) == 3


def hostile(html: str = "x", text: str = "x", subject: str = "x") -> CompiledTemplate:
    return CompiledTemplate("t", "tr", subject=subject, html=html, text=text)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ event.missing }}",
        "{% for a in range(1000) %}{% for b in range(1000) %}xxxxxxxxxx{% endfor %}{% endfor %}",
        "{{ 'x' * 100000000 }}",
        "{{ '%1000000000s' % 'x' }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 1 / 0 }}",
        "{% set _ = event.update({'a': 1}) %}",
    ],
)
def test_a_template_cannot_reach_out_or_grow_without_end(source: str) -> None:
    with pytest.raises(RenderFailed, match="template t/tr, text"):
        hostile(text=source).render({"event": {}})


def test_data_is_data_and_hidden_characters_are_dropped() -> None:
    rendered = hostile("{{ event.items }}", "{{ event.name }}", "{{ event.name }}").render(
        {"event": {"items": "mine", "name": "a\u202eb\x1bc\r\nd"}}
    )
    assert rendered.html == "mine"
    assert (rendered.subject, rendered.text) == ("abc d", "abc\nd\n")
    with pytest.raises(RenderFailed, match="subject is empty"):
        hostile(subject="{{ '' }}").render({})


def test_links() -> None:
    assert safe_link("https://x.example/a?b=c&d") == "https://x.example/a?b=c&d"
    for bad in ("javascript:alert(1)", "data:text/html,x", "//x.example", "https://", 'https://x"y', None, 3):
        assert safe_link(bad) == ""


def test_money_and_days() -> None:
    assert format_money(1234.5, "TRY", "tr") == "₺1.234,50"
    assert format_money("1234.5", "azn", "az") == "1.234,50\xa0₼"
    assert format_money(1234.5, "TRY", "en") == "TRY\xa01,234.50"
    assert format_money(1234.5, "GBP", "en") == "£1,234.50"
    assert format_money(1234.5, None, "en") == "1,234.50"
    assert [format_money(bad, "TRY", "tr") for bad in (None, "x", True, float("nan"), [])] == [""] * 5
    assert format_day("2026-11-22T16:00:00Z", "az") == "22 noyabr 2026"
    assert format_day("yesterday", "az") == ""


def test_a_composed_mail_is_the_same_every_time() -> None:
    (template,) = [each for each in SHOP if each.name == "cart-reminder"]
    parts = template.locales["tr"]
    compiled = CompiledTemplate(template.name, "tr", subject=parts.subject, html=parts.html, text=parts.text)
    request = send_request(data=full_data())
    assert compose(request, compiled, IDENTITY) == compose(request, compiled, IDENTITY)
    assert b"Feedback-ID: m:t:marketing:tetik\r\n" in compose(request, compiled, IDENTITY)
