"""Adopting topics: what becomes of a partition's record, and what has to be said first."""

from dataclasses import fields

import pytest

from schemas.topics import EVENTS, INTERESTS, STATE_CHANGELOG
from sender.settings import SenderSettings
from services.adopting import Adoption, GoOnAt, adoption_of
from services.standstill import SENDER_GROUP, TopicsAmiss
from trigger_engine.adapters.log_port import Bounds, TopicFacts
from trigger_engine.core.flush import PartitionRecord

UP_TO_50 = Bounds(0, 50)
NAMES = (EVENTS, INTERESTS, STATE_CHANGELOG)


def adopted(
    made_again: tuple[str, ...] = (), *, events: Bounds = UP_TO_50, go_on_at: GoOnAt = "recorded"
) -> Adoption | None:
    record = PartitionRecord(next_offsets={EVENTS: 10, INTERESTS: 3}, topic_ids=dict.fromkeys(NAMES, "old"))
    topics = {name: TopicFacts(4, "new" if name in made_again else "old") for name in NAMES}
    return adoption_of(2, record, topics, {EVENTS: events, INTERESTS: Bounds(0, 3)}, go_on_at)


def test_a_record_that_belongs_to_its_topics_is_left_alone() -> None:
    assert adopted() is None
    assert adopted(go_on_at="end") is None


@pytest.mark.parametrize(("go_on_at", "offset"), [("recorded", 10), ("start", 7), ("end", 50)])
def test_another_topic_goes_on_where_it_is_said(go_on_at: GoOnAt, offset: int) -> None:
    found = adopted((EVENTS,), events=Bounds(7, 50), go_on_at=go_on_at)
    assert found is not None
    assert found.record.next_offsets == {EVENTS: offset, INTERESTS: 3}
    assert found.record.topic_ids == {EVENTS: "new", INTERESTS: "old", STATE_CHANGELOG: "old"}
    assert found.lines == (
        "partition 2: tetik.events was old, is new",
        f"partition 2: tetik.events goes on at {offset} (recorded 10, the log holds 7 to 50)",
    )
    assert found.before.next_offsets[EVENTS] == 10


@pytest.mark.parametrize("events", [Bounds(0, 9), Bounds(11, 50)])
def test_an_offset_outside_of_the_log_has_to_be_chosen(events: Bounds) -> None:
    with pytest.raises(TopicsAmiss, match=r"--go-on-at start .* --go-on-at end"):
        adopted((EVENTS,), events=events)
    for go_on_at, offset in (("start", events.start), ("end", events.end)):
        found = adopted(events=events, go_on_at=go_on_at)  # type: ignore[arg-type]  # they are of the choice
        assert found is not None
        assert found.record.next_offsets[EVENTS] == offset


def test_a_restored_changelog_moves_no_offset() -> None:
    found = adopted((STATE_CHANGELOG,), go_on_at="end")
    assert found is not None
    assert found.record.next_offsets == {EVENTS: 10, INTERESTS: 3}


def test_the_senders_group_is_the_one_in_its_settings() -> None:
    assert {field.name: field.default for field in fields(SenderSettings)}["group"] == SENDER_GROUP
