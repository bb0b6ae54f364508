"""Whether a simulated run is right: every expected decision exactly once, none beyond, none early.

Raw committed records are counted, never de-duplicated first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from schemas.instants import parse_instant
from schemas.keys import customer_key
from schemas.records import (
    DecisionRecord,
    decode_decision,
    decode_event,
    encode_record,
)
from tests.simulation.codes import code_problems
from tests.simulation.expected import Expected, Judge
from tests.simulation.recorded import in_line, last_states, recorded
from tests.simulation.touched import Lives, Touched
from tests.simulation.verdict_on_mails import mail_problems
from tests.simulation.world import Outcome
from trigger_engine.core.state import CustomerState

NO_CHECK_RESULTS = frozenset({"cancelling", "cancelled", "regret", "exited", "superseded", "goal"})
"""Decisions on a step that are not what its checks said."""

ASKED_BY = {"fired": "send", "cancelling": "cancel"}
"""The request that goes with a decision."""


def problems(outcome: Outcome, judge: Judge) -> list[str]:
    """What is wrong with a run, one line each; none if it is right."""
    found_decisions = recorded(outcome)
    decisions = [one.decision for one in found_decisions]
    found = [f"a process ended with {failure}" for failure in outcome.failures]
    found += _dead_letters(outcome)
    found += _doubled(outcome, decisions)
    found += mail_problems(outcome)
    found += code_problems(outcome, found_decisions)
    found += _early(decisions) + _ahead_of_time(outcome)
    found += _before_the_backlog(outcome, decisions)
    expected = judge.expected(outcome, found_decisions)
    found += _differences(outcome, expected, decisions)
    found += _different_states(outcome, expected)
    return found


def _dead_letters(outcome: Outcome) -> list[str]:
    """One for each record that cannot be read, and no other."""
    letters = [msgspec.json.decode(letter.value or b"") for letter in outcome.log.dead_letters]
    found = Counter((letter["partition"], letter["offset"]) for letter in letters)
    readable = [
        {record.offset for record, _ in outcome.log.events_of(n)} for n in range(len(outcome.log.events))
    ]
    wanted = Counter(
        (number, record.offset)
        for number, records in enumerate(outcome.log.events)
        for record in records
        if record.offset not in readable[number]
    )
    said = [f"missing dead letter: of {place}" for place in (wanted - found)]
    return said + [f"unexpected dead letter: of {place}, {found[place]} in all" for place in (found - wanted)]


def _doubled(outcome: Outcome, decisions: list[DecisionRecord]) -> list[str]:
    """Everything is decided once in a life, and asked for as often as it was decided."""
    lives = Lives(outcome.log.events_of(number) for number in range(outcome.history.partitions))
    ids = Counter((decision.decision_id, lives.of(decision)) for decision in decisions)
    checks = Counter(
        (decision.trigger_id, decision.occasion, decision.step, decision.attempt, lives.of(decision))
        for decision in decisions
        if decision.step is not None and decision.outcome not in NO_CHECK_RESULTS
    )
    requests = Counter((request.send_id, request.action) for request in outcome.log.asked_for())
    decided = Counter(
        (decision.send_id or "", ASKED_BY[decision.outcome])
        for decision in decisions
        if decision.outcome in ASKED_BY
    )
    said = [f"decision {one} is on the log {number} times" for one, number in ids.items() if number > 1]
    said += [
        f"the checks of {one} were decided {number} times" for one, number in checks.items() if number > 1
    ]
    return said + [
        f"request {one} is on the log {requests[one]} times, and was decided {decided[one]} times"
        for one in requests.keys() | decided.keys()
        if requests[one] != decided[one]
    ]


def _early(decisions: Iterable[DecisionRecord]) -> list[str]:
    """No wake-up is performed before its time. A reschedule names the time to come, and who is outranked ends
    at the other's."""
    return [
        f"early: {_name(decision)} at {decision.decided_at}, due at {decision.due_at or decision.occurred_at}"
        for decision in decisions
        if decision.cause.kind == "wake_up"
        and (
            decision.decided_at < decision.occurred_at
            or (
                decision.step is not None
                and decision.outcome not in ("rescheduled", "outranked")
                and decision.due_at is not None
                and decision.decided_at < decision.due_at
            )
        )
    ]


