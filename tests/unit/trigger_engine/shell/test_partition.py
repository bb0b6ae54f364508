"""The pure half of the shell: order of inputs, undoing, what a flush holds."""

from collections.abc import Iterable

import msgspec
import pytest

from schemas.records import CauseRecord, encode_record
from schemas.topics import EVENTS, STATE_CHANGELOG
from tests.fixtures.engine_cases import (
    CART,
    HOUR,
    MINUTE,
    T0,
    added,
    event,
    marker,
    ordered,
    profile,
    rule_set,
)
from trigger_engine.adapters.dead_letters import dead_letter_of
from trigger_engine.adapters.takeover import due_of
from trigger_engine.adapters.transaction import portions_of
from trigger_engine.core import partition as partition_module
from trigger_engine.core.effects import CancelMail, Decide, RequestMail
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import ALIAS_KEPT_MS
from trigger_engine.core.partition import Flush, Partition, PartitionRecord
from trigger_engine.core.rules import Rules, load_rules
from trigger_engine.core.state import Alias, UnknownVersion, decode_state, encode_state, new_state
from trigger_engine.core.timer_index import NEVER

RULES = load_rules(rule_set())


def new_partition(rules: Rules = RULES, customers: dict[str, bytes] | None = None) -> Partition:
    stored = customers or {}
    wake_ups = {
        key: due for key, data in stored.items() if (due := decode_state(data).next_wake_up_at) is not None
    }
    return Partition(0, stored, PartitionRecord(next_offsets={EVENTS: 0}), rules, wake_ups)


def feed(partition: Partition, values: Iterable[bytes], now: int, start: int = 0) -> None:
    for number, value in enumerate(values, start):
        partition.apply_record(EVENTS, number, b"k", value, now)
        partition.advance(EVENTS, number + 1)


def flushed(partition: Partition) -> Flush:
    flush = partition.take_flush()
    partition.committed(flush)
    return flush


def told(flush: Flush) -> list[tuple[str, str | None, str]]:
    """(kind, step, outcome or action) of each effect, in order."""
    rows = []
    for effect in flush.effects:
        if isinstance(effect, Decide):
            rows.append(("decision", effect.record.step, effect.record.outcome))
        elif isinstance(effect, RequestMail | CancelMail):
            rows.append(("request", effect.record.step, effect.record.action))
    return rows


def test_a_flush_holds_outputs_states_and_the_next_offset_together() -> None:
    partition = new_partition()
    feed(partition, [profile("ada", "1"), ordered("ada", "2")], T0)
    flush = flushed(partition)
    assert told(flush) == [
        ("decision", None, "started"),
        ("decision", "order-confirmation", "fired"),
        ("request", "order-confirmation", "send"),
    ]
    assert [key for key, _ in flush.states] == ["ada"]
    record = msgspec.msgpack.decode(flush.record, type=PartitionRecord)
    assert record.next_offsets == {EVENTS: 2}
    assert not partition.dirty


def test_nothing_is_committed_state_before_the_flush_is() -> None:
    partition = new_partition()
    feed(partition, [profile("ada", "1")], T0)
    flush = partition.take_flush()
    assert list(partition.customers.keys_after("")) == []
    partition.committed(flush)
    assert list(partition.customers.keys_after("")) == ["ada"]


def test_a_purchase_waiting_in_the_log_cancels_before_the_timer_mails() -> None:
    partition = new_partition()
    late = T0 + 5 * HOUR
    waiting = [profile("ada", "1"), added("ada", "2"), ordered("ada", "3", T0 + 30 * MINUTE)]
    feed(partition, waiting, late)
    partition.fire_due(late, late)
    assert "cart-reminder" not in {step for _, step, _ in told(flushed(partition))}


def test_while_catching_up_a_wake_up_due_before_the_next_event_fires_first() -> None:
    partition = new_partition()
    late = T0 + 5 * HOUR
    feed(partition, [profile("ada", "1"), added("ada", "2"), ordered("ada", "3", T0 + HOUR)], late)
    steps = [(step, outcome) for kind, step, outcome in told(flushed(partition)) if kind == "decision"]
    assert ("cart-reminder", "fired") in steps
    assert steps.index(("cart-reminder", "fired")) < steps.index(("order-confirmation", "fired"))


def test_an_event_received_at_the_due_instant_comes_before_the_wake_up() -> None:
    partition = new_partition()
    at = T0 + 45 * MINUTE
    feed(partition, [profile("ada", "1"), added("ada", "2"), ordered("ada", "3", at)], at)
    partition.fire_due(at, at)
    assert "cart-reminder" not in {
        step for _, step, outcome in told(flushed(partition)) if outcome == "fired"
    }


def test_a_record_from_a_clock_ahead_of_ours_fires_nothing_early() -> None:
    partition = new_partition()
    feed(partition, [profile("ada", "1"), added("ada", "2")], T0)
    ahead = event("page_viewed", "bob", "3", T0 + HOUR)
    partition.apply_record(EVENTS, 2, b"k", ahead, T0 + MINUTE)
    assert "fired" not in {outcome for _, _, outcome in told(flushed(partition))}


