"""Section 4: what is known of a customer, and the names that a condition reads."""

from datetime import timedelta
from typing import Any

from schemas.instants import DAY_MS, MINUTE_MS, datetime_of
from tests.model import carts, purchases
from tests.model.customer import EVENT_TYPES_MAX, Customer, Happening, Run
from tests.model.reading import Policy

MAIL_OUTCOMES = (
    "email_sent",
    "email_cancelled",
    "email_expired",
    "email_suppressed",
    "email_failed",
    "email_bounced",
    "email_complained",
    "email_ambiguous",
)
MAILED = ("email_sent", "campaign_mailed")
"""Section 4, engagement: what counts as a mail to her, another tool's too."""
HAND_OVERS = ("handover_asked", "handover_state")
NOT_HER_DOING = {
    *MAIL_OUTCOMES,
    *HAND_OVERS,
    *("email_opened", "profile_updated", "unsubscribed", "customer_erased", "rules_activated"),
    *("order_updated", "order_cancelled", "order_refunded", "order_shipped", "order_delivered"),
    *("campaign_mailed", "product_notice"),
}
"""Section 4, activity: everything else she did herself; `email_clicked` too."""

PROFILE_FIELDS = ("email", "first_name", "last_name", "locale", "time_zone", "country")
PROFILE_EVENTS = ("profile_updated", "signed_up")
SESSION_GAP_MS = 30 * MINUTE_MS
VIEWS_KEPT = 20


def project(customer: Customer, event: Happening) -> None:
    """Section 3, step 4: write down what the event tells."""
    customer.events.append(event)
    derived = carts.meet(customer, event)
    event.types = (event.type,) if derived in (None, event.type) else (event.type, str(derived))
    for name in event.types:
        customer.last_of_type[name] = max(customer.last_of_type.get(name, event.at), event.at)
    while len(customer.last_of_type) > EVENT_TYPES_MAX:
        del customer.last_of_type[min(customer.last_of_type, key=lambda name: customer.last_of_type[name])]
    if event.type not in NOT_HER_DOING:
        customer.last_seen_at = max(customer.last_seen_at or event.at, event.at)
        _meet_session(customer, event)
    if event.type in PROFILE_EVENTS or event.type == "subscribed":
        meet_traits(customer, event.properties, event.at)
    if event.type == "order_completed":
        _count_on_offer(customer, event.at)
        customer.orders.append((event.at, carts.amount_of(event.properties.get("total")) or 0.0))
        customer.purchases += purchases.lines_of(event)
        if customer.profile.get("email") is None:
            _learn_email(customer, event.properties.get("email"))
    if event.type == "campaign_mailed":
        customer.campaigns.append(event.at)
    _meet_consent(customer, event)


def _count_on_offer(customer: Customer, at: int) -> None:
    """Section 7, offers: an order is judged by the offers known when it comes in; one that comes in behind a
    later one is none of the last."""
    if any(at < other for other, _ in customer.orders):
        return
    given = [mail for mail in customer.mails if mail.offer_until is not None and not mail.returned]
    on_offer = any(mail.due <= at <= (mail.offer_until or 0) for mail in given)
    customer.orders_on_offer = customer.orders_on_offer + 1 if on_offer else 0
    if on_offer:
        customer.orders_on_offer_ever += 1


def meet_traits(customer: Customer, traits: dict[str, Any], at: int) -> None:
    """Newer traits replace, a null clears; traits older than the last ones only fill what is unknown."""
    newer = customer.profile_at is None or at >= customer.profile_at
    if not traits.keys() - {"consent"}:
        return
    for name, value in traits.items():
        if name == "consent":
            continue
        where = customer.profile if name in PROFILE_FIELDS else customer.profile.setdefault("traits", {})
        if name == "email":
            if newer and value is None:
                customer.profile["email"] = None
            elif newer or where.get("email") is None:
                _learn_email(customer, value)
        elif newer or where.get(name) is None:
            where[name] = value
    if newer:
        customer.profile_at = at


def _learn_email(customer: Customer, value: Any) -> None:
    """Only an address that can be written to replaces one; section 6: another one is deliverable again."""
    if not isinstance(value, str) or "@" not in value:
        return
    customer.profile["email"] = value


def _meet_consent(customer: Customer, event: Happening) -> None:
    said: bool | None = None
    if event.type == "subscribed":
        said = True
    elif event.type == "unsubscribed":
        said = False
    elif event.type in PROFILE_EVENTS and isinstance(event.properties.get("consent"), dict):
        value = event.properties["consent"].get("marketing_email")
        said = value if isinstance(value, bool) else None
    if said is not None:
        say_consent(customer, said, event.at, unsubscribed=event.type == "unsubscribed")


def say_consent(customer: Customer, said: bool, at: int, *, unsubscribed: bool = False) -> None:
    """Event time decides; between a consent and its withdrawal at the same instant, the withdrawal."""
    if customer.consent_at is None or at > customer.consent_at or (at == customer.consent_at and not said):
        if not (said and customer.consent is True):
            customer.consent_given_at = at if said else None
        customer.consent, customer.consent_at = said, at
        if said:
            customer.unsubscribed, customer.refused = False, None
    if unsubscribed and customer.consent is False:
        customer.unsubscribed = True


