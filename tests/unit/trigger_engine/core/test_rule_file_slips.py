"""Slips in steps, patterns and fields of a trigger, and what the author is told, word for word."""

import pytest

from trigger_engine.core.trigger_file import (
    TriggerFileErrors,
    parse_policy,
    parse_trigger,
    read_policy,
    read_segment,
    read_trigger,
)

TRIGGER = "id: x\nstatus: live\nkind: marketing\nwhen: WHEN\nsteps: STEPS\n"
NO_ID = "is no id; use small letters, digits and hyphens, a letter first, as"
NO_DATE = "is no date; write 2026-11-27, 2026-11-27 10:00 or 2026-11-27T10:00:00Z"
LONG = "must be longer than nothing and at most 400d"
WAIT = "write wait_until: {event: survey_answered, for: 3d}"
UNIQUE = "ids are unique in a file; add id: to one of them"
NIGHT = 'write quiet_hours: {from: "22:00", to: "08:00"}'


def deep(levels: int) -> str:
    """So many choose steps, one in the other."""
    step = "{mail: a}"
    for level in range(levels):
        step = f"{{choose: [{{if: orders.count == {level}, then: [{step}]}}]}}"
    return f"[{step}]"


def told(text: str) -> list[str]:
    with pytest.raises(TriggerFileErrors) as caught:
        parse_trigger(text, "x")
    return [str(error).removeprefix("x:") for error in caught.value.errors]


def branches(count: int) -> str:
    """A choose of so many branches."""
    inside = ", ".join(f"{{if: orders.count == {number}, mail: m{number}}}" for number in range(count))
    return f"[{{choose: [{inside}]}}]"


def mails(count: int) -> str:
    """So many mails."""
    return "[" + ", ".join(f"{{mail: m{number}}}" for number in range(count)) + "]"


DEEP = "steps[0]" + ".choose[0].then[0]" * 3 + ".choose"
STEPS = {
    deep(4): f"{DEEP}: choose stands more than 3 deep; join the conditions with && or make it two triggers",
    "[{choose: cart}]": (
        "steps[0].choose: choose is a list of branches; "
        "write - if: cart.value >= 1000 and below it mail: cart-discount"
    ),
    branches(41): "steps[0].choose: 41 branches are too many; at most 40",
    "[{choose: [{mail: a}, {if: orders.count > 1, mail: b}]}]": (
        "steps[0].choose[0]: only the last branch may lack if:, since every run that comes to it takes it; "
        "add if:, or move it to the end"
    ),
    "[{mail: a}, {mail: a}]": f"steps[1]: two steps have the id 'a'; {UNIQUE}",
    "[{mail: a}, {wait: 1d}, {mail: b, id: a}]": f"steps[2]: two steps have the id 'a'; {UNIQUE}",
    "[{wait: 0s}, {mail: a}]": f"steps[0].wait: '0s' {LONG}",
    "[{wait: 401d}, {mail: a}]": f"steps[0].wait: '401d' {LONG}",
    "[{malt: a}]": "steps[0].malt: unknown field 'malt'; did you mean 'mail'?",
    "[]": (
        "steps: steps is a list of mail:, wait: and other steps; write - mail: cart-reminder or - wait: 24h"
    ),
    mails(41): "steps: 41 steps are too many; at most 40; make it two triggers",
    "[{wait_until: {at: '25:00'}}, {mail: a}]": (
        'steps[0].wait_until.at: \'25:00\' is no time of day; write "09:00" or "21:30"'
    ),
    "[{wait_until: {event: a}}, {mail: a}]": (
        f"steps[0].wait_until: the field 'for' is missing: how long to wait at most; {WAIT}"
    ),
    "[{wait_until: {event: a, for: 1d, at: '09:00'}}, {mail: a}]": (
        f"steps[0].wait_until: wait_until holds one of event:, at: and time:; {WAIT}"
    ),
    "[{set: {preferences: {a: [1]}}}, {mail: a}]": (
        "steps[0].set.preferences.a: a list is no value; write a text, a number, true, false or {value: …}"
    ),
    "[{set: {}}, {mail: a}]": "steps[0].set: set holds nothing; write set: {preferences: {topic: shoes}}",
    "[{set: {marketing_email: true}}, {mail: a}]": (
        "steps[0].set.marketing_email: set never grants consent: only false is possible, "
        "which stops marketing; ask her to subscribe; her answer is an event"
    ),
    "[{mail: a}, {goal: {event: b}, id: O P}, {mail: c}]": (
        f"steps[1].id: 'O P' {NO_ID} ordered; did you mean 'o-p'?"
    ),
    "[{mail: a}, {skip_if: orders.count > 1}]": (
        "steps[1]: skip_if skips the step after it, and there is none; remove it, or add a step"
    ),
}
WHENS = {
    "{event: []}": "when.event: the list is empty; name at least one, or remove the field",
    "{event: [a, a]}": "when.event[1]: 'a' is named twice; remove one of them",
    "{event: a, count: b}": (
        "when.count: event: and count: are two patterns, and a trigger has one; make it two triggers"
    ),
    "{count: a, within: 7d, at_least: 0}": (
        "when.at_least: 0 is not allowed here; write a whole number from 1 to 100"
    ),
    "{date: profile.traits.d, offset: 7}": "when.offset: 7 is no number of whole days; write 7d",
    "{date: profile.traits.d, at: noon}": ('when.at: \'noon\' is no time of day; write "09:00" or "21:30"'),
    "{date: profile.traits.d, repeat: daily}": (
        "when.repeat: 'daily' is not allowed here; use yearly or once"
    ),
    "{enters: VIP}": f"when.enters: 'VIP' {NO_ID} vip; did you mean 'vip'?",
    "{enters: vip, spread: 1d}": (
        "when.spread: spread acts on the customers who are in the segment already; "
        "add start_with_existing: true, or remove it"
    ),
}
FIELDS = {
    "supersedes: [x]": "supersedes[0]: a trigger does not supersede itself; remove it",
    "supersedes: [a, a]": "supersedes[1]: 'a' is named twice; remove one of them",
    "priority: 101": "priority: 101 is not allowed here; write a whole number from 0 to 100",
    "cooldown: 401d": f"cooldown: '401d' {LONG}",
    "expires_after: 0h": f"expires_after: '0h' {LONG}",
    "on_edit: keep": "on_edit: 'keep' is not allowed here; use pin, migrate or drain",
    "wait: 45": "wait: 45 is no duration: the unit is missing; write 45m, 45h or 45d",
}
POLICIES = {
    "quiet_hours: {from: 22:00}": f"quiet_hours: the field 'to' is missing; {NIGHT}",
    "quiet_hours: {from: 22:00, to: 22:00}": (
        f"quiet_hours: quiet hours that begin and end at the same time are none; {NIGHT}"
    ),
    "lateness: 0s": f"lateness: '0s' {LONG}",
    "occasion_memory: 23h": (
        "occasion_memory: '23h' is too short to keep anybody from being mailed twice; write 1d to 400d"
    ),
    "engagement: {half_life: 1h}": "engagement.half_life: '1h' is no number of whole days; write 30d",
    "engagement: {points: {a: x}}": "engagement.points.a: 'x' is no number; write 100 or 99.5",
    "calendar: {campaigns: [{id: a, at: 2026-03-01}, {id: a, at: 2026-04-01}]}": (
        "calendar.campaigns[1]: 'a' is named twice; remove one of them"
    ),
    "calendar: {campaigns: [{id: B F, at: 2026-03-01}]}": (
        f"calendar.campaigns[0].id: 'B F' {NO_ID} black-friday; did you mean 'b-f'?"
    ),
    "calendar: {campaigns: [{id: a, at: 2026-11-27 24:00}]}": (
        f"calendar.campaigns[0].at: '2026-11-27 24:00' {NO_DATE}"
    ),
    "calendar: {campaigns: [{id: a, at: 2026-11-27 23:60}]}": (
        f"calendar.campaigns[0].at: '2026-11-27 23:60' {NO_DATE}"
    ),
    "calendar: {sale_days: [{from: 2026-03-01}]}": (
        "calendar.sale_days[0]: the field 'to' is missing; write {from: 2026-11-27, to: 2026-11-30}"
    ),
}


