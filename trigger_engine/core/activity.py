"""How active a customer is: when she was last seen, her session, what she looked at, her engagement.

Event time decides, in whatever order events arrive. Only what she did herself counts as activity.
"""

from collections.abc import Mapping
from typing import Any

from schemas.event import PRODUCT_NOTICE
from schemas.instants import DAY_MS, MINUTE_MS, Instant
from trigger_engine.core.carts import price_or_none, url_or_none
from trigger_engine.core.limits import EVENT_TYPES_MAX
from trigger_engine.core.policy import EngagementRule
from trigger_engine.core.state import CustomerState, Engagement, Session
from trigger_engine.core.trim import id_or_none, text_or_none
from trigger_engine.core.variables import halved
from trigger_engine.core.views import View, Views

MAIL_OUTCOMES = frozenset(
    {"email_sent", "email_cancelled", "email_expired", "email_suppressed", "email_failed", "email_bounced"}
)
NOT_HERS = MAIL_OUTCOMES | {
    "email_opened",
    "campaign_mailed",
    PRODUCT_NOTICE,
    "profile_updated",
    "unsubscribed",
    "order_cancelled",
    "order_refunded",
    "order_shipped",
    "order_delivered",
    "customer_erased",
    "handover_asked",
    "handover_state",
}
"""What the shop, the sender, another tool or an import did: it does not move `activity.last_seen_at`. Mail
programs open mails by themselves, and unsubscribing is her own act, but often a mail program's too."""

SESSION_GAP_MS = 30 * MINUTE_MS


def note_activity(
    state: CustomerState, event_type: str, occurred_at: Instant, engagement: EngagementRule
) -> None:
    """Last times, session and engagement. `engagement` is the policy's."""
    times = state.last_at
    last_at = times.get(event_type)
    if last_at is None:
        times[event_type] = occurred_at
        if len(times) > EVENT_TYPES_MAX:
            del times[min(times, key=lambda name: (times[name], name))]
    elif occurred_at > last_at:
        times[event_type] = occurred_at
    if event_type not in NOT_HERS:
        last_seen_at = state.last_seen_at
        if last_seen_at is None or occurred_at > last_seen_at:
            state.last_seen_at = occurred_at
        _widen(state.session, event_type == "product_viewed", occurred_at)
    points = engagement.points.get(event_type)
    if points:
        _score(state.engagement, engagement.half_life_days, points, occurred_at // DAY_MS)


def _widen(session: Session, view: bool, occurred_at: Instant) -> None:
    """An event later than the gap begins a new session, one from before it is ignored."""
    last_at = session.last_at
    if last_at is None or occurred_at > last_at + SESSION_GAP_MS:
        session.started_at = session.last_at = occurred_at
        session.events, session.views = 1, int(view)
        return
    if occurred_at < session.started_at:
        if occurred_at < session.started_at - SESSION_GAP_MS:
            return
        session.started_at = occurred_at
    elif occurred_at > last_at:
        session.last_at = occurred_at
    session.events += 1
    session.views += view


def _score(engagement: Engagement, half_life: int, points: float, day: int) -> None:
    """The score is kept as of the latest day that counted."""
    engagement.half_life = half_life
    counted = engagement.day
    if day == counted:
        engagement.score += points
    elif day > counted:
        engagement.score = engagement.score * halved(day - counted, half_life) + points
        engagement.day = day
    else:
        engagement.score += points * halved(counted - day, half_life)


def note_sent(engagement: Engagement, occurred_at: Instant) -> None:
    """A mail went out to her; one from before her last click is not since it."""
    clicked_at = engagement.last_click_at
    engagement.mails += 1
    engagement.mails_since_click += clicked_at is None or occurred_at > clicked_at


def note_opened(engagement: Engagement, occurred_at: Instant) -> None:
    """She, or her mail program, opened one."""
    if engagement.last_open_at is None or occurred_at > engagement.last_open_at:
        engagement.last_open_at = occurred_at


def note_clicked(engagement: Engagement, occurred_at: Instant) -> None:
    """She followed a link of a mail."""
    if engagement.last_click_at is None or occurred_at > engagement.last_click_at:
        engagement.last_click_at = occurred_at
        engagement.mails_since_click = 0


def note_view(views: Views, properties: Mapping[str, Any], occurred_at: Instant) -> None:
    """Count a view and keep it if it is among the last."""
    views.count += 1
    get = properties.get
    views.add(
        View(
            occurred_at,
            id_or_none(get("product_id")),
            text_or_none(get("category")),
            text_or_none(get("name")),
            price_or_none(get("price")),
            url_or_none(get("url")),
            url_or_none(get("image_url")),
        )
    )
