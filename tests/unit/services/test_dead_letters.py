"""Dead letters: which are meant, which can be used after all, and what is written then."""

from datetime import UTC, datetime

import msgspec
import pytest
from click.testing import CliRunner

from schemas.dead_letter import DeadLetter, value_text
from schemas.event import CUSTOMER_ERASED, OFFER_CODES
from schemas.instants import DAY_MS, HOUR_MS, format_instant
from schemas.keys import code_partition
from schemas.topics import EVENTS, INTERESTS, OUTBOUND, STATE_CHANGELOG
from services.cli import main
from services.dead_letters.judging import Refused, Replayable, judge, record_of
from services.dead_letters.letters import Letter, Past, Place, Wanted
from services.dead_letters.listing import kind_of
from services.dead_letters.replaying import Plan, said
from tests.fixtures.engine_cases import T0, event, marker, ordered
from trigger_engine.adapters.partitioning import partition_of

PARTITIONS = 4


def letter(value: bytes, *, number: int = 0, key: bytes | None = b"ada", **changed: object) -> Letter:
    text, encoding = value_text(value)
    content = {
        "topic": EVENTS,
        "partition": 1,
        "offset": 7,
        "key": "ada",
        "value": text,
        "value_encoding": encoding,
        "stage": "engine",
        "reason": "KeyError: 'price'",
        "failed_at": datetime.fromtimestamp(T0 / 1000, UTC),
    }
    return Letter(number, key, DeadLetter.model_validate(content | changed))


def judged(value: bytes, **changed: object) -> Replayable:
    verdict = judge(letter(value, **changed), PARTITIONS)
    assert isinstance(verdict, Replayable), verdict
    return verdict


def test_an_event_is_written_as_it_was_but_for_when_it_was_received() -> None:
    """Also what no model of ours knows of it."""
    value = msgspec.json.encode(msgspec.json.decode(ordered("ada", "e1", T0)) | {"told_by": "another tool"})
    chosen = judged(value)
    key, again, headers = record_of(chosen, T0 + 5 * DAY_MS)
    before, after = msgspec.json.decode(value), msgspec.json.decode(again)
    assert key == b"ada"
    assert chosen.partition == partition_of(b"ada", PARTITIONS)
    assert after.pop("received_at") == format_instant(T0 + 5 * DAY_MS)
    assert before.pop("received_at") == format_instant(T0)
    assert after == before
    assert dict(headers)["ce_id"] == b"e1"
    assert dict(headers)["ce_replayof"] == b"tetik.events/1/7"


def test_an_event_without_a_key_goes_where_its_customer_lives() -> None:
    assert record_of(judged(ordered("ada", "e1"), key=None), T0)[0] == b"ada"


def test_a_change_of_a_product_goes_where_the_product_lives() -> None:
    value = event("product_updated", None, "e1", T0)
    fields = msgspec.json.decode(value) | {
        "product_id": "p1",
        "properties": {"name": "Lantern", "updated_at": format_instant(T0)},
    }
    chosen = judged(msgspec.json.encode(fields), key=b"product:p1")
    assert (chosen.customer, chosen.partition) == (None, partition_of(b"product:p1", PARTITIONS))
    assert record_of(judged(msgspec.json.encode(fields), key=None), T0)[0] == b"product:p1"


def codes_in(partition: int, *codes: str) -> Letter:
    fields = msgspec.json.decode(event(OFFER_CODES, None, "codes", T0, pool="ten", codes=list(codes)))
    return letter(msgspec.json.encode(fields), key=None, partition=partition)


def test_codes_go_back_to_their_partition_and_nowhere_else() -> None:
    home = code_partition("ten", "A1", PARTITIONS)
    verdict = judge(codes_in(home, "A1"), PARTITIONS)
    assert isinstance(verdict, Replayable)
    assert verdict.partition == home
    assert record_of(verdict, T0)[0] is None
    elsewhere = judge(codes_in((home + 1) % PARTITIONS, "A1"), PARTITIONS)
    assert isinstance(elsewhere, Refused)
    assert "import codes" in elsewhere.what_to_do


@pytest.mark.parametrize(
    ("value", "changed", "why"),
    [
        (ordered("ada", "e1"), {"stage": "ingest", "partition": -1, "offset": -1}, "ingest refused it"),
        (ordered("ada", "e1"), {"stage": "sender", "topic": OUTBOUND}, "the sender could not use it"),
        (b"{}", {"topic": INTERESTS}, "an interest belongs to its moment"),
        (b"\x93", {"topic": STATE_CHANGELOG, "offset": -1}, "state could not be used"),
        (b"\xff\xfe", {}, "no JSON"),
        (b"{poison", {}, "no JSON"),
        (b'{"event_id":"x"}', {}, "it still cannot be used: "),
        (marker("digest"), {}, "a marker belongs to its moment"),
        (b"{}", {"topic": "tetik.clock"}, "nothing of this topic"),
    ],
)
def test_what_cannot_be_replayed_says_why_and_what_to_do(
    value: bytes, changed: dict[str, object], why: str
) -> None:
    verdict = judge(letter(value, **changed), PARTITIONS)
    assert isinstance(verdict, Refused)
    assert why in verdict.why
    assert verdict.what_to_do


