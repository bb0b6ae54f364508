"""Event and absence triggers: what starts a run, what prolongs its wait, when its mails go out."""

from schemas.ids import decision_id, send_id
from schemas.instants import format_instant
from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, History, at, product


def test_an_event_trigger_mails_at_once_and_its_series_follows_the_plan() -> None:
    history = History(SERIES)
    assert history.event("signed_up", "0s") == ["started series", "fired series/hello", "send hello"]
    assert history.until("47h") == []
    assert history.until("48h") == ["fired series/tips", "send tips"]
    assert history.state.runs == []
    assert history.state.next_wake_up_at is None


def test_an_absence_trigger_waits_and_mails_when_nothing_came() -> None:
    history = History(CART)
    assert history.event("product_added", "0s", **product()) == ["started cart"]
    assert history.until("44m59s") == []
    assert history.until("45m") == ["fired cart/reminder", "send reminder"]
    assert history.until("24h45m") == ["fired cart/last-call", "send last-call"]


def test_the_wait_restarts_on_each_matching_event() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    assert history.event("product_added", "30m", **product("p2")) == []
    assert history.state.next_wake_up_at == at("75m")
    assert history.until("74m") == []
    assert history.until("75m") == ["fired cart/reminder", "send reminder"]


def test_the_wait_restarts_only_where_the_condition_holds() -> None:
    history = History(CART.replace("cart.value > 0", "cart.value > 15"))
    assert history.event("product_added", "0s", **product(price=10)) == []
    assert history.event("product_added", "1m", **product(price=10)) == ["started cart"]
    assert history.event("product_removed", "30m", product_id="p1", quantity=1) == []
    assert history.state.next_wake_up_at == at("46m")


def test_after_the_first_mail_matching_events_change_nothing() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    history.until("45m")
    assert history.event("product_added", "24h40m", **product("p2")) == []
    assert history.state.next_wake_up_at == at("24h45m")


def test_an_event_out_of_order_never_shortens_the_wait() -> None:
    history = History(CART)
    history.event("product_added", "30m", **product())
    assert history.event("product_added", "10m", received="31m", **product("p2")) == []
    assert history.state.next_wake_up_at == at("75m")


def test_a_later_wait_counts_from_the_planned_due_time_of_the_step_before() -> None:
    history = History(CART)
    history.event("product_added", "0s", **product())
    assert history.until("45m", now="3h") == ["fired cart/reminder", "send reminder"]
    assert history.state.next_wake_up_at == at("24h45m")


def test_due_times_count_from_the_event_not_from_its_arrival() -> None:
    history = History(CART)
    history.event("product_added", "0s", received="20m", **product())
    assert history.state.next_wake_up_at == at("45m")


def test_what_fell_due_before_the_event_arrived_waits_for_its_wake_up() -> None:
    history = History(CART)
    assert history.event("product_added", "0s", received="2h", **product()) == ["started cart"]
    assert history.state.next_wake_up_at == at("45m")
    assert history.until("2h", now="2h") == ["fired cart/reminder", "send reminder"]


def test_timestamps_in_the_future_are_clamped_to_their_arrival() -> None:
    history = History(CART)
    history.event("product_added", "10d", received="1m", **product())
    assert history.state.next_wake_up_at == at("46m")
    assert history.last("started").occurred_at == format_instant(at("1m"))


def test_a_wake_up_that_finds_nothing_due_changes_nothing() -> None:
    from schemas.records import CauseRecord
    from trigger_engine.core.inputs import WakeUp
    from trigger_engine.core.state import encode_state
    from trigger_engine.core.step import step

    history = History(CART)
    history.event("product_added", "0s", **product())
    before = encode_state(history.state)
    wake_up = WakeUp(at("10m"), CauseRecord("wake_up", "tetik.events", 0, 1))
    state, effects = step(history.rules, history.state, wake_up, at("10m"))
    assert effects == []
    assert encode_state(state) == before


def test_a_wake_up_is_never_performed_before_its_time() -> None:
    from schemas.records import CauseRecord
    from trigger_engine.core.inputs import WakeUp
    from trigger_engine.core.step import step

    history = History(CART)
    history.event("product_added", "0s", **product())
    wake_up = WakeUp(at("45m"), CauseRecord("wake_up", "tetik.events", 0, 1))
    _, effects = step(history.rules, history.state, wake_up, at("45m") - 1)
    assert effects == []


def test_runs_due_at_the_same_instant_go_in_the_order_of_their_triggers() -> None:
    history = History(CART.replace("id: cart", "id: zebra"), CART.replace("id: cart", "id: aster"))
    assert history.event("product_added", "0s", **product()) == ["started aster", "started zebra"]
    assert history.until("45m") == [
        "fired aster/reminder",
        "send reminder",
        "fired zebra/reminder",
        "send reminder",
    ]


