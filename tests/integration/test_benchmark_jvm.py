"""The benchmark's Java logic beside the engine: the same log, the same decisions, record by record.

No Kafka is needed for it: the engine's core and the Java classes both read a file. The log is unlike a
shop's where that shows more: few customers who do much, so that every ending and the limit of runs are met.
"""

import json
import struct
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.instants import DAY_MS, Instant, format_instant
from schemas.topics import EVENTS
from services.publish import TEMPLATES, read_rule_set
from trigger_engine.core.effects import Decide
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import load_rules

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
JVM = BENCHMARKS / "jvm"
BUILD_TIMEOUT_S = 600
REPLAY_TIMEOUT_S = 120
BEGINS: Instant = 1_790_000_000_000
NOW = BEGINS + DAY_MS + 600_000
FIELDS = ("trigger_id", "occasion", "step", "outcome", "due_at", "occurred_at")

SHARES = {
    "product_viewed": 45.0,
    "page_viewed": 12.0,
    "product_added": 10.0,
    "cart_emptied": 2.0,
    "checkout_started": 4.0,
    "order_completed": 6.0,
    "signed_up": 3.0,
    "profile_updated": 6.0,
    "subscribed": 3.0,
    "unsubscribed": 3.0,
    "email_opened": 6.0,
}
OUTCOMES = frozenset(
    {"started", "fired", "cancelled", "cancelling", "exited"}
    | {"cooldown", "no_consent", "suppressed", "no_address"}
)
"""What must occur in a log, so that it is held against something."""
Logged = tuple[str, bytes]


def make_log(events: int, customers: int, seed: int) -> list[Logged]:
    """Records of 24 hours; one in a hundred repeats an earlier one of the customer."""
    random = Random(seed)
    types, shares = list(SHARES), list(accumulate(SHARES.values()))
    carts: dict[str, int] = defaultdict(int)
    last: dict[str, dict[str, Any]] = {}
    log = []
    for number in range(events):
        received_at = BEGINS + DAY_MS * number // events
        key = f"c-{int(customers * random.random() ** 2)}"
        record = last.get(key)
        if record is None or random.random() >= 0.01:
            event_type = random.choices(types, cum_weights=shares)[0]
            properties = make_properties(random, event_type, key, carts, number)
            record = {"event_id": f"event-{seed}-{number}", "type": event_type, "properties": properties}
        last[key] = record
        log.append((key, encode(record, key, received_at)))
    return log


def encode(record: dict[str, Any], key: str, received_at: Instant) -> bytes:
    """One record as ingest writes it."""
    times = {
        "occurred_at": format_instant(received_at - 250),
        "received_at": format_instant(received_at),
    }
    context = {
        "page": {"path": "/", "title": 'A "quoted" title \\ and more'},
        "ids": [1, {"two": [2.5, None, True]}],
    }
    return json.dumps({**record, "customer_id": key, **times, "source": "shop", "context": context}).encode()


def make_properties(
    random: Random, event_type: str, key: str, carts: dict[str, int], number: int
) -> dict[str, Any]:
    cart_id = f"cart-{key}-{carts[key]}"
    if event_type in ("order_completed", "cart_emptied"):
        carts[key] += 1
    if event_type in ("profile_updated", "signed_up", "subscribed"):
        consent = {"marketing_email": random.random() < 0.7}
        traits: dict[str, Any] = {"first_name": "Gülşen", "last_name": 'O"Neill', "locale": "tr"}
        if random.random() < 0.5:
            traits["email"] = f"{key}@customers.example"
        return {**traits, "consent": consent} if random.random() < 0.8 else traits
    if event_type == "product_viewed":
        return make_product(random)
    if event_type == "product_added":
        return {**make_product(random), "cart_id": cart_id, "quantity": random.randrange(1, 4)}
    if event_type == "checkout_started":
        return {"cart_id": cart_id, "value": 12.5}
    if event_type == "order_completed":
        lines = [make_product(random) for _ in range(random.randrange(3))]
        total = round(random.uniform(1, 220), 2)
        return {
            "order_id": f"o-{number}",
            "cart_id": cart_id,
            "total": total,
            "currency": "TRY",
            "products": lines,
        }
    return {}


