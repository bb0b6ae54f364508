"""The contender: the same job on Faust as its documentation writes it.

A `Record` model, an agent over a topic, a `Table` of dicts in the memory store, one table write for each
event, `send` to an output topic for each order, the default guarantee (at least once) and settings. It does
less than the engine: no dedup window, no order by event time, no cart or welcome runs, no timers, no consent
or address check, no transaction, and its table holds a few counters instead of profile, cart and runs.

Started as `python -m benchmarks.faust_documented`, settings in `BENCH_KAFKA` and `BENCH_PARTITIONS`.
"""

import os
from typing import Any

import faust

APP = "faust-documented"
EVENTS = "shop-events"
DECISIONS = "shop-decisions"
CHANGELOG = f"{APP}-customers-changelog"


class ShopEvent(faust.Record):  # type: ignore[misc]  # Faust ships no types
    """An event as ingest writes it."""

    event_id: str
    type: str
    occurred_at: str
    received_at: str
    source: str
    customer_id: str | None = None
    anonymous_id: str | None = None
    product_id: str | None = None
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    backfill: bool = False


class OrderConfirmation(faust.Record):  # type: ignore[misc]  # Faust ships no types
    """The decision to confirm an order."""

    customer_id: str
    order_id: str
    event_id: str
    to: str | None
    occurred_at: str


def make_app(kafka: str, partitions: int) -> Any:
    """The application, as in Faust's user guide."""
    app = faust.App(APP, broker=f"kafka://{kafka}", store="memory://", topic_partitions=partitions)
    events = app.topic(EVENTS, key_type=str, value_type=ShopEvent)
    decisions = app.topic(DECISIONS, key_type=str, value_type=OrderConfirmation)
    customers = app.Table("customers", default=dict, key_type=str)

    @app.agent(events)  # type: ignore[untyped-decorator]  # Faust ships no types
    async def follow(stream: Any) -> None:
        async for key, event in stream.items():
            customer = customers[key]
            update(customer, event)
            customers[key] = customer
            if event.type == "order_completed":
                await decisions.send(key=key, value=confirmation(event))

    return app


def update(customer: dict[str, Any], event: ShopEvent) -> None:
    """What is kept of a customer: when she was last seen, what is in her cart, how often what happened."""
    customer["last_seen"] = event.occurred_at
    counts = customer.setdefault("counts", {})
    counts[event.type] = counts.get(event.type, 0) + 1
    if event.type == "product_added":
        cart = customer.setdefault("cart", {})
        product = event.properties["product_id"]
        cart[product] = cart.get(product, 0) + event.properties["quantity"]
    elif event.type == "product_removed":
        customer.setdefault("cart", {}).pop(event.properties["product_id"], None)
    elif event.type == "order_completed":
        customer["cart"] = {}
    elif event.type == "profile_updated":
        customer["email"] = event.properties["email"]


def confirmation(event: ShopEvent) -> OrderConfirmation:
    """The decision on an order."""
    return OrderConfirmation(
        customer_id=event.customer_id,
        order_id=event.properties["order_id"],
        event_id=event.event_id,
        to=event.properties["email"],
        occurred_at=event.occurred_at,
    )


def main() -> None:
    """Run a worker until SIGTERM."""
    app = make_app(os.environ["BENCH_KAFKA"], int(os.environ["BENCH_PARTITIONS"]))
    app.conf.web_enabled = False
    faust.Worker(app, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main()