def test_wake_ups_survive_a_restart_from_committed_bytes() -> None:
    partition = new_partition()
    feed(partition, [profile("ada", "1"), added("ada", "2")], T0)
    flushed(partition)
    again = new_partition(customers=dict(partition.customers.items()))
    due = T0 + 45 * MINUTE
    assert again.fire_due(due - 1, due - 1) == 0
    assert again.fire_due(due, due) == 1
    assert ("decision", "cart-reminder", "fired") in told(flushed(again))


def test_a_backlog_of_wake_ups_comes_in_slices() -> None:
    partition = new_partition()
    customers = [f"c{number}" for number in range(10)]
    feed(partition, [profile(name, f"p{name}") for name in customers], T0)
    feed(partition, [added(name, f"a{name}") for name in customers], T0, start=10)
    flushed(partition)
    due = T0 + HOUR
    assert [partition.fire_due(due, due, limit=4) for _ in range(4)] == [4, 4, 2, 0]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{not json", "malformed"),
        (b'{"event_id":"1"}', "missing"),
        (event("page_viewed", "tetik:partition", "1"), "reserved prefix"),
        (event("page_viewed", "ada", "1").replace(b"2023-11-14", b"2023-13-14"), ""),
    ],
)
def test_a_record_that_cannot_be_used_is_rejected_and_the_line_goes_on(value: bytes, reason: str) -> None:
    partition = new_partition()
    feed(partition, [value, profile("ada", "2"), ordered("ada", "3")], T0)
    flush = flushed(partition)
    (rejected,) = flush.rejected
    assert (rejected.topic, rejected.offset, rejected.value) == (EVENTS, 0, value)
    assert reason in rejected.reason
    assert ("request", "order-confirmation", "send") in told(flush)


@pytest.mark.parametrize("depth", [300, 401, *range(900, 1000, 3)])
def test_what_can_be_read_can_be_written(depth: int) -> None:
    """A mail's data holds the event two levels deeper than it was read; failing there would stop the engine,
    and each of its successors, at this record."""
    partition = new_partition()
    deep = ordered("ada", "2").replace(b'"total":10.0', b'"total":' + b"[" * depth + b"]" * depth)
    wide = ordered("ada", "3").replace(b'"total":10.0', b'"total":[' + b'"[{",{},' * 500 + b"[]]")
    feed(partition, [profile("ada", "1"), deep, wide], T0)
    flush = flushed(partition)
    assert len(flush.rejected) == (0 if depth == 300 else 1)
    assert told(flush).count(("request", "order-confirmation", "send")) == 2 - len(flush.rejected)
    for effect in flush.effects:
        encode_record(effect.record)


