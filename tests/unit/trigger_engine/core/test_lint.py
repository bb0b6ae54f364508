"""Lint: what is wrong across files that are fine one by one, with file, line, field and what to do."""

import pytest

from tests.contract.rule_files import good
from trigger_engine.core.lint import Finding, lint
from trigger_engine.core.trigger_file import RuleFile, read_policy, read_segment, read_trigger

CART = """id: cart
status: live
kind: marketing
when: {event: product_added}
wait: 1h
steps:
  - mail: reminder
"""
BROWSE = CART.replace("id: cart", "id: browse").replace("product_added", "product_viewed")
VIP = "id: vip\nwhen: orders.count > 5\n"
POLICY = "quiet_hours: {from: 22:00, to: 8:00}\noccasion_memory: 30d\n"
TEMPLATES = ("reminder", "welcome")


def files(*texts: str) -> list[RuleFile]:
    return [read_trigger(text, f"{text.split()[1]}.yaml") for text in texts]


def found(*texts: str, policy: str | None = None) -> list[str]:
    """The findings as `level file:line field: message; suggestion`."""
    rules = None if policy is None else read_policy(policy, "policy.yaml")
    return [
        f"{each.level} {each.file}:{each.line} {each.field}: {each.message}; {each.suggestion}"
        for each in lint(files(*texts), [read_segment(VIP, "vip.yaml")], rules, TEMPLATES)
    ]


def test_files_that_fit_together_are_left_alone() -> None:
    texts = (
        CART + "supersedes: browse\naudience: \"'vip' in segments && !runs['browse'].pending\"\n",
        BROWSE,
    )
    assert found(*texts, policy=POLICY) == []


def test_the_good_files_fit_together_but_for_one_that_expires_overnight() -> None:
    by_kind = {kind: [case.read() for case in good() if case.kind == kind] for kind in ("trigger", "segment")}
    policy = next(case.read() for case in good() if case.path.stem == "full")
    findings = lint(by_kind["trigger"], by_kind["segment"], policy)
    assert [(each.file, each.field) for each in findings] == [("cart-abandoned.yaml", "expires_after")]


