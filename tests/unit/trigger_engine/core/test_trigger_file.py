"""Files: which line and column an error has, however the text is written; and what is no text at all."""

import pytest

from trigger_engine.core.trigger_file import (
    FILE_LENGTH_MAX,
    TriggerFileError,
    TriggerFileErrors,
    parse_policy,
    parse_segment,
    parse_trigger,
    read_trigger,
)

GOOD = "id: x\nstatus: live\nkind: marketing\nwhen: {event: signed_up}\nsteps: [{mail: hello}]\n"


def errors_of(text: str | bytes) -> list[TriggerFileError]:
    with pytest.raises(TriggerFileErrors) as caught:
        parse_trigger(text, "mine.yaml")
    return caught.value.errors


@pytest.mark.parametrize(
    "condition",
    [
        "cart.valu > 0",
        "'cart.valu > 0'",
        '"cart.valu > 0"',
        "profile.country == 'TR' && cart.valu > 0",
        "'profile.country == ''TR'' && cart.valu > 0'",
        '"profile.country == \\"TR\\" && cart.valu > 0"',
        '"profile.first_name == \\"\\u0130\\x41\\U0001F600\\" && cart.valu > 0"',
        '"cart.value > 0\\n  && cart.valu > 0"',
        '"cart.value > 0 \\\n    && cart.valu > 0"',
        "cart.value > 0\n  && cart.valu > 0",
        "'cart.value > 0\n\n  && cart.valu > 0'",
        "|\n  cart.value > 0\n  && cart.valu > 0",
        "|2-\n    cart.value > 0\n    && cart.valu > 0",
        ">-\n  cart.value > 0\n  && cart.valu > 0\n\n  && orders.count > 0",
        ">  # a comment\n\n  cart.value > 0\n  && cart.valu > 0",
        "|\n  // 'x.valu'\n  cart.valu > 0",
        "   cart.valu > 0   # a comment",
    ],
)
def test_an_error_in_a_condition_has_its_line_and_column(condition: str) -> None:
    text = f"# ə ü 🙂\n{GOOD}audience: {condition}\n"
    (error,) = errors_of(text)
    row = text.split("\n")[error.line - 1]
    assert error.column is not None
    assert row[error.column - 1 :].startswith((".valu >", "valu >", "cart.valu >")), row[error.column - 1 :]
    assert str(error).startswith(f"mine.yaml:{error.line}:{error.column}: audience: cart has no field 'valu'")


@pytest.mark.parametrize("sign", ["|", ">", ">-", "|2"])
def test_a_text_in_a_block_has_the_line_it_begins_in(sign: str) -> None:
    (error,) = errors_of(GOOD.replace("id: x", f"id: {sign}\n  Cart Abandoned"))
    assert error.line == 2


def test_bytes_that_are_no_text_have_their_line() -> None:
    for text, line in ((b"\n\n\xff", 3), (b"\xff", 1), (b"id: x\n\xff\n", 2)):
        assert [error.line for error in errors_of(text)] == [line]


def test_a_condition_inside_of_brackets_and_branches_has_its_place() -> None:
    steps = "steps:\n  - choose:\n      - {if: cart.value > 0 && oders.count > 0, mail: a}\n"
    (error,) = errors_of(GOOD.replace("steps: [{mail: hello}]\n", steps))
    assert (error.line, error.column, error.field) == (7, 32, "steps[0].choose[0].if")


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
    errors = errors_of(text)
    assert [error.line for error in errors] == [1, 4, 5, 6, 9, 10]
    assert str(errors[3]) == "mine.yaml:6: unles: unknown field 'unles'; did you mean 'unless'?"


def test_bytes_are_read_as_utf_8_with_or_without_a_mark() -> None:
    assert parse_trigger(GOOD.encode(), "x.yaml") == parse_trigger(GOOD, "x.yaml")
    assert parse_trigger(b"\xef\xbb\xbf" + GOOD.encode(), "x.yaml") == parse_trigger(
        "\ufeff" + GOOD, "x.yaml"
    )
    (error,) = errors_of(b"# fine\n# \xfc\n" + GOOD.encode())
    assert (error.line, error.field) == (2, "file")


def test_a_file_may_be_as_long_as_said_and_no_longer() -> None:
    padding = "#" * (FILE_LENGTH_MAX - len(GOOD))
    assert parse_trigger(GOOD + padding, "x.yaml")["id"] == "x"
    (error,) = errors_of(GOOD + padding + "#")
    assert error.message.startswith("64001 characters are too long")


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_any_line_ends_will_do(ends: str) -> None:
    assert parse_trigger(GOOD.replace("\n", ends), "x.yaml")["id"] == "x"


def test_a_clock_time_and_a_date_are_no_numbers() -> None:
    """YAML 1.1 takes 21:30 for 1290 and 2026-11-27 for a date of its own."""
    assert parse_policy("quiet_hours: {from: 21:30, to: 08:00}\n", "policy.yaml") == {
        "quiet_hours": {"from": "21:30", "to": "08:00"}
    }
    form = parse_policy("calendar: {campaigns: {id: a, at: 2026-11-27}}\n", "policy.yaml")
    assert form["calendar"]["campaigns"][0]["at"] == "2026-11-27T00:00:00.000Z"


def test_a_segment_and_a_policy_name_themselves() -> None:
    with pytest.raises(TriggerFileErrors, match=r"s\.yaml:1: segment: the field 'id' is missing"):
        parse_segment("when: orders.count > 1\n", "s.yaml")
    with pytest.raises(TriggerFileErrors, match=r"p\.yaml:1: policy: a policy file holds fields"):
        parse_policy("- a\n", "p.yaml")


def test_a_file_knows_where_its_parts_stand() -> None:
    text = """id: x
status: live
kind: marketing
when: {event: signed_up}
steps:
  - choose:
      - if: cart.value > 5
        mail: a
      - then:
          - mail: b
          - exit
exit:
  - unsubscribed
audience: |
  cart.value > 0
"""
    file = read_trigger(text, "x.yaml")
    branch = ("steps", 0, "choose", 0)
    assert file.line_of((*branch, "then", 0, "mail")) == 8
    assert file.line_of((*branch, "if")) == 7
    assert file.line_of(("steps", 0, "choose", 1, "then", 0, "mail")) == 10
    assert file.line_of(("when", "event", 0)) == 4
    assert file.line_of(("exit", 0, "event")) == 13
    assert file.line_of(("audience",)) == 15
    assert file.line_of(("audience",), about_key=True) == 14
    assert file.line_of(()) == 1
    assert file.line_of(("experiment",)) == 1
