"""A condition of a step that raises counts as false, and the next decision of the run tells it."""

from tests.unit.trigger_engine.core.history import History

MISSING = "profile.traits has no 'score'"
ERROR = f"choose: {MISSING}"


def series(steps: str, more: str = "") -> str:
    return f"""
id: series
status: live
kind: marketing
when: {{event: signed_up}}
steps:
{steps}
{more}
"""


CHOOSE = """
  - choose:
      - if: profile.traits.score > 1
        mail: high
      - then:
          - wait: 1d
          - mail: low
  - mail: end
"""


def test_an_error_in_choose_is_told_by_the_next_decision_and_by_no_other() -> None:
    history = History(series(CHOOSE))
    assert history.event("signed_up", "0s") == ["started series"]
    history.forget_nothing()
    history.until("1d")
    low, end = history.decisions[-2:]
    assert (low.outcome, low.step, low.facts["error"]) == ("fired", "low", ERROR)
    assert (end.outcome, end.step, "error" in end.facts) == ("fired", "end", False)
    assert "error" not in history.decisions[-3].facts, "it started before"


def test_an_error_is_told_by_whatever_the_run_comes_to_next() -> None:
    history = History(series(CHOOSE, "exit: unsubscribed"))
    history.event("signed_up", "0s")
    assert history.event("unsubscribed", "1h") == ["exited series"]
    assert history.last("exited").facts == {"error": ERROR}


def test_an_error_in_skip_if_skips_nothing_and_is_told() -> None:
    history = History(series("  - skip_if: profile.traits.score > 1\n  - mail: hello\n"))
    assert history.event("signed_up", "0s")[1:] == ["fired series/hello", "send hello"]
    assert history.last("fired").facts["error"] == f"skip_if: {MISSING}"


def test_an_error_in_set_changes_nothing_and_is_told() -> None:
    steps = "  - set: {preferences: {score: {value: profile.traits.score + 1}}}\n  - mail: hello\n"
    history = History(series(steps))
    history.event("signed_up", "0s")
    assert history.state.profile.preferences == {}
    assert history.last("fired").facts["error"] == f"set: {MISSING}"


def test_several_errors_are_told_together_within_the_bound_of_facts() -> None:
    skips = "".join(f"  - skip_if: profile.traits['{letter * 60}'] > 1\n  - exit\n" for letter in "abcd")
    steps = skips.replace("  - exit\n", "  - skip_if: false\n") + "  - mail: hello\n"
    history = History(series(steps))
    history.event("signed_up", "0s")
    error = history.last("fired").facts["error"]
    assert error.startswith("skip_if: ")
    assert "; skip_if: " in error
    assert len(error) == 200