STEPS = CART.replace("  - mail: reminder\n", "")
CASES: dict[str, tuple[tuple[str, ...], str]] = {
    "two files of one id": (
        (CART, CART),
        "error cart.yaml:1 id: 'cart' is the id of cart.yaml already; give each trigger its own",
    ),
    "a missing template": (
        (CART.replace("mail: reminder", "mail: remindr"),),
        "error cart.yaml:7 steps[0].mail: there is no template 'remindr'; did you mean 'reminder'?",
    ),
    "a missing template of a variant": (
        (
            CART.replace("mail: reminder", "mail: {a: reminder, b: gone}\n    id: x")
            + "experiment: {variants: {a: 50%, b: 50%}}\n",
        ),
        "error cart.yaml:7 steps[0].mail.b: there is no template 'gone'; there are: reminder, welcome",
    ),
    "a missing template beside an offer": (
        (CART + "    offer: {code: X, value: 10%, valid_for: 1d}\n    else: gone\n",),
        "error cart.yaml:9 steps[0].else: there is no template 'gone'; there are: reminder, welcome",
    ),
    "a missing template in a branch": (
        (STEPS + "  - choose:\n      - if: cart.value > 5\n        mail: gone\n      - mail: reminder\n",),
        "error cart.yaml:9 steps[0].choose[0].then[0].mail: there is no template 'gone'; "
        "there are: reminder, welcome",
    ),
    "supersedes an unknown trigger": (
        (CART + "supersedes: [brows]\n", BROWSE),
        "error cart.yaml:8 supersedes[0]: there is no trigger 'brows'; did you mean 'browse'?",
    ),
    "supersedes a draft": (
        (CART + "supersedes: browse\n", BROWSE.replace("live", "draft")),
        "warning cart.yaml:8 supersedes[0]: the trigger 'browse' is a draft, so it has no runs; "
        "set it live, or remove the name",
    ),
    "a shadow of an unknown trigger": (
        (CART.replace("live", "shadow") + "shadow_of: brows\n",),
        "error cart.yaml:8 shadow_of: there is no trigger 'brows'; there are: cart",
    ),
    "a shadow of a shadow": (
        (
            CART.replace("live", "shadow") + "shadow_of: browse\n",
            BROWSE.replace("live", "shadow") + "shadow_of: third\n",
            BROWSE.replace("browse", "third"),
        ),
        "warning cart.yaml:8 shadow_of: 'browse' is a shadow itself; name the trigger that mails",
    ),
    "the run of an unknown trigger": (
        (STEPS + "  - skip_if: runs['brows'].pending\n  - mail: reminder\n", BROWSE),
        "error cart.yaml:7 steps[0].skip_if: there is no trigger 'brows'; did you mean 'browse'?",
    ),
    "an unknown segment in a condition": (
        (CART + "audience: \"!('vipp' in segments)\"\n",),
        "error cart.yaml:8 audience: there is no segment 'vipp'; did you mean 'vip'?",
    ),
    "entering an unknown segment": (
        (CART.replace("{event: product_added}", "{enters: sleepy}"),),
        "error cart.yaml:4 when.enters: there is no segment 'sleepy'; there are: vip",
    ),
    "an event that is never sent": (
        (CART + "exit: segment_entered\n",),
        "error cart.yaml:8 exit[0]: no trigger ever meets an event 'segment_entered'; "
        "the engine keeps it to itself; None",
    ),
    "waiting for an event that is never sent": (
        (STEPS + "  - wait_until: {event: date, for: 1d}\n  - mail: reminder\n",),
        "error cart.yaml:7 steps[0].wait_until.event[0]: no trigger ever meets an event 'date'; "
        "the engine keeps it to itself; None",
    ),
    "a misspelt event type": (
        (CART + "exit: [order_complete]\n",),
        "warning cart.yaml:8 exit[0]: the event type 'order_complete' is not a usual one; "
        "did you mean 'order_completed'?",
    ),
    "an audience of nobody": (
        (CART + "audience: 1 > 2\n",),
        "warning cart.yaml:8 audience: it is never true, so nobody is ever mailed; correct it, or remove it",
    ),
    "a start that never comes": (
        (CART.replace("product_added}", "product_added, where: false}"),),
        "warning cart.yaml:4 when.where: it is never true, so no event ever starts it; "
        "correct it, or remove it",
    ),
    "a step that is always skipped": (
        (STEPS + "  - skip_if: true\n  - mail: reminder\n",),
        "warning cart.yaml:7 steps[0].skip_if: the next step is always skipped, as this reads nothing; "
        "remove it",
    ),
    "the same branch twice": (
        (
            STEPS + "  - choose:\n      - if: cart.value > 5\n        mail: reminder\n"
            "      - if: cart.value > 5\n        mail: welcome\n",
        ),
        "warning cart.yaml:10 steps[0].choose[1].if: branch 1 has the same if:, so no run ever comes here; "
        "change one of them",
    ),
    "a branch that is always taken": (
        (STEPS + "  - choose:\n      - if: true\n        mail: reminder\n      - mail: welcome\n",),
        "warning cart.yaml:8 steps[0].choose[0].if: it is always true, so no run ever comes to the branches "
        "below; move it to the end",
    ),
    "a branch that is never taken": (
        (STEPS + "  - choose:\n      - if: size('') > 0\n        mail: reminder\n      - mail: welcome\n",),
        "warning cart.yaml:8 steps[0].choose[0].if: it is never true, so no run ever comes here; None",
    ),
    "a choose of one way": (
        (STEPS + "  - choose:\n      - mail: reminder\n",),
        "warning cart.yaml:8 steps[0].choose[0]: the only branch has no if:, so nothing is chosen; add if:",
    ),
    "an answer to nothing": (
        (STEPS + "  - skip_if: answer != null\n  - mail: reminder\n",),
        "warning cart.yaml:7 steps[0].skip_if: answer is null here: no wait_until with event: comes before; "
        "add - wait_until: {event: survey_answered, for: 3d}",
    ),
    "an answer before the question": (
        (
            STEPS + "  - skip_if: answer != null\n  - mail: reminder\n"
            "  - wait_until: {event: survey_answered, for: 1d}\n  - mail: welcome\n",
        ),
        "warning cart.yaml:7 steps[0].skip_if: answer is null here: no wait_until with event: comes before; "
        "add - wait_until: {event: survey_answered, for: 3d}",
    ),
    "a cooldown beyond the memory": (
        (CART + "cooldown: 60d\n",),
        "warning cart.yaml:8 cooldown: the cooldown is longer than the occasion_memory of the policy, 30d; "
        "shorten it, or let the policy remember longer",
    ),
    "a mail that expires overnight": (
        (CART + "expires_after: 2h\n",),
        "warning cart.yaml:8 expires_after: a mail held back by the quiet hours (10h) may expire in them "
        "(after 2h); write expires_after: 10h or more",
    ),
    "a goal behind an exit": (
        (CART + "  - goal: order_completed\nexit: order_completed\n",),
        "warning cart.yaml:8 steps[1].goal[0]: exit: ends the run at 'order_completed' already, so the goal "
        "is never reached; remove it from exit: or from goal:",
    ),
    "two triggers on one event": (
        (CART, BROWSE.replace("product_viewed", "product_added")),
        "warning cart.yaml:4 when: 'browse' starts on the same events with the same priority, 50; "
        "give them different priorities, or let one supersede the other",
    ),
    "two triggers that supersede each other": (
        (CART + "supersedes: browse\n", BROWSE + "supersedes: cart\n"),
        "error cart.yaml:8 supersedes: 'browse' and 'cart' supersede each other, so neither would last; "
        "remove one of the two",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_slip_between_files_is_found(name: str) -> None:
    texts, expected = CASES[name]
    assert found(*texts, policy=POLICY) == [expected]


@pytest.mark.parametrize(
    "other",
    [
        BROWSE,
        BROWSE.replace("product_viewed", "product_added") + "priority: 60\n",
        BROWSE.replace("product_viewed", "product_added") + "supersedes: cart\n",
        BROWSE.replace("product_viewed", "product_added").replace("live", "draft"),
        BROWSE.replace("product_viewed", "product_added").replace("marketing", "transactional"),
        BROWSE.replace("event: product_viewed", "count: product_added, within: 1d, at_least: 2"),
    ],
)
def test_triggers_that_cannot_meet_are_no_rivals(other: str) -> None:
    assert found(CART, other) == []


def test_rivals_with_different_conditions_are_told_apart() -> None:
    texts = [
        text.replace("product_viewed", "product_added").replace(
            "product_added}", f"product_added, where: {where}}}"
        )
        for text, where in ((CART, "cart.value > 5"), (BROWSE, "cart.value <= 5"))
    ]
    assert found(*texts) == []
    assert len(found(texts[0], texts[1].replace("<= 5", "> 5"))) == 1


@pytest.mark.parametrize(("condition", "who"), [("true", "everybody"), ("1 > 2", "nobody")])
def test_a_segment_of_everybody_or_nobody(condition: str, who: str) -> None:
    segment = read_segment(f"id: odd\nwhen: {condition}\n", "odd.yaml")
    (finding,) = lint([], [segment])
    assert (finding.level, finding.line, finding.field) == ("warning", 2, "when")
    assert finding.message.startswith(f"{who} is in it")


def test_without_templates_and_policy_only_the_files_are_looked_at() -> None:
    assert lint(files(CART + "cooldown: 60d\nexpires_after: 2h\n")) == []


def test_a_finding_reads_as_one_line() -> None:
    finding = Finding(
        "error", "cart.yaml", 7, "steps[0].mail", "there is no template 'x'", "did you mean 'y'?"
    )
    assert str(finding) == ("cart.yaml:7: error: steps[0].mail: there is no template 'x'; did you mean 'y'?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            CART + "experiment: {variants: {a: 50%, b: 50%}}\n",
            "8 experiment.variants: the variants a, b differ in nothing;"
            " write wait: or mail: by variant, as mail: {a: …, b: …}",
        ),
        (
            CART.replace("wait: 1h\n", "").replace("steps:\n", "steps:\n  - goal: order_completed\n"),
            "6 steps[0]: nothing stands before the goal, so nobody is brought to it;"
            " move it behind the steps that may be left out",
        ),
        (
            CART + "unless: product_added\n",
            "8 unless[0]: 'product_added' starts the run, and ends it too; name another event, or add where:",
        ),
        (
            CART.replace("{event: product_added}", "{count: product_added, within: 7d, at_least: 3}")
            + "exit: [order_completed, product_added]\n",
            "8 exit[1]: 'product_added' is what is counted, and each one lets the count begin anew;"
            " name another event, or add where:",
        ),
        (
            CART.replace("{event: product_added}", "{date: now}").replace("wait: 1h\n", ""),
            "4 when.date: now moves on with time, so it is no date; name a date of the customer's",
        ),
        (
            CART + "audience: now.getDayOfWeek('Europe/Istanbul') == 7\n",
            "8 audience: getDayOfWeek() is never 7; it gives 0 to 6; 0 is Sunday",
        ),
        (
            CART + "audience: 12 == now.getMonth()\n",
            "8 audience: getMonth() is never 12; it gives 0 to 11; 0 is January",
        ),
        (CART + "audience: now.getDate() < 0\n", "8 audience: getDate() is never 0; it gives 1 to 31"),
    ],
)
def test_what_has_no_effect_is_warned_of(text: str, said: str) -> None:
    assert found(text) == [f"warning cart.yaml:{said}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit: {event: order_completed, where: 1 == 2}\n", "8 exit[0].where: {}it never ends a run"),
        ("unless: [a, {event: b, where: false}]\n", "8 unless[1].where: {}it never ends a run"),
        (
            "  - goal: {event: order_completed, where: 1 > 2}\n  - mail: welcome\n",
            "8 steps[1].goal[0].where: {}nobody reaches it",
        ),
        (
            "  - wait_until: {event: survey_answered, for: 1d, where: 1 > 2}\n  - mail: welcome\n",
            "8 steps[1].wait_until.where: {}no answer ever comes",
        ),
    ],
)
def test_endings_that_no_event_can_meet_are_warned_of(text: str, said: str) -> None:
    full = said.format("it is never true, so ")
    assert found(CART + text) == [f"warning cart.yaml:{full}; correct it, or remove it"]


