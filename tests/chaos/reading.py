"""Taking the evidence: every committed record, and each customer's last state in the model's words.

The one place of the suite that reads states with the engine's own decoder; what is compared is plain.
"""

from collections.abc import Sequence

import msgspec

from schemas.instants import Instant
from schemas.keys import RESERVED_STATE_PREFIX
from schemas.rule_set import RuleSet
from schemas.topics import DEAD_LETTERS, EVENTS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from tests.chaos.evidence import Acknowledged, Evidence, Raw, Seen
from tests.fixtures.engine import PARTITIONS, EngineBench
from trigger_engine.core.flush import PARTITION_RECORD_KEY, PartitionRecord
from trigger_engine.core.state import CustomerState, decode_state


async def evidence_of(
    bench: EngineBench,
    rule_sets: Sequence[RuleSet],
    acknowledged: list[Acknowledged],
    settled_at: Instant,
    *,
    ahead_ms: int = 0,
    behind_ms: int = 0,
) -> Evidence:
    """All that is on the log now; no engine runs any more."""
    evidence = Evidence(PARTITIONS, rule_sets, settled_at, ahead_ms=ahead_ms, behind_ms=behind_ms)
    evidence.acknowledged = acknowledged
    evidence.events = await _raw(bench, EVENTS)
    evidence.decisions = await _raw(bench, TRIGGERS)
    evidence.requests = await _raw(bench, OUTBOUND)
    evidence.dead_letters = await _raw(bench, DEAD_LETTERS, partitions=1)
    last: dict[str, bytes | None] = {}
    for record in await _raw(bench, STATE_CHANGELOG):
        key = (record.key or b"").decode()
        if key == PARTITION_RECORD_KEY:
            progress = msgspec.msgpack.decode(record.value or b"", type=PartitionRecord)
            evidence.next_offsets[record.partition] = progress.next_offsets[EVENTS]
        elif not key.startswith(RESERVED_STATE_PREFIX):
            last[key] = record.value
    evidence.states = {key: seen_of_state(decode_state(data)) for key, data in last.items() if data}
    return evidence


async def _raw(bench: EngineBench, topic: str, partitions: int = PARTITIONS) -> list[Raw]:
    return [
        Raw(record.partition, record.offset, record.timestamp, record.key, record.value)
        async for record in bench.records(topic, partitions)
    ]


def seen_of_state(state: CustomerState) -> Seen:
    """A state by the names of `replay.seen_of`, and the offset of the last event applied."""
    cart = state.cart.items
    return {
        "last_offset": state.cause_offset,
        "last_seen_at": state.last_seen_at,
        "email": state.profile.email,
        "first_name": state.profile.first_name,
        "consent": state.profile.marketing_email,
        "orders": state.orders.count,
        "spent": state.orders.total,
        "views": state.views.count,
        "cart": sorted((item.product_id, item.quantity) for item in cart),
        "last_of_type": dict(state.last_at),
        "runs": sorted((run.trigger_id, run.occasion, run.due_at, run.planned_at) for run in state.runs),
        "open_mails": sorted(mail.send_id for mail in state.mails),
    }
