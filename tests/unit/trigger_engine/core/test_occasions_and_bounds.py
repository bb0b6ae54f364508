"""The same occasion never runs twice, and nobody can make the state grow."""

import json

from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, History, at, product
from trigger_engine.core import limits
from trigger_engine.core.occasions import remember
from trigger_engine.core.packed import (
    add_occasion,
    add_recent,
    has_mailed,
    mark_mailed,
    occasion_known,
    unite_occasions,
    unite_recent,
)
from trigger_engine.core.state import encode_state, new_state
from trigger_engine.core.trim import fit_facts, keep

DAY = 86_400_000


def test_the_same_occasion_never_runs_twice() -> None:
    history = History(ORDER)
    assert "send confirmation" in history.event("order_completed", "0s", order_id="o1")
    assert history.event("order_completed", "1h", order_id="o1") == []
    assert "send confirmation" in history.event("order_completed", "2h", order_id="o2")


def test_a_cart_that_was_ordered_and_refilled_is_a_new_occasion() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.event("order_completed", "10m")
    assert history.event("product_added", "20m", **product()) == ["started cart"]


def test_a_cart_with_the_shops_id_is_one_occasion_even_if_emptied() -> None:
    history = History(CART)
    history.event("product_added", "0s", cart_id="k1", **product())
    history.event("cart_emptied", "10m")
    assert history.event("product_added", "20m", cart_id="k1", **product()) == []
    assert history.event("product_added", "30m", cart_id="k2", **product()) == ["started cart"]


def test_a_null_once_per_falls_back_to_the_event_with_a_warning() -> None:
    history = History(ORDER.replace("event.properties.order_id", "profile.traits.member_id"))
    history.event("profile_updated", "-1m", member_id=None)
    history.event("order_completed", "0s", id="e-order")
    started = history.last("started")
    assert started.occasion == "c1/e-order"
    assert "Warning: once_per gave nothing" in started.reason
    null = History(CART.replace("cart.id", "profile.country"))
    null.event("product_added", "0s", id="e-add", **product())
    assert null.last("started").occasion == "c1/e-add"
    assert "Warning: once_per (profile.country) gave no value" in null.last("started").reason


def test_numbers_and_booleans_make_occasions() -> None:
    history = History(ORDER)
    history.event("order_completed", "0s", order_id=17)
    assert history.last("started").occasion == "c1/17"
    assert history.event("order_completed", "1s", order_id="17") == []
    history.event("order_completed", "2s", order_id=True)
    assert history.last("started").occasion == "c1/true"


def test_an_occasion_longer_than_an_id_is_hashed() -> None:
    history = History(ORDER)
    history.event("order_completed", "0s", order_id="x" * 1000)
    assert len(history.last("started").occasion) == len("c1/") + 32


def test_an_occasion_is_remembered_for_400_days() -> None:
    text = SERIES + "once_per: \"'once'\"\n"
    history = History(text)
    assert history.event("signed_up", "0s") != []
    assert history.event("signed_up", "399d") == ["fired series/tips", "send tips"]
    assert history.event("signed_up", "400d1s") == ["started series", "fired series/hello", "send hello"]


def test_a_full_memory_starts_nothing_and_says_so() -> None:
    history = History(ORDER)
    for number in range(limits.OCCASIONS_MAX):
        history.event("order_completed", f"{number}s", order_id=f"o{number}")
    assert history.event("order_completed", "1d", order_id="one-more") == ["state_limit order"]
    assert "1024 occasions" in history.last("state_limit").reason
    assert "send confirmation" in history.event("order_completed", "401d", order_id="much-later")


def test_a_bot_cannot_have_more_than_the_stated_runs() -> None:
    history = History(CART.replace("cart.id", "event.properties.cart_id"))
    for number in range(limits.RUNS_MAX):
        history.event("product_added", f"{number}s", cart_id=f"k{number}", **product())
    assert len(history.state.runs) == limits.RUNS_MAX
    assert history.event("product_added", "40s", cart_id="k99", **product()) == ["state_limit cart"]


def test_a_bot_cannot_grow_the_state() -> None:
    """Every kind of event with every field full of rubbish, thousands of times."""
    history = History(CART, ORDER, SERIES)
    sizes = []
    for number in range(3000):
        rubbish = f"{number:06d}" + "x" * 5000
        traits = {f"trait-{number}-{n}": rubbish for n in range(5)}
        history.event("profile_updated", f"{number}s", first_name=rubbish, locale=rubbish, **traits)
        history.event(
            "product_added",
            f"{number}s",
            product_id=f"p{number}",
            name=rubbish,
            url=rubbish,
            price=1e300 if number % 2 else 5,
            quantity=10**30,
            cart_id=f"k{number}",
            nested=[[[[[[[[rubbish]]]]]]]],
        )
        history.event("order_completed", f"{number}s", order_id=f"o{number}", products=[{"a": rubbish}] * 50)
        if number in (2200, 2999):  # by then every memory is full
            sizes.append(len(encode_state(history.state)))
    assert sizes[1] <= sizes[0] * 1.05
    assert sizes[1] < 400_000
    assert len(history.state.mails) == limits.MAILS_PENDING_MAX
    assert len(history.state.profile.traits) == limits.TRAITS_MAX


def test_the_cart_holds_a_bounded_number_of_lines() -> None:
    history = History(CART)
    for number in range(limits.CART_ITEMS_MAX + 20):
        history.event("product_added", f"{number}s", **product(f"p{number}"))
    assert len(history.state.cart.items) == limits.CART_ITEMS_MAX


