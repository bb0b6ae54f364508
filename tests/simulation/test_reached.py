"""What the simulated shoppers and faults bring about: else the verdict on it says nothing."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from schemas.event import CUSTOMER_ERASED
from schemas.records import DecisionRecord, EmailRequestRecord, EventRecord
from sender.core.outcomes import DeliveryRecord
from tests.simulation.recorded import recorded
from tests.simulation.touched import HANDOVER_STATE, Lives
from tests.simulation.world import Outcome

DATES = ("birthday", "renewal", "card-runs-out", "runs-out")
GIVEN_UP = ("cancelled", "expired", "suppressed", "failed")
_delivery = partial(msgspec.json.decode, type=DeliveryRecord)


def decisions(outcomes: list[Outcome]) -> Iterator[DecisionRecord]:
    for outcome in outcomes:
        for one in recorded(outcome):
            yield one.decision


def with_causes(outcomes: list[Outcome]) -> Iterator[tuple[DecisionRecord, EventRecord]]:
    """Decisions that an event brought about, with the event."""
    for outcome in outcomes:
        events = {
            (number, record.offset): event
            for number in range(outcome.history.partitions)
            for record, event in outcome.log.events_of(number)
        }
        for one in recorded(outcome):
            cause = one.decision.cause
            if cause.kind == "event":
                yield one.decision, events[cause.partition, cause.offset]


def statuses(outcome: Outcome) -> dict[str, str]:
    """What became of each mail."""
    told = [_delivery(record.value or b"") for record in outcome.log.deliveries]
    return {delivery.send_id: delivery.status for delivery in told}


def offers(outcome: Outcome) -> dict[str, Any]:
    """The offer of each mail that was asked for with one."""
    return {
        request.send_id: request.data["offer"]
        for request in outcome.log.asked_for()
        if "offer" in request.data
    }


def requests(outcomes: list[Outcome]) -> Iterator[EmailRequestRecord]:
    for outcome in outcomes:
        yield from outcome.log.asked_for()


def test_customers_are_erased_in_the_middle_of_everything(outcomes: list[Outcome]) -> None:
    ended = Counter(decision.outcome for decision, event in with_causes(outcomes) if _erases(event))
    assert ended["exited"] > 20
    assert ended["cancelling"] > 2


def _erases(event: EventRecord) -> bool:
    return event.type == CUSTOMER_ERASED


def test_devices_are_erased_along_and_hand_over_nothing_any_more(outcomes: list[Outcome]) -> None:
    of_whom = {  # an alias forwards the erasure of its device, which names nobody
        event.properties.get("customer_id")
        for outcome in outcomes
        for number in range(outcome.history.partitions)
        for record, event in outcome.log.events_of(number)
        if _erases(event) and record.owner is not None
    }
    assert len(of_whom - {None}) > 10
    turned_away = [
        decision
        for decision, event in with_causes(outcomes)
        if event.type == HANDOVER_STATE and "erased" in decision.reason
    ]
    assert turned_away


def test_who_was_erased_comes_back_and_is_met_anew(outcomes: list[Outcome]) -> None:
    again = Counter(
        one.decision.outcome
        for outcome in outcomes
        for lives in [Lives(map(outcome.log.events_of, range(outcome.history.partitions)))]
        for one in recorded(outcome)
        if lives.of(one.decision) > 0
    )
    assert again["started"] > 50
    assert again["fired"] > 20


def test_offers_are_given_withheld_and_returned(outcomes: list[Outcome]) -> None:
    asked = [request for request in requests(outcomes) if request.action == "send"]
    assert sum("offer" in request.data for request in asked) > 30
    assert sum(request.template in ("cart-liked", "we-are-here", "birthday-wishes") for request in asked) > 20
    why = Counter(str(decision.facts.get("offer")) for decision in decisions(outcomes))
    assert why["the limit on offers is reached"] > 10
    assert why["the last orders all came with an offer"] > 2
    assert why["no code is left in the pool happy"] > 2
    codes = [request.data["offer"]["code"] for request in asked if "offer" in request.data]
    assert sum("_" in code for code in codes) > 20, "of pools"
    returned = [
        send_id
        for outcome in outcomes
        for send_id in offers(outcome)
        if statuses(outcome)[send_id] in GIVEN_UP
    ]
    assert returned


def test_days_fall_due_are_missed_and_are_put_off_by_quiet_hours(outcomes: list[Outcome]) -> None:
    made = Counter(
        (decision.trigger_id, decision.outcome)
        for decision in decisions(outcomes)
        if decision.trigger_id in DATES
    )
    assert all(made[trigger, "started"] > 5 for trigger in DATES)
    assert all(made[trigger, "expired"] > 0 for trigger in DATES)
    assert made["card-runs-out", "rescheduled"] > 5
    zones = [decision.reason for decision in decisions(outcomes) if "quiet hours in" in decision.reason]
    assert len({reason.partition("quiet hours in ")[2].split()[0] for reason in zones}) >= 4


def test_senders_die_between_the_relay_and_the_ledger(outcomes: list[Outcome]) -> None:
    assert sum(outcome.sender_deaths for outcome in outcomes) > 20
    assert sum(outcome.lost_settling for outcome in outcomes) > 3
    told = Counter(status for outcome in outcomes for status in statuses(outcome).values())
    assert told["ambiguous"] > 3
    assert told["cancelled"] > 3
    assert told["failed"] > 3
    assert told["suppressed"] > 0
    repeated = sum(len(outcome.log.deliveries) - len(statuses(outcome)) for outcome in outcomes)
    assert repeated > 3, "reports that a crash had repeated"


def test_a_second_copy_goes_out_only_where_that_is_wanted(outcomes: list[Outcome]) -> None:
    twice = {
        outcome.history.retry_unanswered
        for outcome in outcomes
        for copies in outcome.copies.values()
        if len(copies) > 1
    }
    assert twice == {True}
