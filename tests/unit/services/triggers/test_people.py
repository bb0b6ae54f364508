"""Counting who is mid-series: from states of either version, and never anything of a person."""

from typing import Any

from services.triggers.people import People, Place
from trigger_engine.core.state import Alias, Happening, Run, encode_state, new_state

CART: dict[str, Any] = {
    "steps": [
        {"mail": "a", "id": "a"},
        {"wait": "1d"},
        {
            "choose": [
                {"if": "true", "then": [{"mail": "b", "id": "b"}]},
                {"then": [{"mail": "c", "id": "c"}]},
            ]
        },
    ]
}


def run(trigger: str, version: str, **fields: Any) -> Run:
    start = Happening("e", "product_added", 0)
    return Run(trigger, version, f"{trigger}/{version}", start, fields.pop("mail_index", 0), 0, **fields)


def form_of(trigger: str, version: str) -> dict[str, Any] | None:
    return CART if version != "gone" else None


def counted(*runs: Run) -> People:
    people = People()
    state = new_state("c1")
    state.runs = list(runs)
    people.admit(encode_state(state), form_of, {})
    return people


def test_a_run_stands_behind_its_last_mail() -> None:
    people = counted(
        run("cart", "1", position=4, last_mail="a"), run("cart", "1", position=0), run("old", "2", position=0)
    )
    assert people.of_trigger("cart") == {Place("cart", "1", ""): 1, Place("cart", "1", "a"): 1}
    assert [str(place) for place in people.of_trigger("cart")] == ["before the first mail", "after a"]
    assert people.customers == 1


def test_an_old_record_counts_mails_instead() -> None:
    people = counted(run("cart", "1", mail_index=1), run("cart", "1"), run("cart", "gone", mail_index=1))
    assert set(people.runs) == {Place("cart", "1", "a"), Place("cart", "1", ""), Place("cart", "gone", "")}


def test_what_is_no_customer_is_not_counted_as_one() -> None:
    people = People()
    alias = new_state("anon:d1")
    alias.alias = Alias("c1", 0)
    people.admit(encode_state(alias), form_of, {})
    people.admit(b"\x00", form_of, {})
    assert (people.customers, people.unreadable) == (0, 1)


def test_members_are_counted_of_the_segments_asked_about() -> None:
    people = People()
    for number in range(3):
        state = new_state(f"c{number}")
        state.orders.count = number
        is_in = {"buyers": lambda state: state.orders.count > 0, "nobody": lambda state: False}
        people.admit(encode_state(state), form_of, is_in)
    assert people.members == {"buyers": 2}
