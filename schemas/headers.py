"""CloudEvents 1.0 headers in Kafka's binary mode: the value stays a flat JSON row for analysts."""

from schemas.contract import Contract
from schemas.instants import Instant, format_instant

KafkaHeaders = list[tuple[str, bytes]]


def cloud_event_headers(
    contract: type[Contract], *, record_id: str, source: str, time: Instant
) -> KafkaHeaders:
    """Headers of a record: `source` is the writing process, as `/tetik/ingest`."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", contract.ce_type().encode()),
        ("ce_id", record_id.encode()),
        ("ce_source", source.encode()),
        ("ce_time", format_instant(time).encode()),
        ("content-type", b"application/json"),
    ]