def test_letters_are_chosen_by_every_filter() -> None:
    one = letter(ordered("ada", "e1"))
    fits = ({"stage": "engine"}, {"topic": EVENTS}, {"reason": "keyerror"}, {"since": T0})
    for choice in ({}, *fits, {"places": frozenset({Place(EVENTS, 1, 7)})}):
        assert Wanted(**choice).includes(one), choice
    misses = ({"stage": "sender"}, {"topic": OUTBOUND}, {"reason": "price tag"}, {"since": T0 + 1})
    for choice in (*misses, {"places": frozenset({Place(EVENTS, 1, 8)})}):
        assert not Wanted(**choice).includes(one), choice


def test_a_note_counts_for_the_letters_before_it() -> None:
    """The record that was replayed may fail again: another letter, even of the same place."""
    past = Past()
    first, second = letter(ordered("ada", "e1"), number=3), letter(ordered("ada", "e1"), number=9)
    note = letter(b"", number=5, replayed_at=datetime.fromtimestamp(T0 / 1000, UTC))
    for one in (first, note, second):
        past.admit(one)
    assert (past.letters, past.was_replayed(first), past.was_replayed(second)) == (2, True, False)


def test_erasures_among_the_letters_are_known() -> None:
    past = Past()
    past.admit(letter(event(CUSTOMER_ERASED, "ada", "e1", T0 + 5)))
    past.admit(letter(event("survey_answered", "eve", "e2", T0, answer=CUSTOMER_ERASED)))
    assert past.erased == {"ada": T0 + 5}


def test_what_happened_before_an_erasure_is_not_written_again() -> None:
    plan = Plan()
    for value in (
        ordered("ada", "before", T0),
        ordered("ada", "after", T0 + HOUR_MS + 1),
        ordered("bob", "other", T0),
        event(CUSTOMER_ERASED, "ada", "erasure", T0 + HOUR_MS),
    ):
        plan.admit(letter(value), PARTITIONS)
    plan.drop_erased({"ada": T0 + HOUR_MS})
    assert [one.event.event_id for one in plan.chosen] == ["after", "other", "erasure"]
    assert plan.erased == 1


def test_a_plan_holds_so_much_and_says_what_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.dead_letters.replaying.LETTERS_MAX", 2)
    plan = Plan()
    for number in range(5):
        plan.admit(letter(ordered("ada", f"e{number}")), PARTITIONS)
    plan.admit(letter(b"{}", topic=INTERESTS), PARTITIONS)
    lines = "\n".join(said(plan, dry_run=True))
    assert lines.startswith("2 would be replayed")
    assert "3 more are left to the next call" in lines
    assert "1 cannot be: an interest belongs to its moment" in lines


def test_a_plan_that_nothing_was_meant_by_says_so() -> None:
    assert said(Plan(letters=7), dry_run=False) == ["none of 7 dead letters is meant"]
    assert said(Plan(), dry_run=False) == ["no dead letters"]


def test_a_limit_takes_the_oldest() -> None:
    plan = Plan(limit=1)
    for number in range(3):
        plan.admit(letter(ordered("ada", f"e{number}")), PARTITIONS)
    assert [one.event.event_id for one in plan.chosen] == ["e0"]
    assert plan.beyond == 2


def test_letters_of_one_cause_are_of_one_kind() -> None:
    one = letter(b"1", reason="the pool 'ten' would hold 200,001 codes")
    other = letter(b"2", reason="the pool 'five' would hold 312,500 codes")
    assert kind_of(one) == kind_of(other) != kind_of(letter(b"3", reason="the pool is closed"))
    traced = [
        letter(b"4", reason=reason, traceback_digest="abc") for reason in ("KeyError: 'a'", "KeyError: b")
    ]
    assert kind_of(traced[0]) == kind_of(traced[1])


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--id", "tetik.events/7", "is no TOPIC/PARTITION/OFFSET"), ("--since", "yesterday", "nor a duration")],
)
def test_what_is_meant_has_to_be_said_rightly(option: str, value: str, said: str) -> None:
    result = CliRunner().invoke(main, ["dead-letters", "replay", option, value])
    assert result.exit_code == 2
    assert said in result.output