def make_product(random: Random) -> dict[str, Any]:
    number = random.randrange(200)
    return {
        "product_id": f"p-{number}",
        "category": f"lights/{number % 9}",
        "name": f"Lantern {number}",
        "price": number % 3 and 5 + number / 4,
        "url": f"https://shop.example/{number}",
    }


def decided_by_engine(log: list[Logged]) -> dict[str, list[tuple[Any, ...]]]:
    """What the engine's core decides by customer, in order, up to the end of the log."""
    rules = load_rules(read_rule_set(BENCHMARKS / "rules", TEMPLATES))
    partition = Partition(0, {}, PartitionRecord(), rules, {})
    decided: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def flush() -> None:
        made = partition.take_flush()
        for effect in made.effects:
            if isinstance(effect, Decide):
                record = effect.record
                decided[record.customer_key].append(tuple(getattr(record, name) for name in FIELDS))
        assert not made.rejected
        partition.committed(made)

    for offset, (key, value) in enumerate(log):
        while not partition.apply_record(EVENTS, offset, key.encode(), value, NOW):
            flush()
    partition.fire_due(BEGINS + DAY_MS * (len(log) - 1) // len(log) - 1, NOW)
    flush()
    return decided


def write_log(path: Path, log: list[Logged]) -> None:
    with path.open("wb") as out:
        for key, value in log:
            name = key.encode()
            out.write(struct.pack(">i", len(name)) + name + struct.pack(">i", len(value)) + value)


def replay(job: str, log: list[Logged], folder: Path, parser: str) -> Iterator[dict[str, Any]]:
    """What the Java classes put out."""
    written, log_path = folder / f"{job}.jsonl", folder / "log"
    write_log(log_path, log)
    class_path = (JVM / "target" / "streams.classpath").read_text().strip()
    command = ["java", "-cp", class_path, "tetik.bench.Replay", job, str(log_path), str(written), parser]
    subprocess.run(command, check=True, timeout=REPLAY_TIMEOUT_S)
    for line in written.read_text().splitlines():
        yield json.loads(line)


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    subprocess.run([JVM / "build.sh"], check=True, timeout=BUILD_TIMEOUT_S)


@pytest.mark.parametrize(
    ("events", "customers", "parser", "also"),
    [(9_000, 8, "fastjson2", {"state_limit"}), (6_000, 400, "jackson", set())],
)
def test_ten_triggers_decide_what_the_engine_decides(
    events: int, customers: int, parser: str, also: set[str], tmp_path: Path
) -> None:
    log = make_log(events, customers, seed=events)
    expected = decided_by_engine(log)
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for record in replay("ten", log, tmp_path, parser):
        found[record["customer_key"]].append(tuple(record[name] for name in FIELDS))
    assert {outcome for made in expected.values() for *_, outcome, _, _ in made} >= OUTCOMES | also
    assert found.keys() == expected.keys()
    for key, made in expected.items():
        assert found[key] == made, f"customer {key}"


def test_thin_job_counts_each_event_once(tmp_path: Path) -> None:
    log = make_log(5_000, 200, seed=3)
    states: dict[str, Any] = {}
    expected = defaultdict(list)
    for key, value in log:
        event = json.loads(value)
        count, spent, recent = states.get(key, (0, 0, ()))
        if event["event_id"] in recent:
            continue
        spent += event["properties"].get("total", 0)
        states[key] = count + 1, spent, (*recent, event["event_id"])[-20:]
        if event["type"] == "order_completed":
            order_id = event["properties"]["order_id"]
            expected[key].append((order_id, count + 1, spent))
    found = defaultdict(list)
    for record in replay("thin", log, tmp_path, "fastjson2"):
        found[record["customer_key"]].append((record["order_id"], record["count"], record["value"]))
    assert found == expected
