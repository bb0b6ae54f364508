"""Contender: the thin job on Quix Streams, as its documentation does it and tuned.

A `StreamingDataFrame` over the topic, one stateful function, the state of a customer under one key of its
RocksDB store with a changelog topic. Events are read by orjson, which Quix itself uses. It runs in an
environment of its own (`benchmarks/quix/requirements.lock`): Quix wants older versions of what Tetik uses.

Started as `python benchmarks/quix/thin.py`; its settings are in the environment.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from quixstreams import Application, State

RECENT = 20
STATE_KEY = "customer"
VARIANTS: dict[str, dict[str, Any]] = {
    "alo": {"processing_guarantee": "at-least-once", "commit_interval": 1.0},
    "eos": {"processing_guarantee": "exactly-once", "commit_interval": 0.1},
}


def settings() -> dict[str, Any]:
    """Those of the variant, with what `BENCH_SET` says instead."""
    chosen = dict(VARIANTS[os.environ["BENCH_VARIANT"]])
    for pair in filter(None, os.environ.get("BENCH_SET", "").split(",")):
        name, _, value = pair.partition("=")
        chosen[name] = float(value)
    return chosen


def follow(event: dict[str, Any], key: bytes, timestamp: int, headers: Any, state: State) -> list[Any]:
    """Apply an event; what it puts out."""
    customer = state.get(STATE_KEY)
    if customer is None:
        customer = {"count": 0, "last_at": 0, "value": 0.0, "recent": []}
    recent = customer["recent"]
    event_id = event["event_id"]
    if any(known[0] == event_id for known in recent):
        return []
    at = round(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1000)
    customer["count"] += 1
    customer["last_at"] = at
    recent.append([event_id, event["type"], at])
    del recent[:-RECENT]
    properties = event["properties"]
    total = properties.get("total")
    if isinstance(total, int | float):
        customer["value"] += total
    state.set(STATE_KEY, customer)
    if event["type"] != "order_completed":
        return []
    return [
        {
            "customer_key": event["customer_id"],
            "order_id": properties["order_id"],
            "count": customer["count"],
            "value": customer["value"],
        }
    ]


def main() -> None:
    """Run until SIGTERM."""
    application = Application(
        broker_address=os.environ["BENCH_KAFKA"],
        consumer_group=os.environ["BENCH_APP"],
        auto_offset_reset="earliest",
        state_dir=Path(os.environ["BENCH_DIR"]) / "state",
        loglevel="WARNING",
        consumer_extra_config={
            "check.crcs": True,
            "fetch.min.bytes": 1,
            "queued.max.messages.kbytes": 65_536,
        },
        producer_extra_config={
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "none",
            "linger.ms": 20,
            "batch.size": 500_000,
        },
        **settings(),
    )
    events = application.topic(os.environ["BENCH_EVENTS"])
    outputs = application.topic(f"{os.environ['BENCH_APP']}.out")
    frame = application.dataframe(events)
    frame = frame.filter(lambda event, key, timestamp, headers: key is not None, metadata=True)
    frame = frame.apply(follow, stateful=True, metadata=True, expand=True)
    frame.to_topic(outputs)
    application.run()


if __name__ == "__main__":
    main()
