"""A template's folder: one structure with the words of each language, and files of a language's own."""

from pathlib import Path

import pytest

from sender.adapters.template_files import SHIPPED, read_templates
from sender.core.template_compiler import TemplateRefused, compile_template

MAIL = (
    "<mjml><mj-head><mj-title>[[ words.subject ]]</mj-title></mj-head><mj-body><mj-section><mj-column>"
    "<mj-text>[% for each in words.text %]<p>[[ each ]]</p>[% endfor %]"
    "[% for name in words.answers %]<i>[[ name ]]:[[ words.answers[name] ]]</i>[% endfor %]</mj-text>"
    '<mj-text><a href="{{ unsubscribe_url }}">x</a></mj-text></mj-column></mj-section></mj-body></mjml>'
)
TEXT = "[[ words.text[0] ]] {{ unsubscribe_url }}"
TR = 'subject = "Konu"\ntext = ["Bir & iki"]\n[answers]\nlater = "Sonra"\n'
EN = """subject = "{{ brand }} & you"
text = ["One <b>&</b> two{% if 2 > 1 %}!{% endif %}"]
[answers]
later = "Later"
"""
FILES = {"mail.mjml": MAIL, "mail.txt": TEXT, "words.tr.toml": TR, "words.en.toml": EN}


def refusal(**changes: str | None) -> list[str]:
    """What is said of FILES with these changed (None: left out); `_` stands for the dots of a name."""
    files = FILES | {name.replace("_", "."): source for name, source in changes.items()}
    with pytest.raises(TemplateRefused) as refused:
        compile_template("t", {name: source for name, source in files.items() if source is not None})
    return str(refused.value).splitlines()


def test_one_structure_serves_all_languages() -> None:
    template = compile_template("t", FILES)
    assert set(template.locales) == {"tr", "en"}
    turkish, english = template.locales["tr"], template.locales["en"]
    assert (turkish.subject, english.subject) == ("Konu", "{{ brand }} & you")
    assert "<p>Bir &amp; iki</p>" in turkish.html
    assert "<i>later:Sonra</i>" in turkish.html
    assert turkish.text.startswith("Bir & iki {{ unsubscribe_url }}")


def test_a_line_does_not_end_behind_a_single_letter() -> None:
    files = FILES | {"words.tr.toml": TR.replace("Bir & iki", "Bu e-posta").replace("Konu", "e-posta")}
    turkish = compile_template("t", files).locales["tr"]
    assert "Bu e\u2011posta" in turkish.html
    assert turkish.text.startswith("Bu e-posta ")
    assert turkish.subject == "e-posta"


def test_words_are_text_and_no_markup_but_may_hold_expressions() -> None:
    english = compile_template("t", FILES).locales["en"]
    assert "One &lt;b&gt;&amp;&lt;/b&gt; two{% if 2 > 1 %}!{% endif %}" in english.html
    assert english.text.startswith("One <b>&</b> two{% if 2 > 1 %}!{% endif +%}"), "the line ends as written"


def test_a_word_that_one_language_lacks_is_named() -> None:
    assert refusal(words_en_toml='subject = "Subject"\n[answers]\nlater = "Later"\nnow = "Now"\n') == [
        "t/words.en.toml: the word 'text[0]' is missing; words.tr.toml has it",
        "t/words.tr.toml: the word 'answers.now' is missing; words.en.toml has it",
    ]


def test_a_word_that_all_lack_is_named_where_it_is_wanted() -> None:
    assert refusal(mail_txt="[[ words.answers.never ]]" + TEXT) == [
        "t/words.en.toml: the word 'answers.never' is missing",
        "t/words.tr.toml: the word 'answers.never' is missing",
    ]


def test_what_is_no_word_is_named() -> None:
    found = refusal(words_tr_toml='subject = " "\ntext = []\ncount = 3\n')
    assert found == [
        "t/words.tr.toml: the word 'subject' is empty",
        "t/words.tr.toml: the word 'text' is no text",
        "t/words.tr.toml: the word 'count' is no text",
    ]
    (broken,) = refusal(words_tr_toml='subject = "Konu"\ntext = [\n')
    assert broken.startswith("t/words.tr.toml")
    assert "is no TOML" in broken
    (broken,) = refusal(words_tr_toml='subject = "Konu"\ntext = oops\n')
    assert broken == "t/words.tr.toml, line 2: the file is no TOML: Invalid value"


