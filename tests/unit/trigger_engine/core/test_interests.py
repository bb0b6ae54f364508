"""What a customer is interested in, and what of it is told to the products."""

from schemas.instants import parse_instant
from tests.unit.trigger_engine.core.history import History, at
from tests.unit.trigger_engine.core.two_partitions import Town
from trigger_engine.core.effects import DropInterest, NoteInterest
from trigger_engine.core.limits import INTERESTS_MAX

NEWS = """
id: news
status: live
kind: marketing
when: {event: product_notice}
steps: [{mail: news}]
"""
OTHER = """
id: other
status: live
kind: marketing
when: {event: order_completed}
steps: [{mail: other}]
"""


def view(history: History, product: object, when: str = "1m") -> list[str]:
    return history.event("product_viewed", when, product_id=product)


def test_what_she_views_carts_or_wishes_for_is_noted_once() -> None:
    history = History(NEWS)
    assert view(history, "p1") == ["note p1 for c1"]
    assert history.event("product_added", "2m", product_id="p2") == ["note p2 for c1"]
    assert history.event("product_wished", "3m", product_id=3) == ["note 3 for c1"]
    assert view(history, "p1", "4m") == []
    assert history.state.interests == ["p2", "3", "p1"], "the latest last"


def test_a_note_tells_who_what_and_since_when() -> None:
    history = History(NEWS)
    history.event("product_viewed", "2m", received="3m", product_id="p1")
    (effect,) = history.effects
    assert isinstance(effect, NoteInterest)
    record = effect.record
    assert (record.customer_id, record.product_id, record.action) == ("c1", "p1", "note")
    assert at("2m") == parse_instant(record.occurred_at)


def test_without_a_trigger_on_notices_nothing_is_kept() -> None:
    history = History(OTHER)
    assert view(history, "p1") == []
    assert history.state.interests == []


def test_a_paused_trigger_and_a_shadow_have_a_use_for_them_and_a_draft_has_none() -> None:
    for status, wanted in (("paused", True), ("shadow", True), ("live", True), ("draft", False)):
        history = History(NEWS.replace("live", status))
        assert bool(view(history, "p1")) == wanted, status


def test_interests_begin_with_the_first_trigger_and_leave_under_any_rules() -> None:
    history = History(OTHER)
    view(history, "p1")
    history.change(OTHER, NEWS, when="2m")
    assert view(history, "p1", "3m") == ["note p1 for c1"]
    history.change(OTHER, when="4m")
    assert view(history, "p2", "5m") == []
    assert history.event("product_unwished", "6m", product_id="p1") == ["drop p1 for c1"]


def test_over_the_bound_the_one_longest_unseen_goes() -> None:
    history = History(NEWS)
    for number in range(INTERESTS_MAX):
        view(history, f"p{number}")
    view(history, "p0")
    assert view(history, "one more") == ["drop p1 for c1", "note one more for c1"]
    assert len(history.state.interests) == INTERESTS_MAX
    assert history.state.interests[-2:] == ["p0", "one more"]


def test_what_she_orders_goes_by_the_lines_of_the_order() -> None:
    history = History(NEWS)
    for product in ("p1", "p2", "p3"):
        view(history, product)
    lines = [{"product_id": "p1"}, "junk", {"product_id": None}, {"product_id": "p3"}, {"product_id": "p9"}]
    assert history.event("order_completed", "2m", products=lines) == [
        "keep p1 p3 p9",
        "drop p1 for c1",
        "drop p3 for c1",
    ]
    assert history.event("order_completed", "3m", product_id="p2") == ["drop p2 for c1"]
    assert history.state.interests == []


def test_events_without_a_usable_product_change_nothing() -> None:
    history = History(NEWS)
    for product in (None, "", "p" * 257, 1.5, ["p1"], True):
        assert view(history, product) == []
    assert history.event("product_unwished", "2m", product_id="p1") == []
    assert history.event("order_completed", "2m", products="p1") == []


def test_late_and_backfilled_events_count() -> None:
    history = History(NEWS)
    assert history.event("product_viewed", "0s", received="5d", product_id="p1") == ["note p1 for c1"]
    assert history.event("product_viewed", "1m", received="5d", backfill=True, product_id="p2") == [
        "note p2 for c1"
    ]


def test_who_is_erased_is_interested_in_nothing_more() -> None:
    history = History(NEWS)
    view(history, "p1")
    view(history, "p2")
    assert history.event("customer_erased", "2m") == ["drop p1 for c1", "drop p2 for c1"]
    assert history.state.interests == []
    assert history.event("product_viewed", "2m", product_id="p3") == []


def test_a_device_tells_nobody_and_the_customer_notes_what_is_new_to_her() -> None:
    town = Town(NEWS)
    town.device("product_viewed", "1m", product_id="p1")
    town.device("product_viewed", "2m", product_id="p2")
    town.customer("product_viewed", "3m", product_id="p2")
    assert _written(town) == [("note", "p2", "ada")]
    assert town.state("anon:d1").interests == ["p1", "p2"]
    town.both("page_viewed", "4m")
    assert _written(town) == [("note", "p2", "ada"), ("note", "p1", "ada")]
    assert town.state("ada").interests == ["p2", "p1"]
    (last,) = [one.record for one in town.effects if isinstance(one, NoteInterest)][-1:]
    assert parse_instant(last.occurred_at) == at("4m"), "the hand-over's"
    town.device("product_viewed", "5m", product_id="p3")
    assert _written(town)[-1] == ("note", "p3", "ada"), "an alias forwards"


def test_of_what_goes_at_once_in_a_merge_nothing_is_written() -> None:
    town = Town(NEWS)
    for number in range(INTERESTS_MAX):
        town.device("product_viewed", "1m", product_id=f"d{number}")
    town.customer("product_viewed", "2m", product_id="mine")
    town.both("page_viewed", "3m")
    written = _written(town)
    assert written[:2] == [("note", "mine", "ada"), ("drop", "mine", "ada")]
    assert written[2:] == [("note", f"d{number}", "ada") for number in range(INTERESTS_MAX)]


def _written(town: Town) -> list[tuple[str, str, str]]:
    return [
        (one.record.action, one.record.product_id, one.record.customer_id)
        for one in town.effects
        if isinstance(one, NoteInterest | DropInterest)
    ]
