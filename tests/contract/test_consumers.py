"""Every example, through the entrance of every consumer that exists.

A consumer takes each good example and refuses each bad one with its documented exception, never another:
that is what lets it dead-letter a record and go on. Owners add a line to `CONSUMERS`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.records import Malformed, decode_decision, decode_email_request, decode_event
from tests.fixtures.examples import bad, good

INSTANT_TEXT = "an instant's text is parsed by the consumer's next step, which refuses it there"
ODD_TYPE = "an odd event type matches no rule"


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who reads which contract, how, and which bad examples it lets pass, with the reason."""

    who: str
    contract: str
    read: Callable[[bytes], Any]
    refuses_with: type[Exception] = Malformed
    lets_pass: dict[str, str] = field(default_factory=dict)


CONSUMERS = [
    Consumer(
        "engine",
        "event",
        decode_event,
        lets_pass={
            "type_with_spaces": ODD_TYPE,
            "occurred_at_without_zone": INSTANT_TEXT,
            "occurred_at_no_such_day": INSTANT_TEXT,
        },
    ),
    Consumer("sender", "email_request", decode_email_request),
    Consumer("explain", "decision", decode_decision),
]

GOOD = [
    pytest.param(consumer, value, id=f"{consumer.who}-{name}")
    for consumer in CONSUMERS
    for name, value in good(consumer.contract)
]
BAD = [
    pytest.param(consumer, name, value, id=f"{consumer.who}-{name}")
    for consumer in CONSUMERS
    for name, value in bad(consumer.contract)
]


@pytest.mark.parametrize(("consumer", "value"), GOOD)
def test_takes_every_good_example(consumer: Consumer, value: bytes) -> None:
    assert consumer.read(value) is not None


@pytest.mark.parametrize(("consumer", "name", "value"), BAD)
def test_refuses_every_bad_example_with_its_own_exception(
    consumer: Consumer, name: str, value: bytes
) -> None:
    if name in consumer.lets_pass:
        assert consumer.read(value) is not None
        return
    with pytest.raises(consumer.refuses_with) as refusal:
        consumer.read(value)
    assert str(refusal.value).strip()


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.who)
def test_what_is_let_pass_is_an_example(consumer: Consumer) -> None:
    assert consumer.lets_pass.keys() <= {name for name, _ in bad(consumer.contract)}
