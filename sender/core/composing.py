"""From a request and its template to the bytes of the mail: pure, the same for every try."""

from dataclasses import dataclass
from typing import Literal

from sender.core.addresses import address_hash, normalise_address
from sender.core.headers import HeaderRefused
from sender.core.message import Outgoing, write_message
from sender.core.rendering import CAMPAIGN, CompiledTemplate, RenderFailed
from sender.core.requests import SendRequest
from sender.core.template_data import template_data
from sender.core.tokens import Subscription, sign_token


@dataclass(frozen=True, slots=True)
class Identity:
    """Who mails: normalised `address` and display `name`, the public URL, the secret of the links."""

    address: str
    name: str
    brand: str
    public_url: str
    secret: str
    feedback_id_sender: str
    reply_to: str | None = None
    shop_url: str | None = None
    survey_url: str | None = None
    utm_source: str | None = None
    """None: links carry no UTM parameters."""


def recipient_of(request: SendRequest) -> str:
    """The address on the wire. Raises AddressRefused."""
    return normalise_address(request.to)


def unsubscribe_url(request: SendRequest, recipient: str, locale: str, identity: Identity) -> str:
    """The link of this mail, in its body and (marketing) in List-Unsubscribe."""
    who = Subscription(address_hash(recipient), request.customer_key, request.send_id, locale)
    return f"{identity.public_url.rstrip('/')}/u/{sign_token(who, identity.secret)}"


def campaign_of(request: SendRequest, identity: Identity) -> dict[str, str]:
    """The UTM parameters of a mail's links to the shop: its trigger is the campaign, its step (and arm) the
    content."""
    if not identity.utm_source:
        return {}
    content = request.step if request.variant is None else f"{request.step}-{request.variant}"
    return {
        "utm_source": identity.utm_source,
        "utm_medium": "email",
        "utm_campaign": request.trigger_id,
        "utm_content": content,
    }


def compose(request: SendRequest, template: CompiledTemplate, identity: Identity) -> bytes:
    """The message, ready for the wire. Raises AddressRefused, RenderFailed."""
    recipient = recipient_of(request)
    link = unsubscribe_url(request, recipient, template.locale, identity)
    texts = template.render(
        {
            **template_data(request.data),
            "unsubscribe_url": link,
            "brand": identity.brand,
            "shop_url": identity.shop_url,
            "survey_url": identity.survey_url,
            CAMPAIGN: campaign_of(request, identity),
        }
    )
    mail = Outgoing(
        send_id=request.send_id,
        trigger_id=request.trigger_id,
        step=request.step,
        decided_at=request.decided_at,
        from_address=identity.address,
        from_name=identity.name or identity.brand,
        to_address=recipient,
        subject=texts.subject,
        html=texts.html,
        text=texts.text,
        feedback_id=_feedback_id(request.trigger_id, request.step, request.kind, identity),
        one_click_url=link if request.kind == "marketing" else None,
        reply_to=identity.reply_to,
        auto_submitted=request.kind == "transactional",
    )
    try:
        return write_message(mail)
    except HeaderRefused as error:
        raise RenderFailed(f"template {template.name}: {error}") from error


def _feedback_id(
    trigger_id: str, step: str, kind: Literal["marketing", "transactional"], identity: Identity
) -> str:
    """Gmail's `a:b:c:SenderId`: campaign, step, kind, sender; colons separate, so they are replaced."""
    fields = (step, trigger_id, kind, identity.feedback_id_sender)
    return ":".join(
        "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in field)
        for field in fields
    )
