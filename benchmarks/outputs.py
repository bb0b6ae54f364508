"""Outputs read back: what they say, by customer and in order, and which order each answers."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from benchmarks.comparison import Difference, compare
from benchmarks.contenders import Job
from benchmarks.expected import Expected, Output, Place
from benchmarks.kafka_log import Seen
from schemas.instants import Instant, parse_instant

CONFIRMATION = "order-confirmation"
"""The trigger that answers each order at once."""


class Decided(NamedTuple):
    """What is compared of a decision."""

    trigger_id: str
    occasion: str
    step: str | None
    outcome: str
    due_at: Instant | None


class _Thin(msgspec.Struct):
    customer_key: str
    order_id: str
    count: int
    value: float


class _Decision(msgspec.Struct):
    customer_key: str
    trigger_id: str
    occasion: str
    outcome: str
    occurred_at: str
    step: str | None = None
    due_at: str | None = None
    send_id: str | None = None


class _Request(msgspec.Struct):
    customer_key: str
    send_id: str
    action: str = "send"


@dataclass(slots=True)
class ReadBack:
    """`thin` and `decided` by customer; `orders`: each with the instant at which its output was seen.
    `mails`: send ids of fired decisions of the log, by customer; `later_mails`: those of later decisions.
    """

    thin: dict[str, list[Output]] = field(default_factory=lambda: defaultdict(list))
    decided: dict[str, list[Decided]] = field(default_factory=lambda: defaultdict(list))
    orders: list[tuple[str, float]] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    mails: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    later_mails: set[str] = field(default_factory=set)


def read_back(job: Job, outputs: Iterable[Seen], expected: Expected) -> ReadBack:
    """Decode outputs. Those of events behind the log are told apart: only `orders` holds them.

    Raises msgspec.MsgspecError for what is no output of the job.
    """
    found = ReadBack()
    take: Callable[[ReadBack, Seen, Expected], None] = _take_thin if job == "thin" else _take_decision
    for seen in outputs:
        take(found, seen, expected)
    return found


_read_thin = msgspec.json.Decoder(_Thin).decode
_read_decision = msgspec.json.Decoder(_Decision).decode
_read_request = msgspec.json.Decoder(_Request).decode


def _take_thin(found: ReadBack, seen: Seen, expected: Expected) -> None:
    output = _read_thin(seen.value)
    found.orders.append((output.order_id, seen.seen_at))
    if output.order_id in expected.places:
        found.thin[output.customer_key].append(Output(output.order_id, output.count, output.value))


def _take_decision(found: ReadBack, seen: Seen, expected: Expected) -> None:
    decision = _read_decision(seen.value)
    if decision.trigger_id == CONFIRMATION and decision.outcome == "fired":
        found.orders.append((decision.occasion.rpartition("/")[2], seen.seen_at))
    in_log = parse_instant(decision.occurred_at) < expected.ends_at
    if decision.outcome == "fired" and in_log:
        found.mails[decision.customer_key].append(decision.send_id or "")
    elif decision.outcome == "fired":
        found.later_mails.add(decision.send_id or "")
    if in_log:
        due_at = None if decision.due_at is None else parse_instant(decision.due_at)
        found.decided[decision.customer_key].append(
            Decided(decision.trigger_id, decision.occasion, decision.step, decision.outcome, due_at)
        )
        found.outcomes[decision.outcome] += 1


def compare_mails(found: ReadBack, requests: Iterable[Seen]) -> Difference:
    """Hold the requests to send a mail against the decisions that a mail is sent, send id by send id."""
    requested: dict[str, list[str]] = defaultdict(list)
    for seen in requests:
        request = _read_request(seen.value)
        if request.action == "send" and request.send_id not in found.later_mails:
            requested[request.customer_key].append(request.send_id)
    return compare(_in_order(found.mails), _in_order(requested))


def _in_order(send_ids: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {customer: sorted(each) for customer, each in send_ids.items()}


def events_behind(orders: Iterable[tuple[str, float]], places: Mapping[str, Place], until: float) -> int:
    """How many records of the log were worked off when a reader had seen this much, by partition the last
    order whose output it had seen by `until`."""
    reached: dict[int, int] = {}
    for order_id, seen_at in orders:
        place = places.get(order_id)
        if place is not None and seen_at <= until:
            reached[place.partition] = max(reached.get(place.partition, 0), place.before + 1)
    return sum(reached.values())
