"""Where a request was read: for dead letters, and kept in the ledger beside a held request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in `tetik.outbound`; written `partition:offset`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """The inverse of `str`. Raises ValueError."""
        partition, _, offset = text.partition(":")
        return cls(int(partition), int(offset))
