"""Memories packed as bytes: what is known, forgotten, marked and united, entry by entry."""

from trigger_engine.core import packed
from trigger_engine.core.limits import HAND_OVERS_MAX, OCCASION_MEMORY_MS, OCCASIONS_MAX, RECENT_EVENTS_MAX

MEMORY = 1_000
ENTRY = 14


def of(*entries: tuple[str, int]) -> bytes:
    """A memory of these occasions, met at these instants."""
    values = b""
    for value, at in entries:
        added = packed.add_occasion(values, value, at, 10**12, OCCASIONS_MAX)
        assert added is not None
        values = added
    return values


def test_an_occasion_is_known_until_the_memory_is_over() -> None:
    values = of(("a", 5_000), ("b", 5_500))
    assert packed.occasion_known(values, "a", 5_999, MEMORY)
    assert not packed.occasion_known(values, "a", 6_000, MEMORY)
    assert packed.occasion_known(values, "b", 6_000, MEMORY)
    assert not packed.occasion_known(values, "c", 5_500, MEMORY)
    assert not packed.occasion_known(b"", "a", 0, MEMORY)


def test_what_is_left_is_told_entry_by_entry() -> None:
    values = of(("a", 5_000), ("b", 5_500))
    assert packed.any_occasion_left(values, 6_499, MEMORY)
    assert not packed.any_occasion_left(values, 6_500, MEMORY)
    assert not packed.any_occasion_left(b"", 0, MEMORY)


def test_forgotten_occasions_make_room_from_the_front() -> None:
    values = of(("a", 1_000), ("b", 1_500), ("c", 2_400))
    added = packed.add_occasion(values, "d", 2_500, MEMORY, OCCASIONS_MAX)
    assert added == values[2 * ENTRY :] + of(("d", 2_500))
    assert packed.add_occasion(values, "d", 2_499, MEMORY, OCCASIONS_MAX) == values[ENTRY:] + of(("d", 2_499))


def test_a_forgotten_occasion_that_comes_again_stands_last_and_once() -> None:
    values = of(("a", 1_000), ("b", 1_000))
    assert packed.add_occasion(values, "a", 1_500, 10_000, OCCASIONS_MAX) == of(("b", 1_000), ("a", 1_500))


def test_a_memory_without_room_says_so() -> None:
    values = of(("a", 1_000), ("b", 1_000))
    assert packed.add_occasion(values, "c", 1_500, MEMORY, 2) is None
    assert packed.add_occasion(values, "c", 1_500, MEMORY, 3) == values + of(("c", 1_500))
    full = of(*((f"v{number}", 1_000) for number in range(OCCASIONS_MAX)))
    assert packed.add_occasion(full, "c", 1_500, MEMORY, OCCASIONS_MAX + 1) is None


def test_the_mark_of_a_mail_is_on_its_occasion_alone() -> None:
    values = of(("a", 5_000), ("b", 5_500))
    marked = packed.mark_mailed(values, "a")
    assert (packed.has_mailed(marked, "a"), packed.has_mailed(marked, "b")) == (True, False)
    assert not packed.has_mailed(values, "a")
    assert packed.occasion_known(marked, "a", 5_999, MEMORY)
    assert not packed.occasion_known(marked, "a", 6_000, MEMORY)
    assert packed.mark_mailed(values, "c") == values
    assert packed.mark_mailed(marked, "a") == marked
    assert not packed.has_mailed(marked, "c")


def test_two_memories_are_one_in_order_of_time_with_the_later_meeting_and_either_mark() -> None:
    hers = packed.mark_mailed(of(("a", 1_000), ("b", 3_000)), "a")
    other = of(("c", 500), ("a", 2_000))
    expected = packed.mark_mailed(of(("c", 500), ("a", 2_000), ("b", 3_000)), "a")
    assert packed.unite_occasions(hers, other) == expected
    assert packed.unite_occasions(other, hers) == expected
    many = of(*((f"v{number}", number) for number in range(OCCASIONS_MAX)))
    united = packed.unite_occasions(many, of(("new", 10_000)))
    assert len(united) == OCCASIONS_MAX * ENTRY
    assert not packed.occasion_known(united, "v0", 1, MEMORY)
    assert packed.occasion_known(united, "v1", 2, MEMORY)
    assert packed.occasion_known(united, "new", 10_000, MEMORY)


