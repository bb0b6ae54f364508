"""What an author is told, word for word, with line, field and what to write instead.

Whole malformed files stand in tests/contract/data; here are single slips, and values just within bounds.
"""

from collections.abc import Callable
from typing import Any

import pytest

from trigger_engine.core.trigger_file import TriggerFileErrors, parse_policy, parse_segment, parse_trigger

TRIGGER = "id: x\nstatus: live\nkind: marketing\nwhen: {event: signed_up}\nsteps: [{mail: hello}]\n"
SIGN_UP = "{event: signed_up}"
MAIL = "{mail: hello}"
ALONE = "a segment is a condition on the customer alone"
NO_EVENT = "there is no event here, only the customer: profile, orders, cart …"
NO_TIME = 'is no time of day; write "09:00" or "21:30"'
NO_DATE = "is no date; write 2026-11-27, 2026-11-27 10:00 or 2026-11-27T10:00:00Z"
NO_YAML = "file: this is no YAML:"
LOOK = "look at the signs and the indentation of this line and the one above"

Parse = Callable[[str, str], dict[str, Any]]


def said(parse: Parse, text: str) -> list[str]:
    with pytest.raises(TriggerFileErrors) as caught:
        parse(text, "x")
    return [str(error).removeprefix("x:") for error in caught.value.errors]


POLICIES = {
    "time_zone: Istanbul\n": ["1: time_zone: 'Istanbul' is no time zone; did you mean 'Europe/Istanbul'?"],
    "time_zone: baku\n": ["1: time_zone: 'baku' is no time zone; did you mean 'Asia/Baku'?"],
    "time_zone: New York\n": ["1: time_zone: 'New York' is no time zone; did you mean 'America/New_York'?"],
    "time_zone: Qqqq\n": [
        "1: time_zone: 'Qqqq' is no time zone; "
        "write Europe/Istanbul, Asia/Baku or another name of the IANA list"
    ],
    "quiet_hours: {from: 22:60, to: 24:00}\n": [
        f"1: quiet_hours.from: '22:60' {NO_TIME}",
        f"1: quiet_hours.to: '24:00' {NO_TIME}",
    ],
    "calendar:\n  campaigns: [{id: a, at: 1999-12-31T10:00:00Z}, {id: b, at: 2100-01-01T10:00:00Z}]\n": [
        "2: calendar.campaigns[0].at: '1999-12-31T10:00:00Z' is out of bounds; "
        "years 2000 to 2099 are possible",
        "2: calendar.campaigns[1].at: '2100-01-01T10:00:00Z' is out of bounds; "
        "years 2000 to 2099 are possible",
    ],
    "calendar:\n  campaigns: [{id: a, at: '2026-03-01T24:00:00Z'}, {id: b, at: '2026-13-01'}]\n": [
        f"2: calendar.campaigns[0].at: '2026-03-01T24:00:00Z' {NO_DATE}",
        f"2: calendar.campaigns[1].at: '2026-13-01' {NO_DATE}",
    ],
    "calendar:\n  blackouts: [{from: 2026-03-05, to: 2026-03-02}]\n": [
        "2: calendar.blackouts[0]: it ends before it begins; let to: be the same day as from:, or a later one"
    ],
    "engagement:\n  points:\n" + "".join(f"    e{number}: 1\n" for number in range(65)): [
        "3: engagement.points: 65 event types are too many; at most 64"
    ],
    "offers: {arms: 1}\n": [
        "1: offers.arms: unknown field 'arms'; known here: at_most, within, trained_after",
        "1: offers: the field 'at_most' is missing; write offers: {at_most: 1, within: 90d}",
        "1: offers: the field 'within' is missing; write offers: {at_most: 1, within: 90d}",
    ],
    "holdout: 100%\n": ["1: holdout: everybody would be held out; use status: draft, or less than 100%"],
    "caps: [{at_most: 0, within: 7d}, {at_most: 1}, {at_most: 1, within: 7d, on_sale_days: 0}]\n": [
        "1: caps[0].at_most: 0 is not allowed here; write a whole number from 1 to 50",
        "1: caps[1]: the field 'within' is missing; write caps: [{at_most: 3, within: 7d}]",
        "1: caps[2].on_sale_days: 0 is not allowed here; write a whole number from 1 to 50",
    ],
}
SEGMENTS = {
    "event.type == 'a'": (7, "event", NO_EVENT),
    "start.type == 'a'": (7, "start", NO_EVENT),
    "answer == null": (7, "answer", NO_EVENT),
    "runs['a'].pending": (7, "runs", ALONE),
    "1 in segments": (12, "segments", ALONE),
}
TRIGGERS = {
    TRIGGER.replace(SIGN_UP, "{date: {holiday: Bayram, country: XX}}"): (
        "4: when.date.country: 'XX' is no country of two letters whose holidays are known, as TR, AZ or DE"
    ),
    TRIGGER.replace(SIGN_UP, "{date: {holiday: {tr: Republic Day}}}"): (
        "4: when.date.holiday.tr: 'tr' is no country of two letters whose holidays are known, "
        "as TR, AZ or DE; did you mean 'TR'?"
    ),
    TRIGGER.replace(SIGN_UP, "{date: {holiday: {TR: Republic Day}, country: TR}}"): (
        "4: when.date.country: unknown field 'country'; known here: holiday"
    ),
    TRIGGER.replace(SIGN_UP, "{date: {holiday: {TR: Republic Da}}}"): (
        "4: when.date.holiday.TR: TR has no holiday 'Republic Da'; did you mean 'Republic Day'?"
    ),
    TRIGGER.replace(SIGN_UP, "{date: {holiday: {}}}"): (
        "4: when.date.holiday: 0 countries stand here; there may be 1 to 50; "
        "write date: {holiday: {TR: Eid al-Fitr, US: Thanksgiving Day}}"
    ),
    TRIGGER + "audience: |\n  cart.value > 0\n  && cart.valu > 0\n": (
        "8:11: audience: cart has no field 'valu' (in '&& cart.valu > 0'); did you mean 'value'?"
    ),
    TRIGGER + "once_per: answer.properties.x\n": (
        "6:11: once_per: unknown name 'answer' (in 'answer.properties.x'); "
        "steps have an answer; this is asked of an event: use event or start"
    ),
    TRIGGER.replace(MAIL, MAIL + ", {set: {pause: soon}}"): (
        "5: steps[1].set.pause: 'soon' is no pause; use a duration as 30d, until_resumed or ended"
    ),
    TRIGGER.replace(
        MAIL, "\n  - mail: a\n    else: b\n    offer:\n      code: x\n      valid_for: 3d\n      value: 0\n"
    )
    .replace("[", "")
    .replace("]\n", ""): "11: steps[0].offer.value: 0 of what?; write 0% or '0 TRY'",
    TRIGGER + "experiment:\n  variants:\n    a: 50%\n    B c: 50%\n": (
        "9: experiment.variants.B c: 'B c' is no id; "
        "use small letters, digits and hyphens, a letter first, as a; did you mean 'b-c'?"
    ),
    TRIGGER + "experiment: {variants: {a: 50%, b: 40%}}\n": (
        "6: experiment.variants: the shares add up to 90%, not to 100%; change one of them"
    ),
    TRIGGER.replace(SIGN_UP, "{sum: event.properties.x, of: a, within: 7d, at_least: 10000000000000}"): (
        "4: when.at_least: 10000000000000 is too large; at most 1000000000000"
    ),
    TRIGGER + "audience: has(1 + 2)\n": (
        "6:11: audience: has() takes a field (in 'has(1 + 2)'); write it like has(event.properties.total)"
    ),
    TRIGGER + 'audience: "[1].filter(x, x).size() > 0"\n': (
        "6:26: audience: .filter() needs true or false, this is int (in '[1].filter(x, x).size() > 0')"
    ),
    TRIGGER + 'audience: "[1].map(x, x + 1, x).size() > 0"\n': (
        "6:25: audience: .map() needs true or false, this is int (in '[1].map(x, x + 1, x).size() > 0')"
    ),
    TRIGGER + "audience: \"'a' in [1]\"\n": (
        "6:16: audience: 'in' does not work on string and list(int) (in \"'a' in [1]\")"
    ),
    "id: x\nstatus: [live\n": (
        f"3: {NO_YAML} a bracket is left open, or closed by one of another kind; "
        "look for [ ] { } in this line and above"
    ),
    "id: x\n  status: live\n": (
        f"2: {NO_YAML} mapping values are not allowed here; put the text in quotes if it holds ': '"
    ),
    "id: x\nstatus: %live\n": f"2: {NO_YAML} a text cannot begin with %; put the text in quotes",
    "id: x\nstatus: }\n": (
        f"2: {NO_YAML} while parsing a block node expected the node content, but found '}}'; {LOOK}"
    ),
    "id: x\n- status\n": (
        f"2: {NO_YAML} the indentation does not fit; "
        "indent what belongs together by the same number of spaces"
    ),
    "%TAG x\nid: x": f"1: {NO_YAML} while scanning a directive expected '!', but found 'x'; {LOOK}",
}


