"""Rule sets: loading, the index by event type, and what an edit means for runs under way."""

import pytest

from schemas.rule_set import RuleSet, Template, TemplateText
from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, History, product, rules_of
from trigger_engine.core.rules import NO_RULES, RulesError, load_rules
from trigger_engine.core.step import abandon, step
from trigger_engine.core.trigger_file import parse_trigger, trigger_version

MESSAGE = {"en": TemplateText(subject="s", html="h", text="t")}


def test_an_event_meets_only_the_triggers_that_can_care() -> None:
    rules = rules_of(CART, ORDER, SERIES)
    assert rules.concern("product_viewed", None) is None
    concern = rules.concern("order_completed", None)
    assert concern is not None
    assert [trigger.id for trigger in concern.starters] == ["order"]
    assert concern.ends
    derived = rules.concern("product_added", ("product_added", "cart_updated"))
    assert derived is not None
    assert [trigger.id for trigger in derived.starters] == ["cart"]


def test_without_rules_events_update_state_and_start_nothing() -> None:
    history = History(CART)
    history.rules = NO_RULES
    assert NO_RULES.digest == ""
    assert history.event("product_added", "0s", **product()) == []
    assert len(history.state.cart.items) == 1


def test_a_run_goes_on_under_the_version_it_began_with() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    old = history.rules
    history.rules = rules_of(CART.replace("mail: reminder", "mail: new-reminder"), earlier=(old,))
    assert history.until("45m") == ["fired cart/reminder", "send reminder"]
    fired = history.last("fired")
    assert fired.trigger_version == old.concern("product_added", None).starters[0].version
    assert fired.rules_digest == history.rules.digest != old.digest


def test_endings_of_an_earlier_version_still_end_its_runs() -> None:
    history = History(SERIES)
    history.event("signed_up", "0s")
    history.sent("hello", "1m")
    history.rules = rules_of(SERIES.replace("exit: unsubscribed\n", ""), earlier=(history.rules,))
    assert history.event("unsubscribed", "1h") == ["exited series"]


@pytest.mark.parametrize("texts", [(ORDER,), (ORDER, SERIES.replace("status: live", "status: draft"))])
def test_runs_of_a_trigger_that_is_no_longer_live_end(texts: tuple[str, ...]) -> None:
    history = History(SERIES)
    history.event("signed_up", "0s")
    history.rules = rules_of(*texts, earlier=(history.rules,))
    assert history.until("2d") == ["exited series"]
    assert "no longer live" in history.last("exited").reason


def test_a_run_of_an_unknown_version_ends_with_an_error() -> None:
    history = History(SERIES)
    history.event("signed_up", "0s")
    history.rules = rules_of(SERIES.replace("2d", "3d"))
    assert history.until("2d") == ["error series"]
    assert "no known rule set" in history.last("error").reason


def test_a_wake_up_that_raised_ends_its_run_with_an_error() -> None:
    from schemas.records import CauseRecord
    from trigger_engine.core.inputs import WakeUp
    from trigger_engine.core.state import CustomerState

    history = History(CART, SERIES)
    history.event("product_added", "0s", **product())
    history.event("signed_up", "1m")
    due_at = history.state.next_wake_up_at
    assert due_at is not None
    wake_up = WakeUp(due_at, CauseRecord("wake_up", "tetik.events", 0, 2))
    state, effects = abandon(history.rules, history.state, wake_up, due_at, "KeyError: x")
    assert isinstance(state, CustomerState)
    assert [(effect.record.trigger_id, effect.record.outcome) for effect in effects] == [("cart", "error")]
    assert effects[0].record.reason == "the step raised, so the run ended: KeyError: x"
    assert [run.trigger_id for run in state.runs] == ["series"]
    assert state.next_wake_up_at != due_at


def test_a_missing_template_is_refused() -> None:
    with pytest.raises(RulesError, match="trigger order: no template named 'confirmation'"):
        load_rules(RuleSet.of([parse_trigger(ORDER, "order.yaml")]))


def test_a_set_that_is_not_understood_is_refused() -> None:
    form = parse_trigger(ORDER, "order.yaml")
    template = [Template.of("confirmation", MESSAGE)]
    with pytest.raises(RulesError, match="trigger order: surprise: unknown field 'surprise'"):
        load_rules(RuleSet.of([form | {"surprise": 80}], templates=template))
    with pytest.raises(RulesError, match="two triggers have the id order"):
        load_rules(RuleSet.of([form, form], templates=template))
    with pytest.raises(RulesError, match="policy: lateness: 'soon' is no duration"):
        load_rules(RuleSet.of([form], templates=template, policy={"lateness": "soon"}))
    slip = [{"id": "vip", "when": "oders.count > 5"}]
    with pytest.raises(RulesError, match="segment vip: when: unknown name 'oders'"):
        load_rules(RuleSet.of([form], templates=template, segments=slip))


def test_a_version_is_the_digest_of_the_content() -> None:
    form = parse_trigger(ORDER, "a.yaml")
    assert trigger_version(form) == trigger_version(parse_trigger(ORDER + "\n# a comment\n", "b.yaml"))
    assert trigger_version(form) != trigger_version(parse_trigger(ORDER + "expires_after: 1h\n", "a.yaml"))
    assert len(trigger_version(form)) == 12


def test_the_normal_form_is_its_own_normal_form() -> None:
    from trigger_engine.core.definition import check_definition

    for text in (CART, ORDER, SERIES):
        form = parse_trigger(text, "x.yaml")
        assert check_definition(form) == (form, [])


def test_step_gives_back_the_state_it_was_given() -> None:
    history = History(CART)
    from schemas.records import CauseRecord
    from trigger_engine.core.inputs import WakeUp

    state, effects = step(history.rules, history.state, WakeUp(5, CauseRecord("wake_up", "t", 0, 0)), 5)
    assert state is history.state
    assert effects == []
