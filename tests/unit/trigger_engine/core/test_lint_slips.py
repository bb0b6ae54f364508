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
