"""Whatever stands in a story file, it is told or refused: nothing is raised."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.triggers.folder import LIBRARY, check_folder
from services.triggers.judge import tell, timeline_of
from services.triggers.story import Happens, Names
from services.triggers.story_reader import STEP_FIELDS, WANTED_FIELDS, stories_of
from trigger_engine.core.rules import Rules, load_rules

WORDS = st.sampled_from(
    (
        *("cart-reminder", "cart-abandoned", "welcome", "mail", "anything", "sent", "clicked", "fired"),
        *("45m", "-1h", "10d", "2026-03-02 10:00", "product_added", "order_completed", "subscribed"),
        *("ada@example.com", "", "x" * 300),
    )
)
TYPES = st.sampled_from(["product_added", "cart_updated", "order_completed", "subscribed", "profile_updated"])
SCALARS = st.one_of(
    WORDS, st.none(), st.booleans(), st.integers(-5, 10**15), st.floats(-1e15, 1e15), st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WANTED_FIELDS), inner, max_size=3)
    ),
    max_leaves=6,
)
PROPERTIES = st.dictionaries(
    st.sampled_from(["product_id", "price", "quantity", "order_id", "email", "consent", "total"]),
    VALUES,
    max_size=4,
)
FIELDS = sorted({"after", "at", *STEP_FIELDS, *(name for names in STEP_FIELDS.values() for name in names)})
STEPS = st.one_of(
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3),
    st.fixed_dictionaries(
        {"event": WORDS, "properties": PROPERTIES}, optional={"after": WORDS, "anonymous": WORDS}
    ),
    st.fixed_dictionaries({"after": st.sampled_from(["45m", "1d", "30d"])}),
    st.fixed_dictionaries({"expect": VALUES}),
    st.fixed_dictionaries({"mail": WORDS, "outcome": WORDS}),
    VALUES,
)
STORIES = st.fixed_dictionaries(
    {
        "story": st.just("It"),
        "steps": st.lists(STEPS, max_size=6).map(lambda steps: [*steps, {"expect_none": "mail"}]),
    },
    optional={
        "profile": PROPERTIES | VALUES,
        "start": VALUES,
        "customer": VALUES,
        "mails": VALUES,
        "triggers": VALUES,
    },
)


@pytest.fixture(scope="module")
def library() -> tuple[Rules, Names]:
    checked = check_folder(LIBRARY, texts=False)
    assert checked.rule_set is not None
    return load_rules(checked.rule_set), Names.of(checked.rule_set)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=VALUES | st.fixed_dictionaries({"stories": st.lists(STORIES | VALUES, max_size=2)}))
def test_any_plain_data_is_told_or_refused(library: tuple[Rules, Names], data: Any) -> None:
    rules, names = library
    stories, problems = stories_of(data, names)
    assert all(problem.message for problem in problems)
    for story in [] if problems else stories:
        told = tell(story, rules)
        assert len(timeline_of(told)) >= sum(isinstance(step, Happens) for step in story.steps)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(st.fixed_dictionaries({"event": TYPES, "properties": PROPERTIES}), min_size=1, max_size=5)
)
def test_any_properties_are_told(library: tuple[Rules, Names], steps: list[dict[str, Any]]) -> None:
    """Odd events are dead letters in production; here they are failures of the story."""
    rules, names = library
    data = {"stories": [{"story": "It", "steps": [*steps, {"after": "10d"}, {"expect_none": "mail"}]}]}
    (story,), problems = stories_of(data, names)
    assert problems == []
    assert len(timeline_of(tell(story, rules))) >= len(steps)