def test_mails_without_a_wait_between_them_go_out_together() -> None:
    history = History(SERIES.replace("{wait: 2d}, ", ""))
    assert history.event("signed_up", "0s") == [
        "started series",
        "fired series/hello",
        "send hello",
        "fired series/tips",
        "send tips",
    ]


def test_an_added_product_counts_as_cart_updated_and_starts_only_once() -> None:
    only_derived = History(CART.replace("[product_added, cart_updated, checkout_started]", "cart_updated"))
    assert only_derived.event("product_added", "0s", **product()) == ["started cart"]
    both = History(CART)
    assert both.event("product_added", "0s", **product()) == ["started cart"]
    assert len(both.state.runs) == 1


def test_an_event_that_concerns_no_rule_only_updates_the_state() -> None:
    history = History(ORDER)
    assert history.event("product_viewed", "5m", product_id="p1") == []
    assert history.state.last_seen_at == at("5m")


def test_drafts_start_nothing() -> None:
    history = History(SERIES.replace("status: live", "status: draft"))
    assert history.event("signed_up", "0s") == []


def test_a_trigger_with_wait_and_no_once_per_has_one_run_at_a_time() -> None:
    text = CART.replace("once_per: cart.id\n", "")
    history = History(text)
    history.event("product_added", "0s", **product())
    assert history.event("product_added", "10m", **product("p2")) == []
    history.until("55m")
    assert history.event("product_added", "56m", **product("p3")) == []
    history.until("25h")
    assert history.event("product_added", "26h", **product("p4")) == ["started cart"]


def test_without_wait_each_event_is_its_own_occasion() -> None:
    history = History(SERIES)
    first = history.event("signed_up", "0s")
    assert history.event("signed_up", "1h") == first


def test_decisions_say_what_happened_when_and_by_which_rules() -> None:
    history = History(CART)
    history.event("product_added", "0s", id="add-1", **product(price=12.5, quantity=2))
    started = history.decisions[0]
    occasion = "c1/add-1"
    trigger = history.rules.concern("product_added", None).starters[0]
    assert started.decision_id == decision_id("cart", occasion, None, "started", 0)
    assert (started.occasion, started.step, started.attempt) == (occasion, None, 0)
    assert started.trigger_version == trigger.version
    assert started.rules_digest == history.rules.digest
    assert started.due_at == format_instant(at("45m"))
    assert started.facts == {"cart.value": 25.0, "cart.id": "add-1"}
    assert started.reason == f"product_added started the run; reminder is due at {format_instant(at('45m'))}."
    assert (started.cause.kind, started.cause.offset, started.cause.event_id) == ("event", 2, "add-1")
    history.until("45m", now="46m")
    fired = history.last("fired")
    assert fired.decision_id == decision_id("cart", occasion, "reminder", "fired", 1)
    assert fired.send_id == send_id("cart", occasion, "reminder")
    assert (fired.step, fired.attempt) == ("reminder", 1)
    assert (fired.occurred_at, fired.due_at) == (format_instant(at("45m")), format_instant(at("45m")))
    assert fired.decided_at == format_instant(at("46m"))
    assert (fired.cause.kind, fired.cause.offset, fired.cause.event_id) == ("wake_up", 2, None)
    assert fired.facts == {
        "expires_at": format_instant(at("12h45m")),
        "address_known": True,
        "consent.marketing_email": True,
    }


def test_a_request_to_mail_carries_all_that_the_sender_needs() -> None:
    history = History(CART)
    history.event("profile_updated", "-5m", first_name="Ayşe", locale="tr")
    history.event(
        "product_added", "0s", id="add-1", cart_id="k1", currency="TRY", url="https://s/p1", **product()
    )
    history.until("45m")
    request = history.requests[0]
    assert (request.action, request.kind, request.to, request.locale) == (
        "send",
        "marketing",
        "a@example.com",
        "tr",
    )
    assert request.template == "reminder"
    assert request.template_digest
    assert request.expires_at == format_instant(at("12h45m"))
    assert request.data["profile"] == {"first_name": "Ayşe", "last_name": None}
    assert request.data["cart"] == {
        "id": "k1",
        "items": [
            {
                "product_id": "p1",
                "name": "P1",
                "price": 10.0,
                "quantity": 1,
                "url": "https://s/p1",
                "image_url": None,
            }
        ],
        "value": 10.0,
        "currency": "TRY",
    }
    assert request.data["event"]["product_id"] == "p1"


def test_a_mail_that_goes_out_at_once_shows_the_whole_event() -> None:
    history = History(ORDER)
    products = [product(f"p{n}") for n in range(300)]
    history.event("order_completed", "0s", order_id="o1", total=3000, products=products)
    assert history.requests[0].data["event"]["products"] == products
    assert history.state.mails[0].start.properties == {}