def circle(*ways: str) -> list[str]:
    """What is said of triggers that supersede each other: `a>b` is one way, `a` one that supersedes none."""
    texts = []
    for number, way in enumerate(ways):
        name, _, over = way.partition(">")
        text = CART.replace("id: cart", f"id: {name}").replace("product_added", f"event_{number}")
        texts.append(text + (f"supersedes: [{over}]\n" if over else ""))
    return [each for each in found(*texts) if "supersede" in each]


def test_triggers_that_supersede_each_other_in_a_circle_are_refused() -> None:
    assert circle("a>b", "b>c", "c>a") == [
        "error c.yaml:8 supersedes: a supersedes b supersedes c supersedes a: a circle,"
        " in which none would last; remove one of them"
    ]
    assert circle("x>y", "y>z, w", "w>x", "z") == [
        "error y.yaml:8 supersedes: w supersedes x supersedes y supersedes w: a circle,"
        " in which none would last; remove one of them"
    ]


def test_superseding_without_a_circle_is_fine() -> None:
    assert circle("a>b, c", "b>c, d", "c>d", "d") == []


def test_a_segment_that_is_not_there_is_missed_where_there_are_none() -> None:
    leaver = CART.replace("{event: product_added}", "{leaves: vip}")
    (finding,) = lint(files(leaver))
    assert finding.suggestion == "there is no segment at all"