@pytest.mark.parametrize("steps", STEPS)
def test_what_is_said_of_steps(steps: str) -> None:
    text = TRIGGER.replace("STEPS", steps).replace("WHEN", "{event: signed_up}")
    assert told(text) == [f"5: {STEPS[steps]}"]


@pytest.mark.parametrize("when", WHENS)
def test_what_is_said_of_a_pattern(when: str) -> None:
    assert told(TRIGGER.replace("STEPS", "[{mail: a}]").replace("WHEN", when)) == [f"4: {WHENS[when]}"]


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_said_of_a_field(field: str) -> None:
    text = TRIGGER.replace("STEPS", "[{mail: a}]").replace("WHEN", "{event: signed_up}")
    assert told(f"{text}{field}\n") == [f"6: {FIELDS[field]}"]


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_said_of_a_policys_field(policy: str) -> None:
    with pytest.raises(TriggerFileErrors) as caught:
        parse_policy(policy + "\n", "x")
    assert [str(error) for error in caught.value.errors] == [f"x:1: {POLICIES[policy]}"]


@pytest.mark.parametrize("steps", [deep(3), branches(39), mails(40)])
def test_as_many_steps_as_are_allowed_are_taken(steps: str) -> None:
    text = TRIGGER.replace("STEPS", steps).replace("WHEN", "{event: signed_up}")
    assert parse_trigger(text + "wait: 400d\npriority: 100\n", "x")["wait"] == "400d"


@pytest.mark.parametrize(
    "text",
    [
        "engagement: {points: {a: 1}}\n",
        "time_zone: UTC\n",
        "caps: []\n",
        "quiet_hours: {from: 22:00, to: 08:00}\n",
        "calendar: {}\n",
    ],
)
def test_a_policy_that_lies_among_triggers_is_known_by_any_of_its_fields(text: str) -> None:
    assert told(text) == ["1: trigger: this is a policy, and triggers lie here; name the file policy.yaml"]


def test_a_segment_that_lies_among_triggers_is_sent_to_its_folder() -> None:
    expected = "1: trigger: this is a segment, and triggers lie here; move the file to segments/"
    assert told("id: s\nwhen: orders.count > 5\n") == [expected]


def test_a_file_knows_its_name_and_kind() -> None:
    trigger = read_trigger(TRIGGER.replace("STEPS", "[{mail: a}]").replace("WHEN", "{event: a}"), "t.yaml")
    segment = read_segment("id: s\nwhen: orders.count > 5\n", "s.yaml")
    policy = read_policy("time_zone: UTC\n", "p.yaml")
    found = [(file.name, file.kind) for file in (trigger, segment, policy)]
    assert found == [("t.yaml", "trigger"), ("s.yaml", "segment"), ("p.yaml", "policy")]


def test_an_unknown_field_has_the_line_of_its_name_not_of_its_value() -> None:
    text = TRIGGER.replace("STEPS", "[{mail: a}]").replace("WHEN", "{event: a}")
    (error,) = told(f"{text}colours:\n\n  - blue\n")
    assert error.startswith("6: colours: unknown field 'colours'")
