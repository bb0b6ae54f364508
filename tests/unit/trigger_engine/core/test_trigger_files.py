"""Malformed trigger files: each error names file, line, field, what is wrong, and what to do."""

import pytest

from tests.unit.trigger_engine.core.history import CART
from trigger_engine.core.trigger_file import FILE_LENGTH_MAX, TriggerFileErrors, parse_trigger

HEAD = "id: x\nstatus: live\nkind: marketing\n"
WHEN = "when: {event: signed_up}\n"
STEPS = "steps: [{mail: hello}]\n"
GOOD = HEAD + WHEN + STEPS

# name: (text, [(line, field, part of the message, part of the suggestion or None)])
MALFORMED: dict[str, tuple[str, list[tuple[int, str, str, str | None]]]] = {
    "empty": ("", [(1, "file", "the file is empty", None)]),
    "a list": ("- a\n", [(1, "trigger", "holds fields (id, status, kind", None)]),
    "no yaml": ("id: x\n\tstatus: live\n", [(2, "file", "no YAML", None)]),
    "a colon in a text": ("id: x\nonce_per: a: b\n", [(2, "file", "mapping values", "quotes")]),
    "two documents": (GOOD + "---\nid: y\n", [(6, "file", "a single document", None)]),
    "an alias": (
        HEAD + "when: &w {event: signed_up}\nexit: *w\n" + STEPS,
        [(5, "exit", "aliases", "write the value out")],
    ),
    "nested too deeply": ("[" * 5000, [(1, "file", "nested too deeply", None)]),
    "too long": ("#" * (FILE_LENGTH_MAX + 1), [(1, "file", "too long", None)]),
    "a yaml tag": (GOOD + "audience: !has(profile.email)\n", [(6, "audience", "leading !", "quotes")]),
    "a field twice": (GOOD + "steps: []\n", [(6, "steps", "given twice", "keep one")]),
    "a list as a field's name": (GOOD + "[a]: b\n", [(6, "trigger", "plain word", None)]),
    "missing fields": (
        "id: x\n",
        [(1, "trigger", f"{name!r} is missing", None) for name in ("status", "kind", "when", "steps")],
    ),
    "a misspelt field": (
        GOOD + "wait: 45m\nunles: order_completed\n",
        [(7, "unles", "unknown field 'unles'", "did you mean 'unless'?")],
    ),
    "an unknown field": (GOOD + "colour: red\n", [(6, "colour", "unknown field", "known here: id, status")]),
    "a field of later versions": (GOOD + "priority: 80\n", [(6, "priority", "not supported yet", None)]),
    "a status of later versions": (
        GOOD.replace("status: live", "status: shadow"),
        [(2, "status", "'shadow' is not supported yet by this version", "draft or live")],
    ),
    "a misspelt status": (
        GOOD.replace("status: live", "status: life"),
        [(2, "status", "'life' is not allowed", "did you mean 'live'?")],
    ),
    "a misspelt kind": (
        GOOD.replace("kind: marketing", "kind: marketting"),
        [(3, "kind", "marketing or transactional", "did you mean 'marketing'?")],
    ),
    "an id that is a number": (GOOD.replace("id: x", "id: 7"), [(1, "id", "7 is no id", None)]),
    "an id with spaces": (GOOD.replace("id: x", "id: My Cart"), [(1, "id", "'My Cart' is no id", None)]),
    "an event type with a space": (
        GOOD.replace("signed_up", "Order Completed"),
        [(4, "when.event", "'Order Completed' is no event type", "did you mean 'order_completed'?")],
    ),
    "an event type twice": (
        GOOD.replace("signed_up", "[signed_up, signed_up]"),
        [(4, "when.event[1]", "named twice", None)],
    ),
    "no event types": (GOOD.replace("signed_up", "[]"), [(4, "when.event", "the list is empty", None)]),
    "when as a text": (
        GOOD.replace("{event: signed_up}", "signed_up"),
        [(4, "when", "when holds event:", "when: {event:")],
    ),
    "when without event": (
        GOOD.replace("{event: signed_up}", "{where: cart.value > 0}"),
        [(4, "when", "'event' is missing", None)],
    ),
    "a pattern of later versions": (
        GOOD.replace("{event: signed_up}", "{inactive: 30d, after: signed_up}"),
        [(4, "when.inactive", "not supported yet", None), (4, "when.after", "not supported yet", None)],
    ),
    "a duration without unit": (
        GOOD + "wait: 45\n",
        [(6, "wait", "the unit is missing", "write 45m or 24h")],
    ),
    "a duration of months": (
        GOOD + "cooldown: 2 months\n",
        [(6, "cooldown", "'2 months' is no duration", None)],
    ),
    "a wait of nothing": (GOOD + "wait: 0m\n", [(6, "wait", "longer than nothing", None)]),
    "a wait of years": (GOOD + "wait: 800d\n", [(6, "wait", "at most 400d", None)]),
    "a misspelt path": (
        GOOD.replace("{event: signed_up}", "\n  event: signed_up\n  where: cart.valu > 0"),
        [(6, "when.where", "cart has no field 'valu'", "did you mean 'value'?")],
    ),
    "a misspelt name": (
        GOOD + "audience: profil.country == 'TR'\n",
        [(6, "audience", "unknown name 'profil' (column 1", "did you mean 'profile'?")],
    ),
    "a condition over several lines": (
        GOOD + "audience: |\n  profile.country == 'TR'\n  && cart.valu > 0\n",
        [(8, "audience", "cart has no field 'valu'", "did you mean 'value'?")],
    ),
    "a condition that is no condition": (
        GOOD + "audience: cart.value\n",
        [(6, "audience", "must be true or false", "compare it")],
    ),
    "a condition that is a number": (GOOD + "audience: 5\n", [(6, "audience", "5 is no condition", None)]),
    "a variable of later versions": (
        GOOD + "audience: \"'vip' in segments\"\n",
        [(6, "audience", "'segments'", "segments is not supported yet by this version")],
    ),
    "the event where there is none": (
        GOOD + "audience: event.type == 'x'\n",
        [(6, "audience", "'event'", "use start")],
    ),
    "two types that do not compare": (
        GOOD + "audience: cart.value > 'ten'\n",
        [(6, "audience", "double and string", None)],
    ),
    "once_per unfinished": (GOOD + "once_per: cart.\n", [(6, "once_per", "", None)]),
    "unless without wait": (
        GOOD + "unless: order_completed\n",
        [(6, "unless", "while the trigger waits", "use exit:")],
    ),
    "unless with a field too many": (
        GOOD + "wait: 1h\nunless: {event: order_completed, wher: true}\n",
        [(7, "unless.wher", "unknown field 'wher'", "did you mean 'where'?")],
    ),
    "exit without event": (GOOD + "exit: [{where: true}]\n", [(6, "exit[0]", "'event' is missing", None)]),
    "a cooldown that would not act": (
        GOOD.replace("kind: marketing", "kind: transactional") + "cooldown: 1d\n",
        [(6, "cooldown", "never held by a cooldown", "remove it")],
    ),
    "no steps": (HEAD + WHEN + "steps: []\n", [(5, "steps", "steps is a list", "- mail:")]),
    "only a wait": (
        HEAD + WHEN + "steps:\n  - wait: 1h\n",
        [(6, "steps", "at least one mail", None), (6, "steps[0]", "leads nowhere", None)],
    ),
    "a step that is a text": (
        HEAD + WHEN + "steps: [hello]\n",
        [(5, "steps[0]", "'hello' is no step", "- mail:")],
    ),
    "a misspelt step": (
        HEAD + WHEN + "steps:\n  - mial: hello\n",
        [
            (6, "steps[0].mial", "unknown field 'mial'", "did you mean 'mail'?"),
            (6, "steps[0]", "a step is", None),
        ],
    ),
    "a step of later versions": (
        HEAD + WHEN + "steps:\n  - mail: a\n  - choose: []\n",
        [(7, "steps[1].choose", "not supported yet", None)],
    ),
    "an offer": (
        HEAD + WHEN + "steps:\n  - mail: a\n    offer: {pool: x}\n",
        [(7, "steps[0].offer", "not supported yet", None)],
    ),
    "two steps of one name": (
        HEAD + WHEN + "steps:\n  - mail: a\n  - wait: 1d\n  - mail: a\n",
        [(8, "steps[2]", "two steps have the id 'a'", "add id:")],
    ),
    "mails by variant": (
        HEAD + WHEN + "steps: [{mail: {a: x, b: y}}]\n",
        [(5, "steps[0].mail", "by variant are not supported yet", None)],
    ),
    "too many steps": (HEAD + WHEN + f"steps: [{'{mail: a},' * 21}]\n", [(5, "steps", "at most 20", None)]),
    "another on_edit": (GOOD + "on_edit: migrate\n", [(6, "on_edit", "not supported yet", "use pin")]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_says_what_is_wrong_where_and_what_to_do(name: str) -> None:
    text, expected = MALFORMED[name]
    with pytest.raises(TriggerFileErrors) as caught:
        parse_trigger(text, "mine.yaml")
    errors = caught.value.errors
    for line, field, message, suggestion in expected:
        found = [error for error in errors if (error.line, error.field) == (line, field)]
        assert found, f"no error at {line}: {field} in {errors}"
        assert any(message in error.message for error in found), found
        if suggestion is not None:
            assert any(suggestion in (error.suggestion or "") for error in found), found
    assert all(str(error).startswith(f"mine.yaml:{error.line}: {error.field}: ") for error in errors)


def test_all_errors_of_a_file_are_found_in_the_order_of_its_lines() -> None:
    text = """id: Cart
status: live
kind: marketing
when: {event: product_added, where: cart.valu > 0}
wait: 45
unles: order_completed
steps:
  - mail: a
  - wait: 2x
  - mail: a
"""
    with pytest.raises(TriggerFileErrors) as caught:
        parse_trigger(text, "cart.yaml")
    assert [error.line for error in caught.value.errors] == [1, 4, 5, 6, 9, 10]
    assert str(caught.value).splitlines()[3] == (
        "cart.yaml:6: unles: unknown field 'unles'; did you mean 'unless'?"
    )


def test_a_good_file_has_its_normal_form() -> None:
    text = CART + "cooldown: 168h\nexpires_after: 90m\non_edit: pin\naudience: true\n"
    assert parse_trigger(text, "cart.yaml") == {
        "id": "cart",
        "status": "live",
        "kind": "marketing",
        "when": {"event": ["product_added", "cart_updated", "checkout_started"], "where": "cart.value > 0"},
        "wait": "45m",
        "unless": [{"event": "order_completed"}, {"event": "cart_emptied"}],
        "audience": "true",
        "once_per": "cart.id",
        "cooldown": "7d",
        "expires_after": "1h30m",
        "steps": [
            {"mail": "reminder", "id": "reminder"},
            {"wait": "1d"},
            {"mail": "last-call", "id": "last-call"},
        ],
        "exit": [{"event": "order_completed"}, {"event": "cart_emptied"}],
        "on_edit": "pin",
    }


def test_two_mails_of_one_template_are_told_apart_by_id() -> None:
    form = parse_trigger(HEAD + WHEN + "steps: [{mail: a}, {wait: 1d}, {mail: a, id: again}]\n", "x.yaml")
    assert [step.get("id") for step in form["steps"]] == ["a", None, "again"]