def _meet_session(customer: Customer, event: Happening) -> None:
    """Later than `last + 30 min`: a new session; before `started - 30 min`: ignored; between: it widens."""
    session = customer.session
    if not session or event.at > session["last"] + SESSION_GAP_MS:
        customer.session = session = {"started": event.at, "last": event.at, "events": 0, "views": 0}
    elif event.at < session["started"] - SESSION_GAP_MS:
        return
    session["started"] = min(session["started"], event.at)
    session["last"] = max(session["last"], event.at)
    session["events"] += 1
    session["views"] += event.type == "product_viewed"


def context(
    customer: Customer, policy: Policy, now: int, due: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What a condition reads, but for `event`, `start` and `answer`. Unknown values are null. `due` is what
    runs out, where a date is asked about it."""
    return {
        "profile": {name: customer.profile.get(name) for name in PROFILE_FIELDS}
        | {
            "traits": customer.profile.get("traits", {}),
            "preferences": customer.preferences,
            "paused": customer.paused_until is not None and now < customer.paused_until,
        },
        "cart": lambda: _cart(customer, now),
        "orders": lambda: _orders(customer, due or purchases.next_due(customer, now)),
        "views": lambda: _views(customer),
        "session": {
            "started_at": _time(customer.session.get("started")),
            "events": customer.session.get("events", 0),
            "views": customer.session.get("views", 0),
        },
        "activity": {"last_seen_at": _time(customer.last_seen_at)},
        "engagement": lambda: engagement(customer, policy, now),
        "segments": sorted(customer.segments),
        "consent": {
            "marketing_email": customer.consent is True,
            "given_at": _time(customer.consent_given_at),
        },
        "runs": {run.trigger.id: {"pending": True} for run in customer.live_runs()},
        "now": datetime_of(now),
    }


def of_event(event: Happening) -> dict[str, Any]:
    """An event as `event`, `start` or `answer`."""
    return {
        "type": event.type,
        "occurred_at": datetime_of(event.at),
        "properties": event.properties,
        "context": event.context,
    }


def of_run(run: Run) -> dict[str, Any]:
    """What a run adds."""
    return {"start": of_event(run.start), "answer": None if run.answer is None else of_event(run.answer)}


def _time(instant: int | None) -> Any:
    return None if instant is None else datetime_of(instant)


def _cart(customer: Customer, now: int) -> dict[str, Any]:
    cart = customer.cart or carts.empty_cart()
    changed_at = cart["updated_at"] if cart["lines"] else None
    items = [{name: value for name, value in line.items() if name != "at"} for line in cart["lines"]]
    return {
        "id": cart["id"],
        "value": carts.value_of(cart),
        "count": sum(line["quantity"] for line in cart["lines"]),
        "items": items,
        "currency": cart["currency"],
        "age": None if changed_at is None else timedelta(milliseconds=now - changed_at),
        "updated_at": _time(changed_at),
    }


def _orders(customer: Customer, due: dict[str, Any] | None) -> dict[str, Any]:
    times = [at for at, _ in customer.orders]
    items = [_bought(line) for line in purchases.kept(customer)]
    return {
        "count": len(times),
        "first_at": _time(min(times, default=None)),
        "last_at": _time(max(times, default=None)),
        "total": round(sum(total for _, total in customer.orders), 2),
        "items": items,
        "products": _distinct(items, "product_id"),
        "categories": _distinct(items, "category"),
        "favourite_category": _favourite(items),
        "replenish_at": None if due is None else datetime_of(due["at"]),
        "replenish_product": None if due is None else _bought(due["line"]),
        "on_offer": customer.orders_on_offer_ever,
    }


def _bought(line: dict[str, Any]) -> dict[str, Any]:
    return line | {"at": datetime_of(line["at"])}


def _views(customer: Customer) -> dict[str, Any]:
    views = [event for event in customer.events if event.type == "product_viewed"]
    latest_first = sorted(views, key=lambda event: event.at)[::-1][:VIEWS_KEPT]
    items = [
        {"at": datetime_of(event.at)}
        | {
            name: event.properties.get(name)
            for name in ("product_id", "category", "name", "url", "image_url")
        }
        | {"price": carts.amount_of(event.properties.get("price"))}
        for event in latest_first
    ]
    return {
        "count": len(views),
        "last_at": _time(latest_first[0].at if latest_first else None),
        "items": items,
        "products": _distinct(items, "product_id"),
        "categories": _distinct(items, "category"),
        "favourite_category": _favourite(items),
    }


def _favourite(items: list[dict[str, Any]]) -> str | None:
    """The category of most items; of equals, the one that stands first, as the latest does."""
    named = [item["category"] for item in items if item["category"] is not None]
    return max(named, key=named.count, default=None)


def _distinct(items: list[dict[str, Any]], name: str) -> list[str]:
    return list(dict.fromkeys(item[name] for item in items if item[name] is not None))


def engagement(customer: Customer, policy: Policy, now: int) -> dict[str, Any]:
    score = 0.0
    for event in customer.events:
        days = now // DAY_MS - event.at // DAY_MS
        score += policy.points.get(event.type, 0) * 0.5 ** (days / policy.half_life_days)
    sent = [event.at for event in customer.events if event.type in MAILED]
    opened = max((event.at for event in customer.events if event.type == "email_opened"), default=None)
    clicked = max((event.at for event in customer.events if event.type == "email_clicked"), default=None)
    return {
        "score": round(score, 3),
        "mails": len(sent),
        "mails_since_click": len([at for at in sent if clicked is None or at > clicked]),
        "last_open_at": _time(opened),
        "last_click_at": _time(clicked),
    }
