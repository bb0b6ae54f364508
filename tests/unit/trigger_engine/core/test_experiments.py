"""Hold-outs, variants and shadows: who gets what, and that it stays."""

from collections import Counter
from typing import Any

from schemas.ids import decision_id, send_id, stable_hash
from tests.unit.trigger_engine.core import history as histories
from tests.unit.trigger_engine.core.history import ORDER, History, rules_of
from trigger_engine.core.experiments import Experiment, assign, compile_experiment, position
from trigger_engine.core.policy import Policy
from trigger_engine.core.state import CustomerState, new_state


def trial(shares: str, steps: str = "[{mail: hello}]", more: str = "") -> str:
    return f"""
id: trial
status: live
kind: marketing
when: {{event: article_read}}
steps: {steps}
experiment: {shares}
{more}
"""


TWO = "{holdout: 10%, variants: {a: 50%, b: 50%}}"
BY_VARIANT = "[{mail: {a: one, b: two}, id: hello}, {wait: {a: 1h, b: 2h}}, {mail: more}]"


def test_the_draw_is_the_hash_of_experiment_and_customer() -> None:
    for key in ("c1", "c2", "anon:x"):
        assert position("trial", key) == int(stable_hash("trial", key)[:8], 16) / 2**32


def test_shares_divide_those_not_held_out() -> None:
    experiment = compile_experiment({"holdout": 2000, "variants": {"a": 7500, "b": 2500}})
    drawn: Counter[Any] = Counter()
    for number in range(4_000):
        drawn[assign(new_state(f"c{number}"), "trial", experiment, Policy())] += 1
    assert abs(drawn[True, None] / 4_000 - 0.2) < 0.03
    assert abs(drawn[False, "a"] / 4_000 - 0.6) < 0.03
    assert abs(drawn[False, "b"] / 4_000 - 0.2) < 0.03


def drawn_as(variant: str | None, shares: str = TWO, steps: str = BY_VARIANT, **more: Any) -> History:
    """A customer whom the draw puts there."""
    experiment = rules_of(trial(shares)).triggers[0].experiment
    for number in range(1_000):
        key = f"c{number}"
        if assign(new_state(key), "trial", experiment, Policy())[1] == variant:
            history = History(trial(shares, steps), known=False, **more)
            history.state = new_state(key)
            history.event("profile_updated", "-1h", email="a@b.example", consent={"marketing_email": True})
            return history
    raise AssertionError("nobody was drawn so")


def test_a_variant_has_its_templates_and_waits() -> None:
    for variant, template, due_at in (("a", "one", "T10:00"), ("b", "two", "T11:00")):
        history = drawn_as(variant)
        history.event("article_read", "0s")
        history.until("1d")
        assert [request.template for request in history.requests] == [template, "more"]
        assert {request.variant for request in history.requests} == {variant}
        assert {decision.variant for decision in history.decisions} == {variant}
        assert due_at in str(history.last("fired").due_at)


def test_who_is_held_out_gets_nothing_and_everything_else_is_the_same() -> None:
    """The steps go on, the cooldown and the places under the caps are taken."""
    history = drawn_as(None, steps="[{mail: hello}, {wait: 1h}, {mail: more}]\ncooldown: 7d")
    assert history.event("article_read", "0s") == ["started trial", "held_out trial/hello"]
    assert history.until("1d") == ["held_out trial/more"]
    assert history.event("article_read", "2d") == ["started trial", "cooldown trial/hello"]
    assert len(history.state.slots) == 2
    assert history.requests == []


def test_a_variant_stays_when_shares_change() -> None:
    history = drawn_as("a")
    history.event("article_read", "0s")
    history.forget_nothing()
    for shares in ("{variants: {a: 1%, b: 99%}}", "{holdout: 90%, variants: {a: 1%, b: 99%}}"):
        history.rules = rules_of(trial(shares, BY_VARIANT), earlier=(history.rules,))
        history.event("article_read", "1d", id=shares)
        assert history.decisions[-1].variant == "a"


def test_a_variant_that_is_no_more_is_drawn_anew() -> None:
    history = drawn_as("a")
    history.event("article_read", "0s")
    history.rules = rules_of(trial("{variants: {c: 50%, d: 50%}}"), earlier=(history.rules,))
    history.event("article_read", "1d")
    assert history.decisions[-1].variant in ("c", "d")


def test_the_policys_hold_out_goes_over_all_marketing() -> None:
    news = "\nid: news\nstatus: live\nkind: marketing\nwhen: {event: article_read}\nsteps: [{mail: hello}]\n"
    history = History(news, ORDER, policy={"holdout": 9_999})
    assert position("policy", histories.CUSTOMER) < 0.9999
    assert history.event("article_read", "0s") == ["started news", "held_out news/hello"]
    assert "send confirmation" in history.event("order_completed", "1h", order_id="o1"), "never transactional"


def test_arms_are_bounded() -> None:
    state: CustomerState = new_state("c1")
    for number in range(200):
        assign(state, f"t{number}", Experiment(0.0, (("a", 1.0),)), Policy())
    assert len(state.arms) == 64
    assert assign(state, "t199", Experiment(0.0, (("a", 1.0),)), Policy()) == (False, "a")


SHADOW = """
id: cart-new
status: shadow
kind: marketing
when: {event: article_read}
cooldown: 1d
steps: [{mail: hello}, {wait: 2h}, {mail: more}]
"""


def test_a_shadow_decides_and_mails_nobody() -> None:
    history = History(SHADOW)
    assert history.event("article_read", "0s") == ["started cart-new", "shadow cart-new/hello"]
    assert history.until("2h") == ["shadow cart-new/more"]
    assert history.requests == []
    assert history.state.mails == []


def test_the_ids_of_a_shadow_are_its_own() -> None:
    history = History(SHADOW)
    history.event("article_read", "0s", id="e-1")
    started, shadow = history.decisions
    assert started.decision_id == decision_id("cart-new", "c1/e-1", None, "started", 0, shadow=True)
    assert shadow.decision_id == decision_id("cart-new", "c1/e-1", "hello", "shadow", 1, shadow=True)
    assert started.decision_id != decision_id("cart-new", "c1/e-1", None, "started", 0)
    assert send_id("t", "o", "s", shadow=True) != send_id("t", "o", "s")


def test_shadows_have_cooldowns_and_caps_of_their_own() -> None:
    live = SHADOW.replace("cart-new", "cart").replace("shadow", "live").replace("cooldown: 1d\n", "")
    history = History(SHADOW, live, policy={"caps": [{"at_most": 2, "within": "7d"}]})
    history.event("article_read", "0s")
    history.until("2h")
    assert history.event("article_read", "12h") == [
        "started cart",
        "capped cart/hello",
        "started cart-new",
        "cooldown cart-new/hello",
    ]
    assert history.event("article_read", "2d")[-1] == "capped cart-new/hello"
    assert Counter(slot.owner for slot in history.state.slots) == {"": 2, "cart-new": 2}
