"""Lint: slips of event types, wherever a trigger names one; what counts as a slip; how a finding reads."""

import pytest

from trigger_engine.core.lint import Finding, lint
from trigger_engine.core.trigger_file import read_trigger

START = "id: x\nstatus: live\nkind: marketing\n"
MAIL = "steps:\n  - mail: hello\n"
EVENT = "when: {event: [signed_up, SLIP]}\n"
SIGN_UP = "when: {event: signed_up}\n"


def said(text: str) -> list[str]:
    """The findings as `line field`."""
    return [f"{one.line} {one.field}" for one in lint([read_trigger(text, "x.yaml")])]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (EVENT + MAIL, "4 when.event[1]"),
        ("when: {count: SLIP, within: 7d, at_least: 2}\n" + MAIL, "4 when.count[0]"),
        (
            "when: {sum: event.properties.total, of: [SLIP], within: 7d, at_least: 2}\n" + MAIL,
            "4 when.of[0]",
        ),
        ("when: {inactive: 30d, after: SLIP}\n" + MAIL, "4 when.after"),
        (SIGN_UP + "wait: 1h\n" + MAIL + "unless: SLIP\n", "8 unless[0]"),
        (SIGN_UP + MAIL + "exit:\n  - unsubscribed\n  - SLIP\n", "9 exit[1]"),
        (
            SIGN_UP + MAIL + "  - wait_until: {event: SLIP, for: 3d}\n  - mail: b\n",
            "7 steps[1].wait_until.event[0]",
        ),
        (SIGN_UP + MAIL + "  - goal: {event: SLIP}\n    id: done\n  - mail: b\n", "7 steps[1].goal[0]"),
    ],
)
def test_a_slip_is_found_wherever_an_event_is_named(text: str, place: str) -> None:
    assert said(START + text.replace("SLIP", "order_complete")) == [place]
    assert said(START + text.replace("SLIP", "order_completed")) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("order_complete", "order_completed"),
        ("order_completeds", "order_completed"),
        ("order_completad", "order_completed"),
        ("order_compelted", "order_completed"),
        ("rder_completed", "order_completed"),
        ("order_comlete", None),
        ("up_signed", None),
        ("order_completing", None),
        ("invoice_paid", None),
        ("order_completed", None),
    ],
)
def test_a_slip_is_one_letter_off_or_two_swapped(name: str, meant: str | None) -> None:
    text = START + EVENT.replace("SLIP", name) + MAIL
    found = [one.suggestion for one in lint([read_trigger(text, "x.yaml")])]
    assert found == ([] if meant is None else [f"did you mean {meant!r}?"])


def test_how_a_finding_reads() -> None:
    plain = Finding("warning", "x.yaml", 3, "when", "it is odd")
    assert str(plain) == "x.yaml:3: warning: when: it is odd"
    whole = Finding("error", "x.yaml", 3, "when", "it is wrong", "remove it", 7)
    assert str(whole) == "x.yaml:3:7: error: when: it is wrong; remove it"


