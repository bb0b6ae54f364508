"""Bounded state: whatever one customer sends, her record and her hand-over stay under stated sizes."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.records import encode_record
from schemas.topics import EVENTS, STATE_CHANGELOG, all_topics
from tests.unit.trigger_engine.core.full_state import WIDE, full_state
from tests.unit.trigger_engine.core.history import CART, KNOWN, ORDER, SERIES, History, at, rules_of
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, DEVICE, DEVICE_KEY, Town
from trigger_engine.core import limits
from trigger_engine.core.hand_over import within_bounds
from trigger_engine.core.state import CustomerState, Window, decode_state, encode_state, new_state

COUNTED = """
id: counted-{0}
status: live
kind: marketing
when: {{count: [page_viewed, product_viewed], per: event.properties.text, within: 300d, at_least: 100}}
unless: {{event: order_completed, where: event.properties.number > start.properties.number}}
steps: [{{mail: counted}}]
"""
EACH = """
id: each
status: live
kind: marketing
when: {event: product_viewed}
wait: 40d
steps: [{mail: seen}]
once_per: event.properties.number
exit: [{event: order_completed, where: event.properties.number > start.properties.number}]
"""


def test_a_state_with_everything_at_its_bound_fits_the_changelog() -> None:
    size = len(encode_state(full_state("anon:" + WIDE * 256)))
    assert 12_000_000 < size <= limits.STATE_BYTES_MAX
    assert (all_topics()[STATE_CHANGELOG].record_bytes_max or 0) > limits.STATE_BYTES_MAX


def test_such_a_state_is_cut_to_fit_a_hand_over_and_keeps_runs_mails_and_occasions() -> None:
    state = full_state("anon:" + WIDE * 256)
    before = encode_state(state)
    cut = within_bounds(state)
    assert len(encode_state(cut)) <= limits.HANDOVER_STATE_BYTES_MAX
    for name in (
        "runs",
        "mails",
        "memories",
        "profile",
        "cart",
        "slots",
        "offers",
        "arms",
        "ended_at",
        "recent",
    ):
        assert getattr(cut, name) == getattr(state, name), name
    assert (cut.views.count, cut.views.kept(), cut.past_enders) == (state.views.count, [], [])
    assert (cut.orders.count, cut.orders.purchases.kept()) == (state.orders.count, [])
    assert all(window.events for windows in cut.windows.values() for window in windows.values())
    assert encode_state(state) == before, "the device's own state is as it was"


def test_a_state_that_fits_is_handed_over_whole() -> None:
    state = new_state(DEVICE_KEY)
    assert within_bounds(state) is state


def test_the_largest_hand_over_fits_the_log_and_is_taken_in() -> None:
    town = Town(CART)
    state = full_state(DEVICE_KEY)
    state.rules_digest = next(iter(town.rules))
    town.stored[1][DEVICE_KEY] = encode_state(state)
    town.restart(1)
    town.both("page_viewed", "0s")
    record = town.handed[-1]
    assert record.type == "handover_state"
    room = 10_000  # for headers and the batch
    assert len(encode_record(record)) + room < (all_topics()[EVENTS].record_bytes_max or 0)
    assert town.rejected == []
    taken = town.state(CUSTOMER)
    assert len(taken.runs) == limits.RUNS_MAX
    assert len(encode_state(taken)) <= limits.STATE_BYTES_MAX


def test_two_full_states_make_one_within_the_bound_and_say_which_runs_ended() -> None:
    town = Town(CART)
    digest = next(iter(town.rules))
    for number, key in ((0, CUSTOMER), (1, DEVICE_KEY)):
        state = full_state(key)
        state.rules_digest, state.devices = digest, []
        for run in state.runs:
            run.value = f"{key}-{run.value[:9]}"
        town.stored[number][key] = encode_state(state)
        town.restart(number)
    town.both("page_viewed", "0s", id="login")
    united = town.state(CUSTOMER)
    assert len(encode_state(united)) <= limits.STATE_BYTES_MAX
    assert len(united.runs) == limits.RUNS_MAX
    assert [one.outcome for one in town.decisions] == ["state_limit"] * limits.RUNS_MAX
    assert {name: len(getattr(united, name)) for name in ("mails", "past_enders", "offers", "arms")} == {
        "mails": limits.MAILS_PENDING_MAX,
        "past_enders": limits.PAST_ENDERS_MAX,
        "offers": limits.OFFERS_MAX,
        "arms": limits.ARMS_MAX,
    }
    assert sum(map(len, united.windows.values())) == limits.THRESHOLD_WINDOWS_MAX


def _everything_new(number: int) -> dict[str, Any]:
    return {
        "text": f"{number}{WIDE * 999}",
        "number": number,
        "product_id": f"{number}{WIDE * 250}",
        "name": WIDE * 9_999,
        "category": f"{number}{WIDE * 999}",
        "url": f"{number}{WIDE * 999}",
        "image_url": f"{number}{WIDE * 999}",
        "cart_id": "k",
        "price": 0.1,
        "order_id": f"o{number}",
        "products": [
            {
                "product_id": f"{number}{line}{WIDE * 250}",
                "category": f"{line}{WIDE * 999}",
                "name": WIDE * 9_999,
                "quantity": 10**9,
                "consumable_days": 3_650,
                "url": f"{number}{WIDE * 980}",
                "image_url": f"{number}{WIDE * 980}",
            }
            for line in range(50 if number % 10 == 0 else 0)
        ],
        "nested": [[[[[[[[[number] * 99] * 9]]]]]]],
        **{f"{number}-{name}{WIDE * 99}": f"{name}{WIDE * 999}" for name in range(20)},
    }


FLOODS: dict[str, Callable[[int], tuple[str, dict[str, Any]]]] = {
    "views": lambda n: ("product_viewed", _everything_new(n)),
    "carts": lambda n: ("product_added", _everything_new(n)),
    "orders": lambda n: ("order_completed", _everything_new(n) | KNOWN),
    "traits": lambda n: ("profile_updated", _everything_new(n) | KNOWN),
    "types": lambda n: (f"type_{n}", _everything_new(n)),
    "sign-ups": lambda n: ("signed_up", _everything_new(n) | KNOWN),
    "other tools": lambda n: ("campaign_mailed", {}),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_from_one_customer_fills_no_list_and_no_map_beyond_its_bound(name: str) -> None:
    town = Town(rules=_rules())
    town.customer("profile_updated", "-1h", **KNOWN)
    sizes = []
    for number in range(300):
        type, properties = FLOODS[name](number)
        town.both(type, f"{number}m", anonymous_id=f"{number}{WIDE * 200}", then=False, **properties)
        if number % 100 == 99:
            town.settle()
            town.rejected.clear()
            sizes.append(len(encode_state(town.state(CUSTOMER))))
            _check_bounds(town.state(CUSTOMER))
    assert sizes[-1] < 3_000_000
    assert sizes[-1] - sizes[-2] < 200_000, "it has stopped growing but for occasions and windows"


def test_windows_of_all_triggers_share_one_bound_and_the_one_longest_without_an_event_goes() -> None:
    history = History(COUNTED.format(0))
    history.state.windows = {
        f"t{number}": {str(value): Window([(at("1h") + 64 * number + value, 1.0)]) for value in range(64)}
        for number in range(limits.THRESHOLD_WINDOWS_MAX // 64)
    }
    history.event("page_viewed", "2h", text="new")
    windows = history.state.windows
    assert sum(map(len, windows.values())) == limits.THRESHOLD_WINDOWS_MAX
    assert list(windows["counted-0"]) == ["new"]
    assert "0" not in windows["t0"]
    assert len(windows["t0"]) == 63


def test_a_flood_of_hand_overs_fills_nothing_beyond_its_bound() -> None:
    town = Town(rules=_rules())
    town.customer("profile_updated", "-1h", **KNOWN)
    for number in range(80):
        device = f"{DEVICE}-{number}"
        for view in range(4):
            town.device(
                "product_viewed", f"{number}m", anonymous_id=device, **_everything_new(4 * number + view)
            )
        town.both("page_viewed", f"{number}m", anonymous_id=device)
    state = town.state(CUSTOMER)
    _check_bounds(state)
    assert len(state.runs) == limits.RUNS_MAX
    ended = [one for one in town.decisions if one.outcome == "state_limit"]
    started = [one for one in town.decisions if one.outcome == "started"]
    assert len(started) == 320
    assert len(ended) == len(started) - limits.RUNS_MAX, "none without a word"


def _rules() -> Any:
    counted = [COUNTED.format(number) for number in range(3)]
    return rules_of(CART, ORDER, SERIES, EACH, *counted, policy={"caps": [{"at_most": 50, "within": "30d"}]})


def _check_bounds(state: CustomerState) -> None:
    lengths = {
        "runs": (len(state.runs), limits.RUNS_MAX),
        "mails": (len(state.mails), limits.MAILS_PENDING_MAX),
        "recent": (len(state.recent) // 8, limits.RECENT_EVENTS_MAX),
        "traits": (len(state.profile.traits), limits.TRAITS_MAX),
        "items": (len(state.cart.items), limits.CART_ITEMS_MAX),
        "memories": (len(state.memories), limits.TRIGGERS_MAX),
        "occasions": (
            max((len(memory.values) // 14 for memory in state.memories.values()), default=0),
            limits.OCCASIONS_MAX,
        ),
        "ended_at": (len(state.ended_at), limits.ENDINGS_MAX),
        "past_enders": (len(state.past_enders), limits.PAST_ENDERS_MAX),
        "last_at": (len(state.last_at), limits.EVENT_TYPES_MAX),
        "views": (len(state.views), limits.VIEWS_MAX),
        "purchases": (len(state.orders.purchases), limits.PURCHASES_MAX),
        "windows": (sum(map(len, state.windows.values())), limits.THRESHOLD_WINDOWS_MAX),
        "slots": (len(state.slots), 2 * limits.SLOTS_MAX),
        "offers": (len(state.offers), limits.OFFERS_MAX),
        "arms": (len(state.arms), limits.ARMS_MAX),
        "devices": (len(state.devices), limits.DEVICES_MAX),
        "hand_overs": (len(state.hand_overs) // 8, limits.HAND_OVERS_MAX),
    }
    assert {name: found for name, (found, most) in lengths.items() if found > most} == {}
    assert decode_state(encode_state(state)) == state
