"""`EmailRequest`: the engine asks the sender to mail, or to cancel (topic `tetik.outbound`)."""

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from schemas.contract import Contract, Identifier, JsonObject
from schemas.instants import WireInstant

MessageKind = Literal["marketing", "transactional"]

SEND_NEEDS = ("to", "template", "template_digest", "expires_at")

_SEND_IS_COMPLETE: JsonDict = {
    "if": {"properties": {"action": {"const": "send"}}},
    "then": {
        "required": [*SEND_NEEDS],
        "properties": {name: {"type": "string", "minLength": 1} for name in SEND_NEEDS},
    },
}


class EmailRequest(Contract):
    """One mail to send, or the cancellation of one.

    `not_between` lists the recipient's quiet hours as pairs of instants: the mail is held until the end
    of a pair that covers the present. After `expires_at` it is never sent.
    """

    schema_name: ClassVar[str] = "email_request"

    model_config = ConfigDict(json_schema_extra=_SEND_IS_COMPLETE)

    send_id: Identifier
    """hash(trigger, occasion, step): one mail a step of a run, whatever is retried."""
    action: Literal["send", "cancel"]
    """`cancel` takes back the `send` of the same send_id, if it has not left."""
    trigger_id: str
    """The trigger file's id."""
    trigger_version: str
    """The version of that file."""
    step: str
    """The step that asks."""
    variant: str | None = None
    """The experiment's arm."""
    customer_key: str
    """Whom it concerns."""
    to: str | None = None
    """The address; needed to send."""
    locale: str | None = None
    """The recipient's language, as `tr`."""
    template: str | None = None
    """The template's name; needed to send."""
    template_digest: str | None = None
    """Its exact content, a template of `tetik.rules`; needed to send."""
    data: JsonObject = Field(default_factory=dict)
    """What the template renders: profile, cart, event, offer, and what else it names."""
    kind: MessageKind
    """Marketing mails need consent; transactional ones do not."""
    decided_at: WireInstant
    """When the engine asked."""
    expires_at: WireInstant | None = None
    """Never sent after this; needed to send."""
    not_between: list[tuple[WireInstant, WireInstant]] = Field(default_factory=list)
    """Quiet hours, as pairs of instants: held until the end of a pair that covers the present."""

    @model_validator(mode="after")
    def _send_is_complete(self) -> "EmailRequest":
        if self.action == "send" and not all(getattr(self, name) for name in SEND_NEEDS):
            raise ValueError(f"a request to send needs {', '.join(SEND_NEEDS)}")
        return self
