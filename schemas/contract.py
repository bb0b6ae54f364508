"""What every contract model shares.

Readers ignore fields they do not know (a new writer must not stop an old reader); values are frozen,
because no stage changes what another one said. The text under a field is its description in the exported
JSON Schema and in `docs/contracts.md`.

What a model accepts, its JSON Schema and its msgspec twin accept too, so nothing is coerced: `"yes"` is no
boolean, `3.0` no count, 1763830323 no instant, and NaN (which is no JSON) no number.
"""

import math
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Identifier = Annotated[str, Field(min_length=1, max_length=256)]
"""An id of a customer, a device, a product, a record: 1 to 256 characters."""

Count = Annotated[int, Field(strict=True, ge=0)]
"""A whole number from 0."""

Offset = Annotated[int, Field(strict=True, ge=-1)]
"""A Kafka partition or offset; -1 where there is none."""

Reason = Annotated[str, Field(min_length=1, max_length=1000)]
"""One readable sentence."""


def _finite(value: dict[str, Any]) -> dict[str, Any]:
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError("NaN and Infinity are no JSON numbers")
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_finite)]
"""Any JSON object. Python's and pydantic's parsers let NaN through; other readers stop at it."""


class Contract(BaseModel):
    """A versioned record of one of our topics."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    schema_name: ClassVar[str]
    schema_version: ClassVar[int] = 1

    @classmethod
    def ce_type(cls) -> str:
        """The CloudEvents type that travels in the record's headers, as `tetik.event.v1`."""
        return f"tetik.{cls.schema_name}.v{cls.schema_version}"
