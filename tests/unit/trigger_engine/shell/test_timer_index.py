"""The timers' index against the plainest thing that could do its work: a dict."""

from hypothesis import given
from hypothesis import strategies as st

from trigger_engine.core.timer_index import NEVER, TimerIndex

KEYS = st.sampled_from(["a", "b", "c", "d", "e"])
TIMES = st.integers(min_value=0, max_value=10_000)


def take_all(index: TimerIndex, until: int) -> list[tuple[str, int]]:
    taken = []
    while (entry := index.take(until)) is not None:
        taken.append(entry)
    return taken


def test_entries_come_out_by_due_time_then_key() -> None:
    index = TimerIndex([("b", 2_000), ("a", 2_000), ("c", 1_999)])
    assert take_all(index, 5_000) == [("c", 1_999), ("a", 2_000), ("b", 2_000)]
    assert len(index) == 0
    assert index.next_due_at == NEVER


def test_nothing_comes_out_before_it_is_due() -> None:
    index = TimerIndex([("a", 2_000)])
    assert index.take(1_999) is None
    assert index.take(2_000) == ("a", 2_000)


def test_an_entry_that_is_early_enough_stays() -> None:
    index = TimerIndex([("a", 1_000)])
    index.add("a", 5_000)
    assert index.next_due_at == 1_000


def test_an_earlier_due_time_replaces_a_later_one() -> None:
    index = TimerIndex([("a", 60_000)])
    index.add("a", 500)
    assert take_all(index, 100_000) == [("a", 500)]


@given(st.lists(st.one_of(st.tuples(st.just("add"), KEYS, TIMES), st.tuples(st.just("take"), KEYS, TIMES))))
def test_it_behaves_as_a_dict_of_earliest_due_times(moves: list[tuple[str, str, int]]) -> None:
    index, plain = TimerIndex(), dict[str, int]()
    for move, key, at in moves:
        if move == "add":
            index.add(key, at)
            plain[key] = min(at, plain.get(key, at))
        else:
            due = sorted((due, key) for key, due in plain.items() if due <= at)
            assert take_all(index, at) == [(key, due) for due, key in due]
            for _, taken in due:
                del plain[taken]
        assert index.next_due_at == min(plain.values(), default=NEVER)
        assert len(index) == len(plain)


def test_an_entry_of_the_second_at_hand_takes_its_place_among_the_others() -> None:
    index = TimerIndex([("a", 2_100), ("b", 2_900)])
    assert index.take(2_100) == ("a", 2_100)
    index.add("c", 2_500)
    assert take_all(index, 5_000) == [("c", 2_500), ("b", 2_900)]


@given(
    st.lists(st.tuples(KEYS, TIMES), unique_by=lambda entry: entry[0]),
    st.lists(TIMES, max_size=3),
    TIMES,
)
def test_how_many_are_due_is_told_to_the_second(
    entries: list[tuple[str, int]], taken_until: list[int], until: int
) -> None:
    """Those of the second under way may be left out, but not if they are all there is."""
    index = TimerIndex(entries)
    left = dict(entries)
    for before in taken_until:
        for key, _ in take_all(index, before):
            del left[key]
    due = [due_at for due_at in left.values() if due_at <= until]
    certain = [due_at for due_at in due if due_at // 1_000 < until // 1_000]
    assert max(len(certain), bool(due)) <= index.due_by(until) <= len(due)


def test_a_re_armed_entry_may_count_twice() -> None:
    index = TimerIndex([("a", 5_000)])
    index.add("a", 1_000)
    assert index.due_by(10_000) == 2