def test_what_is_missing_in_the_folder_is_named() -> None:
    assert refusal(mail_txt=None) == ["t/mail.txt is missing: every mail needs a text part of its own"]
    assert refusal(words_tr_toml=None, words_en_toml=None) == [
        "t: there is no language; write for example t/mail.mjml, mail.txt and words.tr.toml"
    ]
    assert refusal(mail_mjml=None)[0].startswith("t: there is no language")


def test_a_finding_in_a_shared_file_names_the_language() -> None:
    (found,) = refusal(words_tr_toml=TR.replace("Bir", "{{ profil.first_name }}"))
    assert found == "t/mail.mjml (tr): {{ profil }} is unknown; did you mean profile?"


def test_a_language_may_have_a_structure_of_its_own() -> None:
    own = MAIL.replace("[[ words.subject ]]", "Onun konusu")
    template = compile_template("t", {**FILES, "tr.mjml": own, "tr.txt": TEXT, "az.mjml": own, "az.txt": TEXT,
                                      "words.az.toml": TR})  # fmt: skip
    assert {locale: text.subject for locale, text in template.locales.items()} == {
        "az": "Onun konusu", "en": "{{ brand }} & you", "tr": "Onun konusu",
    }  # fmt: skip


OLDER_MJML = """[% extends "base.mjml" %]
[% import "parts.mjml" as parts %]
[% block title %]Konu[% endblock %]
[% block preview %]Önizleme[% endblock %]
[% block headline %]Başlık[% endblock %]
[% block content %]
[% import "words." ~ locale ~ ".txt" as words %]
[% call parts.say() %]Merhaba[% endcall %]
[[ parts.products("cart.items", "cart.currency", words) ]]
[[ parts.total("cart.value", "cart.currency", words) ]]
[[ parts.button("Düğme") ]]
[% endblock %]
"""
OLDER_TEXT = """[% extends "base.txt" %]
[% block content %]
[% import "words." ~ locale ~ ".txt" as words %]
[% import "parts.txt" as parts %]
Merhaba
[[ parts.products("cart.items", "cart.currency", words) ]]
[[ parts.button("Düğme") ]]
[% endblock %]
"""


def written(folder: Path, **files: str) -> Path:
    """Files under a folder: `__` stands for a slash, `_` before an ending for a dot."""
    for name, source in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name.replace("_", ".")).write_text(source, "utf-8")
    return folder


def test_a_shops_folder_with_a_file_for_each_language_keeps_working(tmp_path: Path) -> None:
    written(tmp_path, mine__tr_mjml=OLDER_MJML, mine__tr_txt=OLDER_TEXT)
    (template,) = read_templates(tmp_path)
    assert list(template.locales) == ["tr"]
    assert "Adet: {{ item.quantity | quantity }}" in template.locales["tr"].html
    assert "Abonelikten çık" in template.locales["tr"].text


def test_a_shop_writes_only_the_shared_words_it_wants_otherwise(tmp_path: Path) -> None:
    written(tmp_path, mine__tr_mjml=OLDER_MJML, mine__tr_txt=OLDER_TEXT)
    (tmp_path / "_own").mkdir()
    (tmp_path / "_own" / "words.tr.toml").write_text('sign_off = "Hoşça kalın,"', "utf-8")
    (tmp_path / "_own" / "theme.txt").write_text(read_theme().replace("#b4412b", "#0a5c36"), "utf-8")
    text = read_templates(tmp_path)[0].locales["tr"]
    assert "Hoşça kalın," in text.text
    assert "Abonelikten çık" in text.text
    assert "#0a5c36" in text.html
    assert "#b4412b" not in text.html


def read_theme() -> str:
    return (SHIPPED / "_base" / "theme.txt").read_text("utf-8")


def test_a_language_that_the_base_does_not_speak_is_refused_by_the_word(tmp_path: Path) -> None:
    mjml = OLDER_MJML.replace('[% import "words." ~ locale ~ ".txt" as words %]', "")
    written(tmp_path, mine__de_mjml=mjml, mine__de_txt=OLDER_TEXT)
    with pytest.raises(TemplateRefused, match=r"mine/words\.de\.toml: the word 'quantity' is missing"):
        read_templates(tmp_path)
