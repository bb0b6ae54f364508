"""The settings of the ingest process, in one frozen object; the process that runs it reads them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from ingest.core.outcomes import Limits
from ingest.core.write_keys import configured_digests
from schemas import topics

SourceName = Annotated[str, Field(min_length=1, max_length=64)]


class IngestSettings(BaseModel):
    """`kafka` is the bootstrap list `host:port,...`; `write_keys` maps a source's name, which its events
    carry as `source`, to its key (or to `sha256:<hex digest of the key>`).

    Sizes are bytes. `body_bytes_max` bounds what is read from the wire, `inflated_bytes_max` what becomes
    of it (RudderStack's Python SDK sends up to 4 MB, compressed). `delivery_deadline_ms` bounds the wait
    for the broker's acks; it lies below every SDK's own timeout (the shortest is 5 s).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kafka: Annotated[str, Field(min_length=1)]
    write_keys: Annotated[dict[SourceName, SecretStr], Field(min_length=1)]
    events_topic: str = topics.EVENTS
    dead_letters_topic: str = topics.DEAD_LETTERS
    products_topic: str = topics.PRODUCTS
    body_bytes_max: Annotated[int, Field(ge=1_000, le=20_000_000)] = 1_000_000
    inflated_bytes_max: Annotated[int, Field(ge=1_000, le=50_000_000)] = 4_000_000
    event_bytes_max: Annotated[int, Field(ge=1_000, le=131_072)] = 32_768
    batch_events_max: Annotated[int, Field(ge=1, le=20_000)] = 2_500
    depth_max: Annotated[int, Field(ge=4, le=128)] = 32
    skew_tolerance_ms: Annotated[int, Field(ge=0, le=60_000)] = 1_000
    delivery_deadline_ms: Annotated[int, Field(ge=100, le=30_000)] = 4_000
    retry_after_s: Annotated[int, Field(ge=1, le=300)] = 5
    linger_ms: Annotated[int, Field(ge=0, le=1_000)] = 5
    kafka_check_s: Annotated[float, Field(ge=0.05, le=60)] = 1.0

    @field_validator("write_keys")
    @classmethod
    def _can_be_used(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        configured_digests({name: key.get_secret_value() for name, key in keys.items()})
        return keys

    def write_key_digests(self) -> dict[str, bytes]:
        """The digests of the write keys by the name of their source."""
        return configured_digests({name: key.get_secret_value() for name, key in self.write_keys.items()})

    def limits(self) -> Limits:
        """The bounds that the core applies."""
        return Limits(
            event_bytes_max=self.event_bytes_max,
            batch_events_max=self.batch_events_max,
            depth_max=self.depth_max,
            skew_tolerance_ms=self.skew_tolerance_ms,
        )
