"""Whether the senders were right: every request has one outcome, told once or again in the same words, and it
says what the relay really took.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from schemas.records import EventRecord
from sender.core.outcomes import SOURCE, DeliveryRecord
from tests.simulation.world import Outcome

TAKEN: dict[str, tuple[int, int]] = {"sent": (1, 1), "ambiguous": (0, 1)}
"""How many copies the relay has, at least and at most; of whatever else is told, none."""

_decode_delivery = msgspec.json.Decoder(DeliveryRecord).decode


def mail_problems(outcome: Outcome) -> list[str]:
    """One line each."""
    asked_for = {request.send_id for request in outcome.log.asked_for()}
    told: dict[str, set[bytes]] = defaultdict(set)
    for record in outcome.log.deliveries:
        value = record.value or b""
        told[_decode_delivery(value).send_id].add(value)
    said = [f"mail without an outcome: {one}" for one in sorted(asked_for - told.keys())]
    said += [f"outcome of a mail that nobody asked for: {one}" for one in sorted(told.keys() - asked_for)]
    said += _twice("mail", told) + _twice("event about mail", _feedback(outcome))
    for send_id, values in sorted(told.items()):
        for value in values:
            said += _copies(outcome, send_id, _decode_delivery(value).status)
    return said + [f"mail went out unasked: {one}" for one in sorted(outcome.copies.keys() - told.keys())]


def _twice(what: str, told: dict[str, set[bytes]]) -> list[str]:
    return [
        f"{what} {one} has {len(values)} outcomes: {sorted(values)}"
        for one, values in sorted(told.items())
        if len(values) > 1
    ]


def _feedback(outcome: Outcome) -> dict[str, set[bytes]]:
    """What the senders told the engine."""
    events: Iterable[tuple[bytes, EventRecord]] = (
        (record.value or b"", event)
        for number in range(outcome.history.partitions)
        for record, event in outcome.log.events_of(number)
        if event.source == SOURCE and record.owner is None
    )
    told: dict[str, set[bytes]] = defaultdict(set)
    for value, event in events:
        told[str(event.properties["send_id"])].add(value)
    return told


def _copies(outcome: Outcome, send_id: str, status: str) -> list[str]:
    """With a second try allowed, the relay may have one copy more of what may have gone out at all."""
    least, most = TAKEN.get(status, (0, 0))
    copies = outcome.copies.get(send_id, [])
    most += most and outcome.history.retry_unanswered
    said = []
    if not least <= len(copies) <= most:
        said.append(f"mail {send_id} went out {len(copies)} times, and it is told as {status}")
    if len(set(copies)) > 1:
        said.append(f"mail {send_id} went out in copies that differ")
    return said