@pytest.mark.parametrize(
    "text",
    [
        CART.replace("wait: 1h", "wait: {a: 1h, b: 2h}") + "experiment: {variants: {a: 50%, b: 50%}}\n",
        CART.replace("- mail: reminder", "- mail: {a: reminder, b: welcome}\n    id: first")
        + "experiment: {variants: {a: 50%, b: 50%}}\n",
        CART.replace("- mail", "- wait: {a: 1d, b: 2d}\n  - mail")
        + "experiment: {variants: {a: 50%, b: 50%}}\n",
        CART + "experiment: {holdout: 10%}\n",
        CART.replace("steps:\n", "steps:\n  - goal: order_completed\n"),
        CART + "exit: product_added\n",
        CART + "unless: {event: product_added, where: event.properties.gift == true}\n",
        CART.replace("product_added}", "product_added, where: event.properties.gift == true}")
        + "unless: product_added\n",
        CART + "audience: now.getDayOfWeek() == 6 && now.getMonth() == 11 && now.getDate() == 31\n",
        CART + "audience: cart.age.getHours() > 100 && now.getDayOfYear() == 365\n",
    ],
)
def test_what_has_an_effect_is_not_warned_of(text: str) -> None:
    assert found(text) == []


def test_a_segment_by_an_impossible_day_is_warned_of() -> None:
    weekend = read_segment("id: vip\nwhen: now.getDayOfWeek() == 7\n", "vip.yaml")
    (finding,) = lint([], [weekend])
    assert str(finding) == (
        "vip.yaml:2: warning: when: getDayOfWeek() is never 7; it gives 0 to 6; 0 is Sunday"
    )


def test_many_rivals_are_one_warning_for_each_file() -> None:
    texts = [CART.replace("id: cart", f"id: cart-{number}") for number in range(1, 5)]
    assert [each.split(" with ")[0] for each in found(*texts)] == [
        "warning cart-2.yaml:4 when: 'cart-1' starts on the same events",
        "warning cart-3.yaml:4 when: 'cart-1' and 1 more start on the same events",
        "warning cart-4.yaml:4 when: 'cart-1' and 2 more start on the same events",
    ]