def test_kept_properties_are_bounded_in_values_text_and_depth() -> None:
    wide = keep({f"k{n}": n for n in range(10_000)})
    assert len(wide) < limits.KEPT_NODES_MAX
    long = keep({"text": "x" * 100_000, "after": "gone"})
    assert len(long["text"]) <= limits.KEPT_TEXT_MAX
    deep: dict[str, object] = {}
    for _ in range(100):
        deep = {"d": deep}
    assert json.dumps(keep(deep)).count("d") <= limits.KEPT_DEPTH_MAX
    assert keep({"n": 2**70, "f": float("inf"), "ok": 2**60}) == {"n": None, "f": None, "ok": 2**60}


def test_facts_stay_within_four_kilobytes() -> None:
    facts = fit_facts({f"path.{n}": ["x" * 500] * 50 for n in range(50)})
    assert len(json.dumps(facts).encode()) <= limits.FACTS_BYTES_MAX
    assert facts["truncated"] is True
    assert fit_facts({"a": 1}) == {"a": 1}


def test_packed_digests_that_straddle_two_entries_are_not_found() -> None:
    recent = b""
    for number in range(200):
        added = add_recent(recent, f"id-{number}")
        assert added is not None
        recent = added
    shifted = recent[4:-4]
    assert all(add_recent(shifted, f"id-{n}") is not None for n in range(200))
    assert all(add_recent(recent, f"id-{n}") is None for n in range(200))


def test_occasions_are_forgotten_only_after_the_memory() -> None:
    start, memory = at("0s"), 400 * DAY
    values = add_occasion(b"", "a", start, memory, 9)
    assert values is not None
    values = add_occasion(values, "b", start + 200 * DAY, memory, 9)
    assert values is not None
    assert occasion_known(values, "a", start + memory - 1, memory)
    assert not occasion_known(values, "a", start + memory, memory)
    assert not occasion_known(values, "a", start + 30 * DAY, 30 * DAY), "the policy may forget sooner"
    pruned = add_occasion(values, "c", start + 401 * DAY, memory, 9)
    assert pruned is not None
    assert len(pruned) == 2 * 14
    again = add_occasion(values, "a", start + 401 * DAY, memory, 9)
    assert again is not None
    assert occasion_known(again, "a", start + 700 * DAY, memory)
    assert add_occasion(values, "c", start, memory, 2) is None, "full"


def test_an_occasion_remembers_whether_it_has_mailed() -> None:
    values = add_occasion(b"", "a", at("0s"), DAY, 9)
    assert values is not None
    assert not has_mailed(values, "a")
    mailed = mark_mailed(values, "a")
    assert has_mailed(mailed, "a")
    assert occasion_known(mailed, "a", at("23h"), DAY)
    assert mark_mailed(values, "b") == values


def test_united_memories_know_what_either_knew() -> None:
    hers = b"".join(_occasion(f"h{n}", at("0s") + n) for n in range(1000))
    other = mark_mailed(b"".join(_occasion(f"o{n}", at("0s") + 500 + n) for n in range(20)), "o3")
    both = unite_occasions(hers, other)
    assert len(both) == 1020 * 14
    assert all(occasion_known(both, f"h{n}", at("1h"), DAY) for n in range(1000))
    assert all(occasion_known(both, f"o{n}", at("1h"), DAY) for n in range(20))
    assert [name for name in ("h3", "o3") if has_mailed(both, name)] == ["o3"]
    assert unite_occasions(both, hers) == both


def test_what_a_union_of_full_memories_drops_is_forgotten_before_anything_can_start() -> None:
    hers = b"".join(_occasion(f"h{n}", at("0s") + n) for n in range(1024))
    other = b"".join(_occasion(f"o{n}", at("0s") + 10_000 + n) for n in range(1024))
    both = unite_occasions(hers, other)
    assert len(both) == 1024 * 14
    newest_dropped = at("0s") + 1023
    assert add_occasion(both, "h1023", newest_dropped + DAY, DAY, 1024) is None
    assert add_occasion(both, "h1023", at("0s") + 10_000 + DAY, DAY, 1024) is not None


def test_united_windows_of_event_ids_keep_the_latest_of_both() -> None:
    hers, other = b"", b""
    for n in range(256):
        hers, other = add_recent(hers, f"h{n}") or b"", add_recent(other, f"o{n}") or b""
    both = unite_recent(hers, other)
    assert len(both) == 256 * 8
    assert add_recent(both, "h255") is None
    assert add_recent(both, "o255") is None
    assert unite_recent(hers, hers) == hers
    few = add_recent(b"", "x") or b""
    assert add_recent(unite_recent(few, other), "x") is None
    assert len(unite_recent(few, other)) == 256 * 8


def _occasion(value: str, met_at: int) -> bytes:
    packed = add_occasion(b"", value, met_at, DAY, 1)
    assert packed is not None
    return packed


def test_triggers_of_which_nothing_is_remembered_any_more_make_room() -> None:
    """A marketer's 257th campaign must not be refused for ever because there were 256 before."""
    state = new_state("c1")
    for number in range(limits.TRIGGERS_MAX):
        assert remember(state, f"t{number}", "x", at(f"{number + 1}d"), 300 * DAY) is None
    state.memories["t1"].last_mailed_at = at("2d")
    full = remember(state, "new", "x", at("300d"), 300 * DAY)
    assert full == f"the customer has met {limits.TRIGGERS_MAX} triggers already"
    assert remember(state, "new", "x", at("302d"), 300 * DAY) is None
    assert len(state.memories) == limits.TRIGGERS_MAX, "t0 is gone, t1 has a cooldown to be held against"
    assert ("t0" in state.memories, "t1" in state.memories) == (False, True)
    assert remember(state, "newer", "x", at("302d"), 300 * DAY) is not None
    assert remember(state, "newer", "x", at("402d"), 300 * DAY) is None
    assert len(state.memories) == 156
