"""Dead letters: the input as it was met, the reason, and what is needed to replay it."""

from schemas.dead_letter import DeadLetter, value_text
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.ids import stable_hash
from schemas.instants import datetime_of
from trigger_engine.core.partition import Rejected

SOURCE = "/tetik/engine"


def dead_letter_of(
    rejected: Rejected, partition: int, rules_digest: str
) -> tuple[bytes | None, bytes, KafkaHeaders]:
    """The dead-letter record (key, value, headers) of an input that `partition` could not use."""
    value, encoding = value_text(rejected.value)
    letter = DeadLetter(
        topic=rejected.topic,
        partition=partition,
        offset=rejected.offset,
        key=None if rejected.key is None else value_text(rejected.key)[0],
        value=value,
        value_encoding=encoding,
        stage="engine",
        reason=rejected.reason[:1000] or "no reason given",
        traceback_digest=rejected.traceback_digest,
        rules_digest=rules_digest or None,
        failed_at=datetime_of(rejected.failed_at),
    )
    headers = cloud_event_headers(
        DeadLetter,
        record_id=stable_hash("dead", rejected.topic, str(partition), str(rejected.offset)),
        source=SOURCE,
        time=rejected.failed_at,
    )
    return rejected.key, letter.model_dump_json().encode(), headers