def test_the_window_of_event_ids_drops_the_oldest() -> None:
    recent = b""
    for number in range(RECENT_EVENTS_MAX):
        added = packed.add_recent(recent, f"e{number}")
        assert added is not None
        recent = added
        assert packed.count_recent(recent) == number + 1
    assert packed.add_recent(recent, "e0") is None
    one_more = packed.add_recent(recent, "new")
    assert one_more is not None
    assert packed.count_recent(one_more) == RECENT_EVENTS_MAX
    assert packed.add_recent(one_more, "e1") is None
    assert packed.add_recent(one_more, "e0") is not None


def ids(start: int, count: int) -> bytes:
    recent = b""
    for number in range(start, start + count):
        recent = packed.add_recent(recent, f"e{number}") or recent
    return recent


def test_two_windows_of_event_ids_each_keep_their_latest() -> None:
    small = packed.unite_recent(ids(0, 3), ids(2, 3))
    assert small == ids(3, 2) + ids(0, 3)
    full = packed.unite_recent(ids(0, RECENT_EVENTS_MAX), ids(1_000, RECENT_EVENTS_MAX))
    half = RECENT_EVENTS_MAX // 2
    assert full == ids(1_000 + half, half) + ids(half, half)
    few = packed.unite_recent(ids(0, 3), ids(1_000, RECENT_EVENTS_MAX))
    assert few == ids(1_003, RECENT_EVENTS_MAX - 3) + ids(0, 3)


def test_hand_overs_are_known_and_the_oldest_goes() -> None:
    known = b""
    for number in range(HAND_OVERS_MAX):
        known = packed.add_hand_over(known, f"h{number}") or b""
    assert packed.add_hand_over(known, "h0") is None
    more = packed.add_hand_over(known, "new")
    assert more is not None
    assert (len(more), packed.add_hand_over(more, "h1")) == (len(known), None)
    assert packed.add_hand_over(more, "h0") is not None


def old(*entries: tuple[str, int]) -> bytes:
    """As version 1 packed them: the digest, and the second in four bytes."""
    return b"".join(
        packed.add_recent(b"", occasion) + second.to_bytes(4, "big")  # type: ignore[operator]  # of one id
        for occasion, second in entries
    )


def test_what_version_1_packed_is_read_as_long_as_it_lasts() -> None:
    memory_s = OCCASION_MEMORY_MS // 1_000
    occasions = old(("ada/a", 100), ("ada/b", 200), ("ada/a", 300))
    assert packed.old_occasion_count(occasions) == 3
    assert packed.old_occasion_known(occasions, "ada/a", (299 + memory_s) * 1_000)
    assert packed.old_occasion_known(occasions, "ada/a", (299 + memory_s) * 1_000 + 999)
    assert not packed.old_occasion_known(occasions, "ada/a", (300 + memory_s) * 1_000)
    assert not packed.old_occasion_known(occasions, "ada/b", (200 + memory_s) * 1_000)
    assert not packed.old_occasion_known(occasions, "ada/c", 0)
    assert packed.old_occasions_left(occasions, (100 + memory_s) * 1_000) == occasions[12:]
    assert packed.old_occasions_left(occasions, (99 + memory_s) * 1_000) == occasions
    assert packed.old_occasions_left(occasions, (300 + memory_s) * 1_000) == b""
    assert packed.unite_old_occasions(old(("ada/b", 200)), old(("d/a", 100), ("d/c", 300))) == old(
        ("d/a", 100), ("ada/b", 200), ("d/c", 300)
    )
