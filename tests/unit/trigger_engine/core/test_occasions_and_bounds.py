"""The same occasion never runs twice, and nobody can make the state grow."""

import json

from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, History, at, product
from trigger_engine.core import limits
from trigger_engine.core.packed import add_occasion, add_recent, occasion_known
from trigger_engine.core.state import encode_state
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
    start = at("0s")
    occasions = add_occasion(b"", "a", start)
    assert occasions is not None
    occasions = add_occasion(occasions, "b", start + 200 * DAY)
    assert occasions is not None
    assert occasion_known(occasions, "a", start + 399 * DAY)
    assert not occasion_known(occasions, "a", start + 401 * DAY)
    pruned = add_occasion(occasions, "c", start + 401 * DAY)
    assert pruned is not None
    assert len(pruned) == 2 * 12
    again = add_occasion(occasions, "a", start + 300 * DAY)
    assert again is not None
    assert occasion_known(again, "a", start + 500 * DAY), "the younger of two entries counts"
