"""Triggers in words: every pattern and every step of the language has them."""

from typing import Any

import pytest

from services.triggers.words import conditions_of, mail_steps, pattern_in_words, trigger_in_words
from trigger_engine.core.trigger_file import parse_trigger

HEAD = "id: t\nstatus: live\nkind: marketing\n"


def form(when: str, steps: str = "[{mail: hello}]", more: str = "") -> dict[str, Any]:
    return parse_trigger(f"{HEAD}when: {when}\nsteps: {steps}\n{more}", "t.yaml")


@pytest.mark.parametrize(
    ("when", "more", "said"),
    [
        ("{event: signed_up}", "", "signed_up"),
        ("{event: [a, b, c], where: cart.value > 0}", "", "a, b or c where cart.value > 0"),
        (
            "{event: a}",
            "wait: 45m\nunless: [b, {event: c, where: event.properties.x == 1}]",
            "45m after a without b or c where event.properties.x == 1",
        ),
        (
            "{count: product_viewed, per: event.properties.category, within: 7d, at_least: 3}",
            "",
            "3 times product_viewed within 7d for each event.properties.category",
        ),
        (
            "{sum: event.properties.total, of: order_completed, within: 30d, at_least: 500.5}",
            "",
            "event.properties.total of order_completed adds up to 500.5 within 30d",
        ),
        ("{inactive: 30d, after: signed_up}", "", "nothing done for 30d after signed_up"),
        (
            '{date: profile.traits.birthday, offset: -7d, at: "10:30", repeat: yearly}',
            "",
            "7 days before profile.traits.birthday, every year, at 10:30 her time",
        ),
        ("{date: profile.traits.renewal}", "", "on profile.traits.renewal, once, at 09:00 her time"),
        (
            "{date: {holiday: Republic Day, country: TR}}",
            "",
            "on Republic Day (TR), every year, at 09:00 her time",
        ),
        (
            "{date: {holiday: {TR: Republic Day, NO: Christmas Day}}, repeat: once}",
            "",
            "on Republic Day (TR) or Christmas Day (NO), once, at 09:00 her time",
        ),
        ("{leaves: vip}", "", "she leaves the segment vip"),
        (
            "{enters: vip, start_with_existing: true, spread: 2d}",
            "",
            "she enters the segment vip; who is in already starts too, spread over 2d",
        ),
    ],
)
def test_patterns(when: str, more: str, said: str) -> None:
    assert pattern_in_words(form(when, more=more)) == said


STEPS = """
  - mail: hello
  - wait: 1d
  - wait_until: {event: clicked, for: 2d, where: event.properties.x > 1}
  - wait_until: {at: "10:00"}
  - choose:
      - if: cart.value >= 1000
        mail: discount
        offer: {pool: cart-10, value: 10%, valid_for: 3d}
        else: social
      - mail: social
        id: proof
  - skip_if: orders.count > 3
  - set: {preferences: {tips: true}}
  - goal: [{event: order_completed}]
    id: bought
  - mail: thanks
  - exit
"""


def test_steps() -> None:
    trigger = form("{event: a}", STEPS)
    lines = [line.strip() for line in trigger_in_words(trigger, "v")]
    then = lines[lines.index("then") + 1 : lines.index("each mail is checked for")]
    assert then == [
        "1. mail hello",
        "2. wait 1d",
        "3. wait until clicked where event.properties.x > 1, at most 2d",
        "4. wait until 10:00 her time",
        "5. choose",
        "if cart.value >= 1000",
        "1. mail discount with an offer of 10%, else social",
        "else",
        "1. mail social (step proof)",
        "6. skip the next step if orders.count > 3",
        "7. set preferences: {tips: true}",
        "8. goal bought: order_completed brings the run here",
        "9. mail thanks",
        "10. exit",
    ]
    assert mail_steps(trigger) == ["hello", "discount", "proof", "thanks"]


def test_particulars() -> None:
    more = (
        "priority: 80\nexit: unsubscribed\naudience: profile.country == 'TR'\nonce_per: event.event_id\n"
        "cooldown: 7d\nsupersedes: [other]\non_edit: drain\n"
        "experiment: {holdout: 10%, variants: {a: 50%, b: 50%}}\n"
    ).replace("event.event_id", "event.type")
    text = "\n".join(trigger_in_words(form("{event: a}", "[{mail: {a: x, b: y}, id: m}]", more), "v1"))
    for part in (
        "t  version v1",
        "live, marketing, priority 80",
        "ends at    unsubscribed",
        "audience   profile.country == 'TR'",
        "cooldown   7d after its last mail",
        "supersedes other",
        "hold-out 10%, a 50%, b 50%",
        "drain: runs do their next mail and end",
        "1. mail a: x, b: y (step m)",
        "expiry, audience, address, suppression, consent, cooldown, caps",
    ):
        assert part in text


def test_every_condition_is_found() -> None:
    trigger = form("{event: a, where: cart.value > 0}", STEPS, "audience: profile.country == 'TR'")
    assert [field for field, _ in conditions_of(trigger)] == [
        "when.where",
        "audience",
        "steps[2].wait_until.where",
        "steps[4].choose[0].if",
        "steps[5].skip_if",
    ]
