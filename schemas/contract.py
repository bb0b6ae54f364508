"""What every contract model shares.

Readers ignore fields they do not know (a new writer must not stop an old reader); values are frozen,
because no stage changes what another one said.
"""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Identifier = Annotated[str, Field(min_length=1, max_length=256)]
"""An id of a customer, a device, a product, a record: 1 to 256 characters."""

JsonObject = dict[str, Any]


class Contract(BaseModel):
    """A versioned record of one of our topics."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_name: ClassVar[str]
    schema_version: ClassVar[int] = 1

    @classmethod
    def ce_type(cls) -> str:
        """The CloudEvents type that travels in the record's headers, as `tetik.event.v1`."""
        return f"tetik.{cls.schema_name}.v{cls.schema_version}"
