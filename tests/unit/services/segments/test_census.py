"""Who is in which segment: live as the engine has it, and as a folder would have it."""

from typing import Any

import pytest

from schemas.instants import DAY_MS
from schemas.rule_set import RuleSet
from services.segments.census import Census, Row, reachable
from services.segments.counting import as_data, lines
from services.segments.reading import Latest, Read
from tests.unit.trigger_engine.core.history import History, rules_of
from trigger_engine.core.basket_ring import BASKET_KEY_PREFIX
from trigger_engine.core.partition import PARTITION_RECORD_KEY
from trigger_engine.core.pools import POOL_KEY_PREFIX
from trigger_engine.core.product_store import PRODUCT_SIDE_PREFIXES
from trigger_engine.core.state import FOREVER, Alias, CustomerState, encode_state, new_state

NOW = 1_000 * DAY_MS
VIP = {"id": "vip", "when": "orders.count >= 2"}
KEEN = {"id": "keen", "when": "now - activity.last_seen_at < duration('72h')"}
ENGAGED = {"id": "engaged", "when": "engagement.score >= 10.0"}


def a_set(*segments: dict[str, str], policy: dict[str, Any] | None = None) -> RuleSet:
    return RuleSet.of([], segments=list(segments), policy=policy, templates=[])


def customer(
    key: str, rules: RuleSet | None = None, *, orders: int = 0, into: tuple[str, ...] = ()
) -> CustomerState:
    """Somebody of whom the engine knows these segments."""
    state = new_state(key)
    state.rules_digest = "" if rules is None else rules.digest
    state.orders.count = orders
    state.segments = dict.fromkeys(into, 0)
    return state


def mailable(state: CustomerState) -> CustomerState:
    state.profile.email, state.profile.marketing_email = "a@example.com", True
    return state


def counted(
    states: list[CustomerState], active: RuleSet | None, folder: RuleSet | None = None
) -> tuple[Census, dict[str, Row]]:
    census = Census(active, folder, NOW)
    census.fold(census.standing(state) for state in states)
    return census, {row.id: row for row in census.rows}


def test_members_are_those_the_engine_has_and_who_can_be_mailed_is_counted_apart() -> None:
    active = a_set(VIP, KEEN)
    states = [
        mailable(customer("c1", active, into=("vip", "keen"))),
        customer("c2", active, orders=9, into=("keen",)),
        customer("anon:d", active),
        customer("c3", None, into=("vip", "gone-long-ago")),
    ]
    census, rows = counted(states, active)
    assert (census.customers.customers, census.customers.reachable, census.visitors) == (4, 1, 1)
    assert census.behind == 1, "she was not touched since the rules changed"
    assert (rows["vip"].live.customers, rows["vip"].live.reachable) == (2, 1), "c2 holds, but is not in yet"
    assert (rows["keen"].live.customers, rows["keen"].live.reachable) == (2, 1)
    assert list(rows) == ["keen", "vip"]


def test_a_folder_asks_new_and_edited_conditions_and_leaves_the_others_to_the_engine() -> None:
    active = a_set(VIP, KEEN, {"id": "old", "when": "cart.count > 0"})
    folder = a_set({**VIP, "when": "orders.count >= 3"}, KEEN, {"id": "new", "when": "orders.count == 2"})
    states = [
        customer("c1", active, orders=2, into=("vip", "old")),
        customer("c2", active, orders=3, into=("vip",)),
        mailable(customer("c3", active, orders=3)),
    ]
    states[0].last_seen_at = NOW  # keen by its condition; the engine will say so itself
    _, rows = counted(states, active, folder)
    assert {name: row.fate for name, row in rows.items()} == {
        "vip": "changed",
        "keen": "unchanged",
        "old": "gone",
        "new": "new",
    }
    vip = rows["vip"]
    assert (vip.live.customers, vip.planned.customers, vip.entering, vip.leaving) == (2, 2, 1, 1)
    assert (vip.live.reachable, vip.planned.reachable) == (0, 1)
    assert (rows["keen"].planned.customers, rows["keen"].entering) == (0, 0)
    assert (rows["old"].planned.customers, rows["old"].leaving) == (0, 1)
    assert (rows["new"].live.customers, rows["new"].planned.customers, rows["new"].entering) == (0, 1, 1)


def test_a_description_is_no_change() -> None:
    _, rows = counted([], a_set(VIP), a_set({**VIP, "description": "The best."}))
    assert rows["vip"].fate == "unchanged"


