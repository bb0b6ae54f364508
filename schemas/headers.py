"""CloudEvents 1.0 headers in Kafka's binary mode: the value stays a flat JSON row for analysts."""

from functools import lru_cache

from schemas.contract import Contract
from schemas.instants import Instant, format_instant

KafkaHeaders = list[tuple[str, bytes]]


def cloud_event_headers(
    contract: type[Contract], *, record_id: str, source: str, time: Instant
) -> KafkaHeaders:
    """Headers of a record: `source` is the writing process, as `/tetik/ingest`."""
    return headers_at(contract, record_id=record_id, source=source, time=format_instant(time))


def headers_at(contract: type[Contract], *, record_id: str, source: str, time: str) -> KafkaHeaders:
    """The same for a time that stands in the record as text, spelt as we write it."""
    version, kind, by, content = _fixed(contract, source)
    return [version, kind, ("ce_id", record_id.encode()), by, ("ce_time", time.encode()), content]


@lru_cache(maxsize=64)
def _fixed(contract: type[Contract], source: str) -> KafkaHeaders:
    """Those that all records of a contract have in common, if one process writes them."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", contract.ce_type().encode()),
        ("ce_source", source.encode()),
        ("content-type", b"application/json"),
    ]
