"""`tetik segments` on a real Kafka with a running engine: counts, what a folder would change, proposals."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from schemas.instants import DAY_MS
from schemas.topics import EVENTS, TRIGGERS
from services.publish import publish
from services.triggers.folder import read_rule_set
from services.triggers.published import event_partitions
from tests.fixtures.engine import EngineBench
from tests.fixtures.engine_cases import event, profile

SHOPPERS = 120
CONFIRMATION = """
id: order-confirmation
status: live
kind: transactional
when: {event: order_completed}
once_per: event.properties.order_id
steps: [{mail: order-confirmation}]
"""
BUYERS = {"once": "orders.count >= 1", "twice": "orders.count >= 2", "old": "profile.country == 'TR'"}
EDITED = {"once": "orders.count >= 1", "twice": "orders.count >= 3", "big": "orders.total >= 300"}


async def tetik(bench: EngineBench, *words: str, code: int = 0) -> tuple[str, str]:
    """A command of its own process; what it says on stdout and stderr."""
    command = [sys.executable, "-m", "services.cli", "segments", *words, "--kafka", bench.kafka]
    environment = {name: value for name, value in os.environ.items() if name != "TETIK_KAFKA"}
    result = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in result.stderr
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout, result.stderr


def shop(folder: Path, segments: dict[str, str]) -> Path:
    (folder / "segments").mkdir(parents=True)
    (folder / "order-confirmation.yaml").write_text(CONFIRMATION, "utf-8")
    for name, when in segments.items():
        (folder / "segments" / f"{name}.yaml").write_text(f"id: {name}\nwhen: {when}\n", "utf-8")
    return folder


def history(at: int) -> list[tuple[str, bytes]]:
    """Shopper n of 1 to `SHOPPERS`: every other one agreed to mails; n of 3, 2 or 1 orders ten days apart."""
    events = []
    for n in range(1, SHOPPERS + 1):
        name = f"c{n}"
        events.append((name, profile(name, f"{name}-profile", at - 90 * DAY_MS, consent=n % 2 == 0)))
        for number in range(1 + n % 3):
            happened = at - (10 * (n % 3 - number) + 1) * DAY_MS
            told = event(
                "order_completed",
                name,
                f"{name}-{number}",
                happened,
                order_id=f"{name}-{number}",
                total=100.0,
            )
            events.append((name, told))
    events.append(("anon:d1", event("product_viewed", None, "d1-view", at, device="d1", product_id="p1")))
    return events


async def test_counts_and_proposals_of_a_running_shop(bench: EngineBench, tmp_path: Path) -> None:
    _, said = await tetik(bench, "count", code=1)
    assert said == "no rules were published yet: tetik triggers publish FOLDER\n"
    _, said = await tetik(bench, "suggest", code=1)
    assert said.startswith(f"no customer is known at {bench.kafka} yet")

    first, edited = shop(tmp_path / "first", BUYERS), shop(tmp_path / "edited", EDITED)
    now = time.time_ns() // 1_000_000
    rule_set = read_rule_set(first)
    await publish(bench.kafka, rule_set, await event_partitions(bench.kafka), now)
    bench.start()
    told = history(now)
    await bench.produce(told)
    orders = sum(b"order_completed" in value for _, value in told)
    await bench.until(TRIGGERS, lambda found: len({each["occasion"] for each in found}) >= orders)
    await _until_counted(bench)

    live = json.loads((await tetik(bench, "count", "--json"))[0])
    assert live["rules_digest"] == rule_set.digest
    assert (live["customers"], live["reachable"], live["devices_only"]) == (SHOPPERS + 1, SHOPPERS // 2, 1)
    assert (live["behind"], live["unreadable"]) == (0, 0)
    assert {each["id"]: (each["customers"], each["reachable"]) for each in live["segments"]} == {
        "old": (0, 0),
        "once": (120, 60),
        "twice": (80, 40),
    }
    planned = json.loads((await tetik(bench, "count", str(edited), "--json"))[0])
    rows = {each["id"]: each for each in planned["segments"]}
    assert {name: (row["fate"], row["entering"], row["leaving"]) for name, row in rows.items()} == {
        "big": ("new", 40, 0),
        "old": ("gone", 0, 0),
        "once": ("unchanged", 0, 0),
        "twice": ("changed", 0, 40),
    }
    shown, _ = await tetik(bench, "count", str(edited))
    assert "twice      80  66.1%       40  33.1%         0      -40         20  changed\n" in shown

    found = json.loads((await tetik(bench, "suggest", "--json"))[0])
    assert (found["customers"], found["with_orders"]) == (SHOPPERS + 1, SHOPPERS)
    proposals: dict[str, dict[str, Any]] = {each["id"]: each for each in found["segments"]}
    assert proposals["vip"]["proposed"] == {"days": 2, "orders": 3, "total": 300}
    assert proposals["vip"]["customers_as_proposed"] == 40
    assert not proposals["lapsing"]["from_data"], "80 came back"
    assert (
        proposals["lapsing"]["basis"]
        == "80 customers with several orders are too few to tell (100 are needed)"
    )
    files = list(yaml.safe_load_all((await tetik(bench, "suggest", "--yaml"))[0]))
    assert {each["id"]: each["when"] for each in files} == {
        name: row["when"] for name, row in proposals.items()
    }


async def _until_counted(bench: EngineBench) -> None:
    """The last events of the log need not decide anything: wait until their states are committed."""
    wanted = {(each["customer_id"] or each["anonymous_id"]) for each in await bench.committed(EVENTS)} - {
        None
    }
    async with asyncio.timeout(60):
        while True:
            counted = json.loads((await tetik(bench, "count", "--json"))[0])
            if counted["customers"] >= len(wanted):
                return