def test_half_applied_inputs_are_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An input that raises in the middle leaves the customer as her earlier inputs made her."""
    real_step = partition_module.step

    def failing(rules, state, given, now):  # type: ignore[no-untyped-def]
        if isinstance(given, EventInput) and given.event_id == "bad":
            state.cart.items.clear()
            state.next_wake_up_at = None
            raise ZeroDivisionError("planted")
        return real_step(rules, state, given, now)

    monkeypatch.setattr(partition_module, "step", failing)
    partition, plain = new_partition(), new_partition()
    good = [profile("ada", "1"), added("ada", "2")]
    feed(partition, [*good, added("ada", "bad"), added("ada", "4", T0 + MINUTE)], T0 + MINUTE)
    monkeypatch.setattr(partition_module, "step", real_step)
    feed(plain, good, T0 + MINUTE)
    plain.apply_record(EVENTS, 3, b"k", added("ada", "4", T0 + MINUTE), T0 + MINUTE)
    flush, expected = flushed(partition), flushed(plain)
    assert flush.effects == expected.effects
    assert flush.states == expected.states
    (rejected,) = flush.rejected
    assert "planted" in rejected.reason
    assert rejected.traceback_digest


@pytest.mark.parametrize("bug", ["raises", "does not move on"])
def test_a_wake_up_that_cannot_be_performed_ends_its_run_with_error(
    bug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = new_partition()
    feed(partition, [profile("ada", "1"), added("ada", "2")], T0)
    flushed(partition)
    real_step = partition_module.step

    def failing(rules, state, given, now):  # type: ignore[no-untyped-def]
        if isinstance(given, EventInput):
            return real_step(rules, state, given, now)
        if bug == "raises":
            raise KeyError("planted")
        return state, []

    monkeypatch.setattr(partition_module, "step", failing)
    due = T0 + HOUR
    partition.fire_due(due, due)
    flush = flushed(partition)
    assert [outcome for _, _, outcome in told(flush)] == ["error"]
    assert partition.timers.next_due_at > due
    # an input that fails later in the same flush re-applies the abandoned wake-up without raising
    feed(partition, [ordered("ada", "3", due)], due, start=2)
    assert ("request", "order-confirmation", "send") in told(flushed(partition))


def test_a_customer_whose_bytes_are_broken_stops_nobody_else() -> None:
    broken = encode_state(new_state("bob"))[:5]
    partition = Partition(
        0, {"bob": broken}, PartitionRecord(next_offsets={EVENTS: 0}), RULES, {"bob": due_of("bob", broken)}
    )
    partition.fire_due(T0, T0)
    feed(partition, [profile("ada", "1"), ordered("bob", "2"), ordered("ada", "3")], T0)
    flush = flushed(partition)
    assert [(letter.topic, letter.key) for letter in flush.rejected] == [
        (STATE_CHANGELOG, b"bob"),
        (EVENTS, b"k"),
    ]
    assert dead_letter_of(flush.rejected[0], 0, "")[0] == b"bob"
    assert ("request", "order-confirmation", "send") in told(flush)
    assert partition.timers.next_due_at == NEVER


def test_states_of_another_version_are_not_passed_over() -> None:
    with pytest.raises(UnknownVersion, match=r"version 9; .* Start the version that wrote"):
        due_of("bob", b"\x09" + encode_state(new_state("bob"))[1:])


def test_rules_change_at_the_marker() -> None:
    partition = new_partition(load_rules(rule_set(CART)))
    other = load_rules(rule_set())
    assert partition.activates_rules(marker(other.digest)) == other.digest
    assert partition.activates_rules(profile("ada", "1")) is None
    assert partition.activates_rules(event("page_viewed", "ada", "2", note='"rules_activated"')) is None
    flushed(partition)
    partition.activate(other)
    record = msgspec.msgpack.decode(flushed(partition).record, type=PartitionRecord)
    assert record.rules_digest == other.digest


def test_the_marker_is_kept_with_the_record_and_rules_are_as_of_it_after_a_restart() -> None:
    partition = new_partition(load_rules(rule_set(CART)))
    feed(partition, [profile("ada", "1"), marker(RULES.digest, at=T0 + MINUTE)], T0 + HOUR)
    partition.activate(RULES)
    flush = flushed(partition)
    record = msgspec.msgpack.decode(flush.record, type=PartitionRecord)
    cause = CauseRecord("rules", EVENTS, 0, 1, "marker")
    assert (record.activated_at, record.activation, record.sweep_after) == (T0 + MINUTE, cause, "")
    again = Partition(0, dict(partition.customers.items()), record, RULES, {})
    assert (again.rules.activated_at, again.rules.activation) == (T0 + MINUTE, cause)
    assert again.sweep(T0 + HOUR, 10)
    assert not again.sweeping
    assert not again.sweep(T0 + HOUR, 10)


def test_a_partition_record_of_an_earlier_version_is_read() -> None:
    old = msgspec.msgpack.encode([1, {EVENTS: 17}, RULES.digest])
    record = msgspec.msgpack.decode(old, type=PartitionRecord)
    assert (record.next_offsets, record.rules_digest) == ({EVENTS: 17}, RULES.digest)
    assert (record.activation, record.sweep_after, record.received_max) == (None, None, 0)
    partition = Partition(0, {}, record, RULES, {})
    assert not partition.sweeping
    feed(partition, [profile("ada", "1"), ordered("ada", "2")], T0)
    assert ("request", "order-confirmation", "send") in told(flushed(partition))


def test_a_state_that_became_blank_is_deleted() -> None:
    """The alias of a device is forgotten when its time is over: a record without a value."""
    alias = new_state("anon:d1")
    alias.alias, alias.next_wake_up_at = Alias("ada", T0), T0 + ALIAS_KEPT_MS
    partition = new_partition(
        customers={"anon:d1": encode_state(alias), "bob": encode_state(new_state("bob"))}
    )
    due = T0 + ALIAS_KEPT_MS
    partition.fire_due(due - 1, due - 1)
    assert not partition.dirty
    partition.fire_due(due, due)
    flush = partition.take_flush()
    assert flush.states == [("anon:d1", None)]
    rows = [list(portion.rows) for portion in portions_of(flush, 0, 1) if portion.topic == STATE_CHANGELOG]
    assert rows[0][0] == (b"anon:d1", None, [])
    assert partition.customers.get("anon:d1") is not None, "until the flush is durable"
    partition.committed(flush)
    assert list(partition.customers.keys_after("")) == ["bob"]


def test_the_same_log_gives_the_same_effects_however_it_is_flushed() -> None:
    log = [
        profile("ada", "1"),
        added("ada", "2"),
        ordered("ada", "3", T0 + HOUR),
        added("ada", "4", T0 + 2 * HOUR),
    ]
    now = T0 + 9 * HOUR
    whole, piecewise = new_partition(), new_partition()
    feed(whole, log, now)
    effects = list(flushed(whole).effects)
    pieces = []
    for number, value in enumerate(log):
        feed(piecewise, [value], now, start=number)
        pieces += flushed(piecewise).effects
        piecewise = new_partition(customers=dict(piecewise.customers.items()))
    assert pieces == effects