RUN = "runs['no'].pending"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f'when: {{event: a, where: "{RUN}"}}\n{MAIL}', "4 when.where"),
        (f'when: {{sum: "{RUN} ? 1 : 2", of: a, within: 7d, at_least: 2}}\n{MAIL}', "4 when.sum"),
        (f"when: {{count: a, per: \"{RUN} ? 'a' : 'b'\", within: 7d, at_least: 2}}\n{MAIL}", "4 when.per"),
        (f'when: {{date: "{RUN} ? profile.traits.a : profile.traits.b"}}\n{MAIL}', "4 when.date"),
        (f"{SIGN_UP}{MAIL}audience: {RUN}\n", "7 audience"),
        (f"{SIGN_UP}{MAIL}once_per: \"{RUN} ? 'a' : 'b'\"\n", "7 once_per"),
        (f'{SIGN_UP}wait: 1h\n{MAIL}unless:\n  - {{event: a, where: "{RUN}"}}\n', "9 unless[0].where"),
        (f'{SIGN_UP}{MAIL}exit: {{event: a, where: "{RUN}"}}\n', "7 exit[0].where"),
        (f"{SIGN_UP}steps:\n  - skip_if: {RUN}\n  - mail: a\n", "6 steps[0].skip_if"),
        (
            f'{SIGN_UP}steps:\n  - wait_until: {{event: a, where: "{RUN}", for: 1d}}\n  - mail: a\n',
            "6 steps[0].wait_until.where",
        ),
        (
            f'{SIGN_UP}steps:\n  - wait_until: {{time: "{RUN} ? now : now"}}\n  - mail: a\n',
            "6 steps[0].wait_until.time",
        ),
        (
            f'{SIGN_UP}steps:\n  - set: {{preferences: {{a: {{value: "{RUN}"}}}}}}\n  - mail: a\n',
            "6 steps[0].set.preferences.a.value",
        ),
        (
            f'{SIGN_UP}{MAIL}  - goal: {{event: a, where: "{RUN}"}}\n    id: g\n  - mail: b\n',
            "7 steps[1].goal[0].where",
        ),
        (
            f'{SIGN_UP}steps:\n  - choose: [{{mail: a, if: "{RUN}"}}]\n',
            "6 steps[0].choose[0].if",
        ),
    ],
)
def test_a_trigger_nobody_has_is_found_in_every_expression(text: str, place: str) -> None:
    found = lint([read_trigger(START + text, "x.yaml")])
    assert [f"{one.line} {one.field}" for one in found] == [place]
    assert [one.message for one in found] == ["there is no trigger 'no'"]


@pytest.mark.parametrize("field", ["unless", "exit"])
@pytest.mark.parametrize(
    "when",
    [
        "{count: order_completed, within: 7d, at_least: 2}",
        "{sum: event.properties.total, of: [signed_up, order_completed], within: 7d, at_least: 2}",
    ],
)
def test_what_is_counted_and_ends_the_count_is_found(when: str, field: str) -> None:
    text = f"{START}when: {when}\n{MAIL}{field}: order_completed\n"
    text += "wait: 1h\n" if field == "unless" else ""
    (found,) = lint([read_trigger(text, "x.yaml")])
    assert f"{found.line} {found.field}" == f"7 {field}[0]"
    assert found.message == "'order_completed' is what is counted, and each one lets the count begin anew"


def test_an_event_that_starts_a_run_may_be_its_exit_but_not_its_unless() -> None:
    assert said(f"{START}{SIGN_UP}{MAIL}exit: signed_up\n") == []
    assert said(f"{START}{SIGN_UP}wait: 1h\n{MAIL}unless: signed_up\n") == ["8 unless[0]"]


def messages(*texts: str) -> list[str]:
    """What is said of files, each with an id of its own."""
    files = [read_trigger(text, f"{number}.yaml") for number, text in enumerate(texts)]
    return [f"{one.field}: {one.message}; {one.suggestion}" for one in lint(files)]


def test_what_the_engine_says_to_itself_starts_nothing_and_ends_nothing() -> None:
    (start,) = messages(START + "when: {event: inactive}\n" + MAIL)
    assert start.startswith("when.event[0]: ")
    assert start.endswith("use when: {enters: …}, {inactive: …} or {date: …}")
    (ending,) = messages(START + SIGN_UP + MAIL + "exit: inactive\n")
    assert ending.startswith("exit[0]: ")
    assert "use when" not in ending


def test_a_goal_that_an_exit_forestalls_unless_that_asks_for_more() -> None:
    goal = "  - goal: order_completed\n    id: ordered\n  - mail: thanks\n"
    plain = START + SIGN_UP + MAIL + goal + "exit: order_completed\n"
    asking = START + SIGN_UP + MAIL + goal + "exit: {event: order_completed, where: orders.count > 3}\n"
    assert len(messages(plain)) == 1
    assert messages(asking) == []


def test_one_of_two_rivals_may_ask_for_more() -> None:
    asking = "when: {event: signed_up, where: profile.country == 'TR'}\n"
    other = START.replace("id: x", "id: y") + asking + MAIL
    (said_once,) = messages(START + SIGN_UP + MAIL, other)
    assert "starts on the same events with the same priority, 50" in said_once


def test_a_draft_may_name_a_draft() -> None:
    named = START.replace("status: live", "status: draft") + SIGN_UP + MAIL
    naming = named.replace("id: x", "id: y") + "supersedes: x\n"
    assert messages(named, naming) == []
    assert len(messages(named, naming.replace("status: draft", "status: live"))) == 1
