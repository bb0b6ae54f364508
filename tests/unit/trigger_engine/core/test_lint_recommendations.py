"""Lint: a step that says what to recommend, where no mail of it would show it."""

import pytest

from services.triggers.folder import LIBRARY, check_folder
from trigger_engine.core.lint import lint
from trigger_engine.core.trigger_file import read_trigger

FILE = """id: cart
status: live
kind: marketing
when: {event: product_added}
experiment: {variants: {a: 50%, b: 50%}}
steps:
"""
SAID = "cart.yaml:8: warning: steps[0].recommend: the template 'plain' shows no recommended products"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("  - mail: plain\n    recommend: viewed\n", [SAID]),
        ("  - mail: shows\n    recommend: viewed\n", []),
        ("  - mail: {a: plain, b: shows}\n    id: m\n    recommend: viewed\n", []),
        ("  - mail: plain\n", []),
    ],
)
def test_recommending_in_a_mail_that_shows_nothing_is_warned_of(step: str, expected: list[str]) -> None:
    file = read_trigger(FILE + step, "cart.yaml")
    assert [
        str(each).partition(";")[0]
        for each in lint([file], template_names=("plain", "shows"), recommending={"shows"})
        if "recommend" in each.field
    ] == expected
    assert not [each for each in lint([file], template_names=("plain", "shows")) if "recommend" in each.field]


def test_the_library_recommends_only_in_mails_that_show_it() -> None:
    checked = check_folder(LIBRARY)
    assert checked.rule_set is not None
    assert not [each for each in checked.remarks if "recommend" in each.field]
