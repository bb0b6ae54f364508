"""The benchmark of conditions: every contender answers, and the same; the table holds each figure."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from benchmarks.cel import CASES, CONTENDERS, Case, contenders, measure, table_of


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_all_contenders_give_the_same_answer(case: Case) -> None:
    answers = {name: run() for name, run in contenders(case).items()}
    assert set(answers.values()) == {case.answer}
    assert set(CONTENDERS) - set(answers) <= {"official, context"}


def test_a_contender_with_another_answer_is_not_measured() -> None:
    wrong = replace(CASES[0], by_hand=lambda scene: False)
    with pytest.raises(ValueError, match="Python by hand gives another answer"):
        measure(wrong, evaluations=1, rounds=1)


def test_the_table_shows_figures_and_ratios() -> None:
    assert measure(CASES[0], evaluations=3, rounds=2).keys() == set(CONTENDERS)
    figures = {"a case": dict(zip(CONTENDERS, (0.5, 1.0, 1.5, 5.0, 20.0), strict=True))}
    written = StringIO()
    Console(file=written, width=120).print(table_of(figures))
    text = written.getvalue()
    for shown in ("0.50 (1.0)", "1.00 (2.0)", "1.50 (3.0)", "5.00 (10.0)", "20.00 (40.0)"):
        assert shown in text