@pytest.mark.parametrize("text", POLICIES)
def test_what_is_said_of_a_policy(text: str) -> None:
    assert said(parse_policy, text) == POLICIES[text]


@pytest.mark.parametrize("condition", SEGMENTS)
def test_what_is_said_of_a_segment_that_is_no_condition_on_the_customer(condition: str) -> None:
    column, name, hint = SEGMENTS[condition]
    (error,) = said(parse_segment, f"id: s\nwhen: {condition}\n")
    assert error.startswith(f"2:{column}: when: unknown name '{name}' (in ")
    assert error.endswith(f"); {hint}")


@pytest.mark.parametrize("text", TRIGGERS)
def test_what_is_said_of_a_trigger(text: str) -> None:
    assert said(parse_trigger, text) == [TRIGGERS[text]]


def test_a_holiday_nobody_knows_is_told_those_of_the_country() -> None:
    (error,) = said(parse_trigger, TRIGGER.replace(SIGN_UP, "{date: {holiday: Bayram, country: TR}}"))
    assert error.startswith("4: when.date.holiday: TR has no holiday 'Bayram'; known there: ")
    assert "Eid al-Fitr, Labor and Solidarity Day" in error


@pytest.mark.parametrize(
    "text",
    [
        "quiet_hours: {from: 23:59, to: 00:00}\n",
        "calendar: {campaigns: [{id: a, at: '2000-01-01T00:00:00Z'}, {id: b, at: '2099-12-31T23:59:59Z'}]}\n",
        "calendar: {blackouts: [{from: 2026-03-01, to: 2026-03-01}]}\n",
        "engagement: {points: {" + ", ".join(f"e{number}: 1" for number in range(64)) + "}}\n",
        "caps: [{at_most: 50, within: 7d, on_sale_days: 1}]\n",
        "time_zone: Asia/Baku\n",
        "holdout: 99%\n",
    ],
)
def test_what_is_just_within_bounds_is_taken(text: str) -> None:
    assert parse_policy(text, "x")
