"""Contender: the thin job on Faust as its documentation writes it.

A `Record` model, an agent over a topic, a `Table` of dicts in the memory store, one table write for each
event, `send` to an output topic for each order, the default guarantee (at least once) and settings.

Started as `python -m benchmarks.faust_documented`; its settings are in the environment.
"""

import os
from typing import Any

import faust

from schemas.instants import parse_instant

RECENT = 20


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


class Output(faust.Record):  # type: ignore[misc]  # Faust ships no types
    """What an order puts out."""

    customer_key: str
    order_id: str
    count: int
    value: float


def make_app() -> Any:
    """The application, as in Faust's user guide."""
    name = os.environ["BENCH_APP"]
    app = faust.App(
        name,
        broker=f"kafka://{os.environ['BENCH_KAFKA']}",
        store="memory://",
        topic_partitions=int(os.environ["BENCH_PARTITIONS"]),
        datadir=os.environ["BENCH_DIR"],
    )
    events = app.topic(os.environ["BENCH_EVENTS"], key_type=str, value_type=ShopEvent)
    outputs = app.topic(f"{name}.out", key_type=str, value_type=Output)
    customers = app.Table("customers", default=dict, key_type=str)

    @app.agent(events)  # type: ignore[untyped-decorator]  # Faust ships no types
    async def follow(stream: Any) -> None:
        async for key, event in stream.items():
            customer = customers[key]
            if not update(customer, event):
                continue
            customers[key] = customer
            if event.type == "order_completed":
                order_id = event.properties["order_id"]
                await outputs.send(key=key, value=Output(key, order_id, customer["count"], customer["value"]))

    return app


def update(customer: dict[str, Any], event: ShopEvent) -> bool:
    """Apply an event; False if it was applied before."""
    recent = customer.setdefault("recent", [])
    if any(event.event_id == known[0] for known in recent):
        return False
    at = parse_instant(event.occurred_at)
    customer["count"] = customer.get("count", 0) + 1
    customer["last_at"] = at
    recent.append([event.event_id, event.type, at])
    del recent[:-RECENT]
    total = event.properties.get("total")
    customer["value"] = customer.get("value", 0.0) + (total if isinstance(total, int | float) else 0.0)
    return True


def main() -> None:
    """Run a worker until SIGTERM."""
    app = make_app()
    app.conf.web_enabled = False
    faust.Worker(app, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main()
