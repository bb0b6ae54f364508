"""Templates: what is compiled, what is refused and how it is said, and how values are shown."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from sender.core.composing import Identity, compose
from sender.core.formats import format_day, format_money, format_value
from sender.core.rendering import CompiledTemplate, RenderFailed, answer_link, safe_link
from sender.core.template_compiler import TemplateRefused, compile_template
from tests.fixtures.mail_samples import data_a
from tests.unit.sender.mails import compiled
from tests.unit.sender.test_policy import send_request

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


def compile_one(source: str, text: str | None = TEXT, **more: Any) -> Any:
    files = {"tr.mjml": source} | ({} if text is None else {"tr.txt": text})
    return compile_template("t", files, **more)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (mjml("<mj-txt>x</mj-txt>"), "<mj-txt> is no MJML tag; did you mean <mj-text>?"),
        (mjml("<p>x</p>"), "<p> stands directly in <mj-column>"),
        (mjml("{% if cart %}"), "put it into <mj-text>, or into <mj-raw>"),
        (mjml('<mj-font name="x" href="https://f.example" />'), "must not load fonts from elsewhere"),
        (
            mjml('<mj-button href="{{ event.url }}">x</mj-button>'),
            "write {{ ... | link }} or {{ ... | visit }}",
        ),
        (mjml('<mj-button href="javascript:x">x</mj-button>'), "only http and https"),
        (mjml("<mj-text>{% if cart.value < 3 %}x{% endif %}</mj-text>"), "break the XML"),
        (
            mjml("<mj-text>{{ profil.first_name }}</mj-text>"),
            "{{ profil }} is unknown; did you mean profile?",
        ),
        (mjml("<mj-text>{% if cart %}</mj-text>"), "line"),
        (mjml("<mj-text>{{ cart </mj-text>"), "line"),
        (mjml("<mj-text>{{ cart | moneyy }}</mj-text>"), "No filter named 'moneyy'"),
        (mjml("", title="{{ evnt.order_id }}"), "{{ evnt }} is unknown; did you mean event?"),
        (mjml("<mj-text>x"), "can't be read"),
        (mjml("", title=""), "write the subject into"),
        (mjml("", link="no link"), "t/tr.mjml: marketing mail needs a link"),
        (mjml("<mj-text>" + "x" * 90_000 + "</mj-text>"), "bytes of HTML"),
        ('[% extends "nothing.mjml" %]', "nothing.mjml"),
    ],
)
def test_what_is_refused_and_why(source: str, message: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        compile_one(source)
    assert message in str(refused.value)
    assert "t/tr" in str(refused.value) or "nothing" in str(refused.value)


def test_the_text_part_is_needed_and_needs_the_link() -> None:
    with pytest.raises(TemplateRefused, match=r"t/tr\.txt is missing"):
        compile_one(mjml(""), None)
    with pytest.raises(TemplateRefused, match=r"t/tr\.txt: marketing mail needs"):
        compile_one(mjml(""), "hello")
    assert compile_one(mjml("", link="x"), "hello", kind="transactional")
    with pytest.raises(TemplateRefused, match="no language"):
        compile_template("t", {})


def test_every_finding_is_listed() -> None:
    with pytest.raises(TemplateRefused) as refused:
        compile_template("t", {"tr.mjml": mjml("<mj-a /><mj-b />"), "tr.txt": TEXT, "en.mjml": mjml("")})
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
    assert format_day("2026-11-22", "en") == "November 22, 2026"
    assert format_day("2026-11-22T00:30:00+03:00", "tr") == "22 Kasım 2026", "the day as it is written"
    assert [format_day(bad, "az") for bad in ("yesterday", "", None, 20261122)] == [""] * 4


def test_what_an_offer_is_worth() -> None:
    assert [format_value("10%", locale) for locale in ("tr", "az", "en")] == ["%10", "10%", "10%"]
    assert format_value("12.5 %", "tr") == "%12,5"
    assert format_value("50 TRY", "tr") == "₺50,00"
    assert format_value("2 for 1", "tr") == "2 for 1"
    assert [format_value(bad, "tr") for bad in (None, 10, ["10%"])] == ["", "", ""]


def test_an_answer_is_a_link_to_the_survey_page() -> None:
    page = "https://shop.example/poll"
    assert answer_link(page, "s", "a") == f"{page}?survey=s&answer=a"
    assert answer_link(f"{page}?x=1#top", "s p", "ç&") == f"{page}?x=1&survey=s+p&answer=%C3%A7%26#top"
    assert [answer_link(bad, "s", "a") for bad in (None, "", "javascript:x", 3)] == [""] * 4


def test_a_composed_mail_is_the_same_every_time() -> None:
    template = compiled("cart-reminder", "tr")
    request = send_request(data=data_a())
    assert compose(request, template, IDENTITY) == compose(request, template, IDENTITY)
    assert b"Feedback-ID: m:t:marketing:tetik\r\n" in compose(request, template, IDENTITY)


def test_the_survey_page_of_the_settings_reaches_the_mail() -> None:
    template, request = compiled("feedback-request", "en"), send_request(data=data_a())
    identity = replace(IDENTITY, survey_url="https://shop.example/answers")
    mail = message_from_bytes(compose(request, template, identity), policy=default)
    assert mail.get_body(("plain",)).get_content().count("https://shop.example/answers?survey=feedback") == 5
    without = message_from_bytes(compose(request, template, IDENTITY), policy=default)
    assert "Just reply to this e-mail" in without.get_body(("plain",)).get_content()


TAGGED = replace(IDENTITY, shop_url="https://shop.example/?from=mail#top", utm_source="tetik")
SAID = "utm_source=tetik&utm_medium=email&utm_campaign=t&utm_content=m"


def texts_of(request: Any, identity: Identity, name: str = "cart-reminder") -> str:
    mail = message_from_bytes(compose(request, compiled(name, "en"), identity), policy=default)
    return str(mail.get_body(("html",)).get_content() + mail.get_body(("plain",)).get_content())


def test_links_to_the_shop_say_which_mail_they_stand_in() -> None:
    texts = texts_of(send_request(data=data_a()), TAGGED)
    assert f"https://shop.example/?from=mail&{SAID}#top" in texts
    assert f"from=mail&{SAID}#top".replace("&", "&amp;") in texts
    assert "utm_content=m-b" in texts_of(send_request(data=data_a(), variant="b"), TAGGED)
    assert "utm_" not in texts_of(send_request(data=data_a()), replace(TAGGED, utm_source=None))


def test_the_shops_own_campaign_and_other_peoples_addresses_stay_as_they_are() -> None:
    own = "https://shop.example/p?utm_source=newsletter"
    data = {
        **data_a(),
        "event": {"tracking_number": "1", "tracking_url": "https://parcels.example/1", "url": own},
    }
    shipped = texts_of(send_request(data=data), TAGGED, "order-shipped")
    assert "https://parcels.example/1" in shipped
    assert "parcels.example/1?" not in shipped
    assert f'href="{own}"' in texts_of(send_request(data=data), TAGGED, "content-delivery")
    for line in texts_of(send_request(data=data_a()), TAGGED).splitlines():
        assert "/u/" not in line or "utm_" not in line.partition("/u/")[2].split('"')[0]


def test_an_address_that_is_no_link_gets_no_parameters_either() -> None:
    data = {**data_a(), "event": {"url": "javascript:x", "title": "t"}}
    assert "javascript" not in texts_of(send_request(data=data), TAGGED, "content-delivery")