def _ahead_of_time(outcome: Outcome) -> list[str]:
    """Whatever it says of its own clock: nothing of a wake-up is on the log before any clock had its time."""
    said = []
    for records in outcome.log.decisions:
        for record in records:
            decision = decode_decision(record.value or b"")
            latest = (record.visible_at or 0) + outcome.ahead
            if decision.cause.kind == "wake_up" and latest < parse_instant(decision.occurred_at):
                said.append(f"early: {_name(decision)} was on the log before {decision.occurred_at}")
    return said


def _before_the_backlog(outcome: Outcome, decisions: list[DecisionRecord]) -> list[str]:
    """A wake-up due at T must come after everything of its customer that was written by T, except what stands
    behind an event received later than T."""
    said = []
    woken = defaultdict(list)
    for decision in decisions:
        if decision.cause.kind == "wake_up":
            woken[decision.customer_key].append(decision)
    for number in range(outcome.history.partitions):
        received_max = 0
        touched = Touched()
        for record, event in outcome.log.events_of(number):
            received_max = max(received_max, parse_instant(event.received_at))
            key = customer_key(event.customer_id, event.anonymous_id)
            if not touched.by(key, event):
                continue  # it is no input that a wake-up could point to
            for decision in woken.get(key or "", ()):
                due_at = parse_instant(decision.occurred_at)
                written_at = outcome.fastest_clock[number][record.offset]
                if decision.cause.offset < record.offset and received_max <= due_at and written_at <= due_at:
                    said.append(
                        f"before the backlog: {_name(decision)} knew nothing of offset {record.offset}"
                    )
    return said


def _differences(outcome: Outcome, expected: Expected, decisions: list[DecisionRecord]) -> list[str]:
    said = []
    found = Counter(encode_record(decision) for decision in decisions)
    wanted = Counter(encode_record(decision) for decision in expected.decisions)
    said += [f"missing: {_shown(value)}" for value in (wanted - found)]
    said += [f"unexpected: {_shown(value)}" for value in (found - wanted)]
    requests = Counter(record.value or b"" for records in outcome.log.requests for record in records)
    asked_for = Counter(expected.requests)
    said += [f"missing request: {value.decode()}" for value in (asked_for - requests)]
    said += [f"unexpected request: {value.decode()}" for value in (requests - asked_for)]
    handed_over = Counter(
        _said(record.value)
        for records in outcome.log.events
        for record in records
        if record.owner is not None
    )
    wanted_over = Counter(_said(value) for value in expected.handed_over)
    said += [f"missing event for another customer: {value}" for value in (wanted_over - handed_over)]
    said += [f"unexpected event for another customer: {value}" for value in (handed_over - wanted_over)]
    return said


def _different_states(outcome: Outcome, expected: Expected) -> list[str]:
    """How customers' last states differ."""
    return [
        f"the state of {key} differs: {_different_fields(state, expected.states.get(key))}"
        for key, state in last_states(outcome).items()
        if in_line(expected.states.get(key)) != in_line(state)
    ]


def _different_fields(one: bytes | None, other: bytes | None) -> str:
    first, second = in_line(one), in_line(other)
    names = CustomerState.__struct_fields__
    return ", ".join(
        f"{name} is {getattr(first, name, None)!r}, expected {getattr(second, name, None)!r}"
        for name in names
        if getattr(first, name, None) != getattr(second, name, None)
    )


def _said(value: bytes | None) -> str:
    """An event for another customer, but for when it was written."""
    event = decode_event(value or b"")
    return f"{event.type} {event.event_id} for {customer_key(event.customer_id, event.anonymous_id)}"


def _name(decision: DecisionRecord) -> str:
    step = "" if decision.step is None else f", step {decision.step}"
    return f"{decision.outcome} of {decision.trigger_id} for {decision.occasion}{step}"


def _shown(value: bytes) -> str:
    decision = decode_decision(value)
    cause = decision.cause
    return (
        f"{_name(decision)}, due {decision.due_at}, decided {decision.decided_at}, "
        f"by {cause.kind} at {cause.partition}/{cause.offset}, rules {decision.rules_digest[:8]}: "
        f"{decision.reason}"
    )
