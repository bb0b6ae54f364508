"""Every contract by name, as `topics.toml` and `schemas/examples` name them, and the fast readers."""

from collections.abc import Callable, Mapping

from schemas.clock import ClockReport, ClockTick
from schemas.contract import Contract
from schemas.dead_letter import DeadLetter
from schemas.decision import Decision
from schemas.delivery import Delivery
from schemas.email_request import EmailRequest
from schemas.event import Event
from schemas.interest import Interest
from schemas.product import Product
from schemas.records import (
    Record,
    decode_decision,
    decode_email_request,
    decode_event,
    decode_interest,
    decode_product,
    decode_snapshot,
)
from schemas.rule_set import RuleSet
from schemas.snapshot import Snapshot

CONTRACTS: Mapping[str, type[Contract]] = {
    contract.schema_name: contract
    for contract in (
        Event,
        Decision,
        EmailRequest,
        Delivery,
        DeadLetter,
        RuleSet,
        Product,
        Interest,
        Snapshot,
        ClockTick,
        ClockReport,
    )
}

FAST_READERS: Mapping[str, Callable[[bytes], Record]] = {
    Event.schema_name: decode_event,
    Decision.schema_name: decode_decision,
    EmailRequest.schema_name: decode_email_request,
    Product.schema_name: decode_product,
    Interest.schema_name: decode_interest,
    Snapshot.schema_name: decode_snapshot,
}
"""Decoders of the msgspec twins; they raise `schemas.records.Malformed`."""
