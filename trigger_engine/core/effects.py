"""What `step` asks for: a closed set of imperatives. The shell turns each into records; nothing else acts."""

from typing import TypeAlias

import msgspec

from schemas.records import DecisionRecord, EmailRequestRecord


class Decide(msgspec.Struct, frozen=True, gc=False):
    """Write this decision to the decision log."""

    record: DecisionRecord


class RequestMail(msgspec.Struct, frozen=True, gc=False):
    """Ask the sender to mail (`action: send`)."""

    record: EmailRequestRecord


class CancelMail(msgspec.Struct, frozen=True, gc=False):
    """Ask the sender not to send what was requested (`action: cancel`)."""

    record: EmailRequestRecord


Effect: TypeAlias = Decide | RequestMail | CancelMail
