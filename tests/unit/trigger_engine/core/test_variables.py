"""What conditions can read beside the customer's own record: runs, segments, an answer, her preferences."""

import pytest

from tests.unit.trigger_engine.core.history import T0, at
from trigger_engine.core.cel import CelError, EvaluationError
from trigger_engine.core.conditions import DECLARATIONS, MAIL_DECLARATIONS, Scene, Value, Where, text_of
from trigger_engine.core.state import FOREVER, CustomerState, Happening, Run, new_state

START = Happening("s1", "signed_up", T0, {"plan": "trial"})
ANSWER = Happening("a1", "survey_answered", T0 + 5, {"score": 3})


def customer() -> CustomerState:
    state = new_state("c1")
    state.runs.append(Run("cart", "v1", "c1/k1", START, 0, T0))
    return state


def holds(source: str, state: CustomerState, answer: Happening | None = None, now: int = T0) -> bool:
    return Where(source, MAIL_DECLARATIONS).holds(Scene(state, None, START, now, answer))


def test_a_run_is_pending_while_it_waits_and_every_other_id_is_not() -> None:
    assert holds("runs['cart'].pending", customer())
    assert not holds("runs['other'].pending", customer())
    assert not holds("runs['cart'].pending", new_state("c1"))
    assert holds("runs['cart'].pending && !runs['no-such-trigger'].pending", customer())


def test_segments_are_the_sorted_ids_of_those_she_is_in() -> None:
    state = customer()
    state.segments = {"vip": T0, "keen": T0}
    assert Value("segments", MAIL_DECLARATIONS).of(Scene(state, None, START, T0)) == ["keen", "vip"]
    assert holds("'vip' in segments && !('lost' in segments)", state)


def test_an_answer_is_null_until_there_is_one() -> None:
    unhappy = "answer != null && answer.properties.score < 4 && answer.type == 'survey_answered'"
    assert holds("answer == null", customer())
    assert not holds(unhappy, customer())
    assert holds(unhappy, customer(), ANSWER)
    with pytest.raises(EvaluationError):
        holds("answer.properties.score < 4", customer())


def test_facts_of_an_answer_are_what_was_read() -> None:
    where = Where("answer != null && answer.properties.score < 4", MAIL_DECLARATIONS)
    assert where.facts(Scene(customer(), None, START, T0, ANSWER))["answer.properties.score"] == 3
    assert where.facts(Scene(customer(), None, START, T0))["answer.properties.score"] is None


def test_facts_of_runs_and_of_what_is_missing() -> None:
    where = Where("runs['a'].pending || start.properties.plan == 'x'", MAIL_DECLARATIONS)
    assert where.facts(Scene(customer(), None, Happening("s", "t", T0), T0)) == {
        "runs.a.pending": False,
        "start.properties.plan": None,
    }


def test_a_person_is_not_shown_in_facts() -> None:
    state = customer()
    state.profile.email = "a@example.com"
    where = Where("profile.email != null && profile.first_name == null", MAIL_DECLARATIONS)
    assert where.facts(Scene(state, None, START, T0)) == {
        "profile.email": "(given)",
        "profile.first_name": None,
    }


def test_preferences_and_pause_are_part_of_the_profile() -> None:
    state = customer()
    state.profile.preferences = {"pace": "slow"}
    assert holds("profile.preferences.pace == 'slow'", state)
    assert not holds("has(profile.preferences.colour)", state)
    assert not holds("profile.paused", state)
    state.profile.paused_until = at("1h")
    assert holds("profile.paused", state, now=at("1h") - 1)
    assert not holds("profile.paused", state, now=at("1h"))
    state.profile.paused_until = FOREVER
    assert holds("profile.paused", state, now=at("400d"))


@pytest.mark.parametrize("source", ["answer == null", "event.typ == 'x'", "views.item == 1", "runs['a'].due"])
def test_what_is_not_there_is_found_when_the_file_is_read(source: str) -> None:
    with pytest.raises(CelError):
        Where(source, DECLARATIONS)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (1, "1"),
        (1.5, "1.5"),
        (True, "true"),
        (None, None),
        ([1], None),
        ({"a": 1}, None),
        ("", ""),
    ],
)
def test_the_text_of_a_value_names_an_occasion(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_a_long_text_is_hashed() -> None:
    assert text_of("x" * 256) == "x" * 256
    assert text_of("x" * 257) != text_of("x" * 258)
    assert len(text_of("x" * 257) or "") == 32
