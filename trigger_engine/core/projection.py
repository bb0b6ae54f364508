"""What an event tells about the customer, whether or not any rule cares: profile, consent, cart, orders,
what she looked at, how active she is (`activity`), and slots that other tools' mails take.

`project` is called once for each new event and returns the types that the event counts as, beyond its own
(`cart_updated` and `cart_emptied` are derived), or None. Event time decides between two statements about
one thing; between a consent and its withdrawal at the same instant, the withdrawal.
"""

from collections.abc import Callable, Mapping
from typing import Any

from trigger_engine.core import carts
from trigger_engine.core.activity import MAIL_OUTCOMES as MAIL_OUTCOMES
from trigger_engine.core.activity import NOT_HERS as NOT_HERS
from trigger_engine.core.activity import note_activity, note_clicked, note_opened, note_sent, note_view
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import EMAIL_LENGTH_MAX, TEXT_LENGTH_MAX, TRAITS_MAX
from trigger_engine.core.orders import take_order
from trigger_engine.core.policy import EngagementRule
from trigger_engine.core.slots import take_slot
from trigger_engine.core.state import CustomerState, Profile, Slot
from trigger_engine.core.trim import scalar, text_or_none

DEFAULT_ENGAGEMENT = EngagementRule()

DERIVED_TYPES = (
    ("product_added", carts.UPDATED),
    ("product_removed", carts.UPDATED),
    ("product_removed", carts.EMPTIED),
    ("cart_updated", carts.EMPTIED),
)
"""All that `project` can return: an event's own type and what else it counts as."""

Types = tuple[str, str]
_DERIVED = {pair: pair for pair in DERIVED_TYPES}
_NAMED_TRAITS = ("first_name", "last_name", "locale", "time_zone", "country")
_OTHER_FIELDS = frozenset({*_NAMED_TRAITS, "email", "consent"})


def project(
    state: CustomerState, event: EventInput, occurred_at: int, engagement: EngagementRule = DEFAULT_ENGAGEMENT
) -> Types | None:
    """Write into the state what the event tells; `engagement` is the policy's."""
    event_type = event.type
    note_activity(state, event_type, occurred_at, engagement)
    projection = _PROJECTIONS.get(event_type)
    if projection is None:
        return None
    derived = projection(state, event, occurred_at)
    return None if derived is None else _DERIVED.get((event_type, derived))


def _product_added(state: CustomerState, event: EventInput, occurred_at: int) -> str | None:
    return carts.add(state.cart, event, occurred_at)


def _product_removed(state: CustomerState, event: EventInput, occurred_at: int) -> str | None:
    return carts.remove(state.cart, event, occurred_at)


def _cart_snapshot(state: CustomerState, event: EventInput, occurred_at: int) -> str | None:
    return carts.replace(state.cart, event, occurred_at)


def _checkout_started(state: CustomerState, event: EventInput, occurred_at: int) -> str | None:
    _learn_address(state.profile, event.properties)
    return carts.replace(state.cart, event, occurred_at)


def _cart_emptied(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    carts.empty(state.cart, occurred_at)


def _order_completed(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    take_order(state.orders, event.properties, occurred_at)
    _learn_address(state.profile, event.properties)
    carts.order(state.cart, occurred_at, event.event_id)


def _product_viewed(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    note_view(state.views, event.properties, occurred_at)


def _email_sent(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    note_sent(state.engagement, occurred_at)


def _email_opened(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    note_opened(state.engagement, occurred_at)


def _email_clicked(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    note_clicked(state.engagement, occurred_at)


def _campaign_mailed(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    take_slot(state.slots, Slot(occurred_at))
    note_sent(state.engagement, occurred_at)


def _traits(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    apply_traits(state.profile, event.properties, occurred_at)


def _subscribed(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    apply_traits(state.profile, event.properties, occurred_at)
    _set_consent(state.profile, True, occurred_at)


def _unsubscribed(state: CustomerState, event: EventInput, occurred_at: int) -> None:
    profile = state.profile
    _set_consent(profile, False, occurred_at)
    if profile.marketing_email is False:
        profile.unsubscribed_at = profile.consent_at


_PROJECTIONS: dict[str, Callable[[CustomerState, EventInput, int], str | None]] = {
    "product_added": _product_added,
    "product_removed": _product_removed,
    "cart_updated": _cart_snapshot,
    "cart_viewed": _cart_snapshot,
    "cart_emptied": _cart_emptied,
    "checkout_started": _checkout_started,
    "order_completed": _order_completed,
    "product_viewed": _product_viewed,
    "email_sent": _email_sent,
    "email_opened": _email_opened,
    "email_clicked": _email_clicked,
    "campaign_mailed": _campaign_mailed,
    "profile_updated": _traits,
    "signed_up": _traits,
    "subscribed": _subscribed,
    "unsubscribed": _unsubscribed,
}


def apply_traits(profile: Profile, traits: Mapping[str, Any], occurred_at: int) -> None:
    """Newer traits replace, a null clears; traits older than the last ones only fill what is unknown."""
    newer = occurred_at >= profile.updated_at
    if newer and traits.keys() - {"consent"}:  # a consent alone makes no earlier trait an old one
        profile.updated_at = occurred_at
    if "email" in traits and (newer or profile.email is None):
        profile.email = address_or_none(traits["email"])
    for name in _NAMED_TRAITS:
        if name in traits and (newer or getattr(profile, name) is None):
            setattr(profile, name, text_or_none(traits[name]))
    for name, value in traits.items():
        if name not in _OTHER_FIELDS and len(name) <= TEXT_LENGTH_MAX:
            _set_trait(profile.traits, name, scalar(value), newer)
    consent = traits.get("consent")
    if isinstance(consent, Mapping) and isinstance(consent.get("marketing_email"), bool):
        _set_consent(profile, consent["marketing_email"], occurred_at)


def _set_trait(traits: dict[str, Any], name: str, value: object, newer: bool) -> None:
    if name in traits:
        if newer and value is None:
            del traits[name]
        elif newer:
            traits[name] = value
    elif value is not None and len(traits) < TRAITS_MAX:
        traits[name] = value


def _set_consent(profile: Profile, given: bool, occurred_at: int) -> None:
    if occurred_at < profile.consent_at or (occurred_at == profile.consent_at and given):
        return
    if given:
        agreed_at = profile.agreed_at
        profile.given_at = occurred_at if agreed_at is None else agreed_at
    profile.marketing_email = given
    profile.consent_at = occurred_at
    if given:
        profile.unsubscribed_at = None
        profile.unwanted_address = None


def _learn_address(profile: Profile, properties: Mapping[str, Any]) -> None:
    """A guest's order carries the only address there is; a known one is not replaced by it."""
    if profile.email is None:
        profile.email = address_or_none(properties.get("email"))


def address_or_none(value: object) -> str | None:
    """An e-mail address that can be written to, or None. The relay has the last word."""
    if not isinstance(value, str):
        return None
    address = value.strip()
    local, at, domain = address.rpartition("@")
    plain = address.isprintable() and " " not in address and len(address) <= EMAIL_LENGTH_MAX
    return address if plain and at and local and domain else None
