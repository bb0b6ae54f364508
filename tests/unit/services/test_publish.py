"""Trigger and template files become a rule set, or a list of what is wrong with them."""

from pathlib import Path

import pytest

from schemas.rule_set import RuleSet
from services.publish import LIBRARY, TEMPLATES, PublishRefused, read_rule_set
from services.triggers.folder import Place, templates_of
from tests.fixtures.shop import SHOP

CART = (SHOP / "cart-abandoned.yaml").read_text("utf-8")
ORDER = (SHOP / "order-confirmation.yaml").read_text("utf-8")
MJML = (
    "<mjml><mj-head><mj-title>Hello</mj-title></mj-head><mj-body><mj-section><mj-column>"
    "<mj-text>%s</mj-text></mj-column></mj-section></mj-body></mjml>"
)
LINK = '<a href="{{ unsubscribe_url }}">x</a>'


@pytest.fixture
def triggers(tmp_path: Path) -> Path:
    folder = tmp_path / "triggers"
    folder.mkdir()
    return folder


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "mails"
    folder.mkdir()
    return folder


def problems(triggers: Path, templates: Path = TEMPLATES) -> list[str]:
    with pytest.raises(PublishRefused) as refused:
        read_rule_set(triggers, templates)
    return str(refused.value).splitlines()


def write_template(templates: Path, name: str, html: str, text: str = "text") -> None:
    (templates / name).mkdir()
    (templates / name / "en.mjml").write_text(MJML % html, "utf-8")
    (templates / name / "en.txt").write_text(text, "utf-8")


@pytest.fixture(scope="module")
def library() -> RuleSet:
    return read_rule_set(LIBRARY, TEMPLATES)


def test_the_library_is_fit_to_publish(library: RuleSet) -> None:
    assert {trigger["id"] for trigger in library.triggers} == {file.stem for file in Place(LIBRARY).triggers}
    mailed = {name for trigger in library.triggers for name in templates_of(trigger)}
    assert {template.name for template in library.templates} == mailed
    assert {locale for template in library.templates for locale in template.locales} == {"tr", "az", "en"}


def test_the_same_files_are_the_same_set(triggers: Path, library: RuleSet) -> None:
    """A repeated publish is harmless, wherever the files lie and whatever they are called."""
    (triggers / "segments").mkdir()
    for file in LIBRARY.glob("**/*.yaml"):
        if file.parent.name != "stories":
            (triggers / file.relative_to(LIBRARY).with_suffix(".yml")).write_bytes(file.read_bytes())
    again = read_rule_set(triggers, TEMPLATES)
    assert again == library
    assert again == RuleSet.model_validate_json(again.model_dump_json())
    (triggers / "cart-abandoned.yml").write_text(CART.replace("45m", "46m"), "utf-8")
    assert read_rule_set(triggers, TEMPLATES).digest != again.digest


def test_a_typo_is_named_with_file_line_field_and_suggestion(triggers: Path) -> None:
    (triggers / "carts.yaml").write_text(CART.replace("unless:", "unles:"), "utf-8")
    line = CART.splitlines().index("unless: [order_completed, cart_emptied]") + 1
    assert problems(triggers) == [
        f"triggers/carts.yaml:{line}: error: unles: unknown field 'unles'; did you mean 'unless'?"
    ]


def test_a_typo_in_a_condition_too(triggers: Path) -> None:
    (triggers / "carts.yaml").write_text(CART.replace("cart.value", "cart.valeu"), "utf-8")
    (said,) = problems(triggers)
    line = next(n for n, text in enumerate(CART.splitlines(), 1) if "where:" in text)
    column = CART.splitlines()[line - 1].index("value") + 1
    assert said.startswith(f"triggers/carts.yaml:{line}:{column}: error: when.where: ")
    assert said.endswith("did you mean 'value'?")


def test_every_broken_file_is_named_and_nothing_that_follows_from_it(triggers: Path) -> None:
    """The confirmation's template has no unsubscribe link: no fault, though its trigger cannot be read."""
    (triggers / "a.yaml").write_text(CART.replace("unless:", "unles:"), "utf-8")
    (triggers / "b.yaml").write_text(ORDER.replace("kind:", "kynd:"), "utf-8")
    (triggers / "c.yml").write_bytes(b"id: \xff\xfe")
    said = problems(triggers)
    assert {line.split(":")[0] for line in said} == {"triggers/a.yaml", "triggers/b.yaml", "triggers/c.yml"}
    assert "triggers/c.yml:1: error: file: it is no text in UTF-8; save it as UTF-8 in the editor" in said


def test_a_missing_template_is_named(triggers: Path) -> None:
    (triggers / "carts.yaml").write_text(CART.replace("mail: cart-questions", "mail: cart-question"), "utf-8")
    line = CART.splitlines().index("  - mail: cart-questions") + 1
    assert problems(triggers) == [
        f"triggers/carts.yaml:{line}: error: steps[2].mail: there is no template 'cart-question'; "
        "did you mean 'cart-questions'?"
    ]


def test_where_no_template_is_alike_all_are_named(triggers: Path, templates: Path) -> None:
    write_template(templates, "hello", LINK, "{{ unsubscribe_url }}")
    (triggers / "order.yaml").write_text(ORDER, "utf-8")
    (said,) = problems(triggers, templates)
    assert said.endswith("there is no template 'order-confirmation'; there are: hello")


def test_an_id_belongs_to_one_file(triggers: Path) -> None:
    (triggers / "a.yaml").write_text(CART, "utf-8")
    (triggers / "b.yaml").write_text(CART, "utf-8")
    line = CART.splitlines().index("id: cart-abandoned") + 1
    assert problems(triggers) == [
        f"triggers/b.yaml:{line}: error: id: 'cart-abandoned' is the id of triggers/a.yaml already; "
        "give each trigger its own"
    ]


def test_an_empty_folder_is_no_rule_set(triggers: Path) -> None:
    said = f"triggers:1: error: folder: there are no trigger files (*.yaml) in {triggers}"
    assert problems(triggers) == [said]


def test_marketing_asks_for_an_unsubscribe_link(triggers: Path, templates: Path) -> None:
    """A template is marketing as soon as one marketing trigger mails it, in whatever order they come."""
    write_template(templates, "note", "Hello")
    order = ORDER.replace("mail: order-confirmation", "mail: note")
    (triggers / "m-order.yaml").write_text(order, "utf-8")
    assert [each.name for each in read_rule_set(triggers, templates).templates] == ["note"]
    marketing = order.replace("kind: transactional", "kind: marketing").replace("id: order", "id: other")
    for name in ("a-first.yaml", "z-last.yaml"):
        (triggers / name).write_text(marketing, "utf-8")
        assert any("unsubscribe_url" in line for line in problems(triggers, templates))
        (triggers / name).unlink()