def test_a_folder_counts_with_its_own_half_life() -> None:
    state = customer("c1")
    state.engagement.score, state.engagement.day = 20.0, NOW // DAY_MS - 30
    for half_life, inside in ((30, 1), (15, 0)):
        policy = {"engagement": {"half_life": half_life, "points": {"product_viewed": 1}}}
        _, rows = counted([state], None, a_set(ENGAGED, policy=policy))
        assert rows["engaged"].planned.customers == inside


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"email": None}, False),
        ({"marketing_email": None}, False),
        ({"marketing_email": False}, False),
        ({"undeliverable_address": "a@example.com"}, False),
        ({"undeliverable_address": "old@example.com"}, True),
        ({"unwanted_address": "a@example.com"}, False),
        ({"unsubscribed_at": 1}, False),
        ({"paused_until": FOREVER}, False),
        ({"paused_until": 1}, True),
    ],
)
def test_reachable_is_who_a_marketing_mail_would_reach(changes: dict[str, Any], expected: bool) -> None:
    """Held against the engine's own checks."""
    news = "id: news\nstatus: live\nkind: marketing\nwhen: {event: go}\nsteps: [{mail: news}]\n"
    history = History(rules=rules_of(news))
    for name, value in changes.items():
        setattr(history.state.profile, name, value)
    assert reachable(history.state, history.received_max) is expected
    assert (history.event("go", "1s")[-1] == "send news") is expected


def test_only_the_last_state_of_a_customer_counts_and_only_customers_do() -> None:
    latest = Latest(lambda state: state.orders.count)
    alias, erased, back = new_state("anon:d"), new_state("c3"), new_state("c4")
    alias.alias = Alias("c1", 0)
    erased.erased_at = back.erased_at = 5
    back.last_at = {"signed_up": 6}
    for key, value in [
        ("c1", encode_state(customer("c1", orders=1))),
        ("c2", encode_state(customer("c2", orders=7))),
        ("c1", encode_state(customer("c1", orders=2))),
        ("c2", None),
        ("anon:d", encode_state(customer("anon:d"))),
        ("anon:d", encode_state(alias)),
        ("c3", encode_state(erased)),
        ("c4", encode_state(back)),
        ("c5", b"\x00"),
        ("c6", b"\x00"),
        ("c6", encode_state(customer("c6", orders=6))),
        (PARTITION_RECORD_KEY, b"\x80"),
        (f"{POOL_KEY_PREFIX}spring", b"\x80"),
        (f"{BASKET_KEY_PREFIX}7", b"\x80"),
        *((f"{prefix}p1", b"\x80") for prefix in PRODUCT_SIDE_PREFIXES),
    ]:
        latest.admit(key.encode(), value)
    read = Read()
    assert latest.take(read) == [2, 0, 6]
    assert (read.customers, read.unreadable) == (3, 1)
    assert latest.take(read) == []


def test_what_is_shown() -> None:
    active = a_set(VIP, KEEN)
    states = [
        mailable(customer("c1", active, into=("vip",))),
        customer("c2", None),
        customer("anon:d", active),
    ]
    census, _ = counted(states, active)
    assert list(lines(active, census, Read(3, 1), with_folder=False)) == [
        f"rules {active.digest}",
        "3 customers, 1 of them reachable by mail (33.3%), 1 known as a device only",
        "segment  customers  share  reachable  share of them",
        "keen             0   0.0%          0",
        "vip              1  33.3%          1         100.0%",
        "not yet in line with these rules: 1 customer; engines bring them in line in slices,"
        " or at their next event",
        "not counted: 1 customer whose state cannot be read",
    ]
    folder = a_set({**VIP, "when": "orders.count >= 1"})
    states = [mailable(customer("c1", active, into=("vip",))), mailable(customer("c2", active, orders=1))]
    census, _ = counted(states, active, folder)
    assert list(lines(active, census, Read(2), with_folder=True))[2:] == [
        "segment  live  share  planned  share  entering  leaving  reachable",
        "keen        0   0.0%        0   0.0%         0        0          0  gone",
        "vip         1  50.0%        1  50.0%        +1       -1          1  changed",
    ]
    assert as_data(active, census, Read(2), with_folder=True)["segments"][1] == {
        "id": "vip",
        "customers": 1,
        "reachable": 1,
        "fate": "changed",
        "planned_customers": 1,
        "planned_reachable": 1,
        "entering": 1,
        "leaving": 1,
    }


def test_a_million_equal_standings_are_one_object() -> None:
    census = Census(a_set(VIP), None, NOW)
    first, second = (census.standing(customer(key, into=("vip",))) for key in ("c1", "c2"))
    assert first is second
