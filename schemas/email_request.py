"""`EmailRequest`: the engine asks the sender to mail, or to cancel (topic `tetik.outbound`)."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.contract import Contract, Identifier, JsonObject
from schemas.instants import WireInstant

MessageKind = Literal["marketing", "transactional"]


class EmailRequest(Contract):
    """One mail to send, or the cancellation of one.

    `not_between` lists the recipient's quiet hours as pairs of instants: the mail is held until the end
    of a pair that covers the present. After `expires_at` it is never sent.
    """

    schema_name: ClassVar[str] = "email_request"

    send_id: Identifier
    action: Literal["send", "cancel"]
    trigger_id: str
    trigger_version: str
    step: str
    variant: str | None = None
    customer_key: str
    to: str | None = None
    locale: str | None = None
    template: str | None = None
    template_digest: str | None = None
    data: JsonObject = Field(default_factory=dict)
    kind: MessageKind
    decided_at: WireInstant
    expires_at: WireInstant | None = None
    not_between: list[tuple[WireInstant, WireInstant]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _send_is_complete(self) -> "EmailRequest":
        if self.action == "send" and not (
            self.to and self.template and self.template_digest and self.expires_at
        ):
            raise ValueError("a request to send needs to, template, template_digest and expires_at")
        return self
