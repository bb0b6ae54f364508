"""`tetik triggers` on a real Kafka with running engines: publish, look first, go back, show what is there."""

import asyncio
import contextlib
import json
import os
import pty
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from schemas.records import DecisionRecord
from schemas.topics import EVENTS, RULES, TRIGGERS
from services.triggers.folder import read_rule_set
from services.triggers.published import read_published
from tests.fixtures.engine import PARTITIONS, EngineBench
from tests.fixtures.engine_cases import added, profile
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import NO_RULES, load_rules

CART = """
id: cart-abandoned
status: live
kind: marketing
when: {event: product_added, where: cart.value > 0}
wait: 1s
unless: order_completed
steps:
  - mail: cart-reminder
  - wait: 24h
  - mail: cart-questions
"""
EDITED = CART.replace("wait: 24h", "wait: 48h").replace("unless:", "cooldown: 7d\nunless:")


def now() -> int:
    return time.time_ns() // 1_000_000


async def tetik(bench: EngineBench, *words: str, code: int = 0) -> str:
    """A command of its own process; what it says on stdout."""
    command = [sys.executable, "-m", "services.cli", "triggers", *words]
    environment = {**os.environ, "TETIK_KAFKA": bench.kafka}
    result = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in result.stderr
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout


def shop(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "cart-abandoned.yaml").write_text(text, "utf-8")
    return folder


async def leave_a_cart(bench: EngineBench, customer: str, mails: int) -> list[dict[str, Any]]:
    """A customer leaves a cart; her decisions, once `mails` of all customers were fired."""
    at = now()
    await bench.produce(
        [
            (customer, profile(customer, f"profile-{customer}", at)),
            (customer, added(customer, f"added-{customer}", at)),
        ]
    )
    decisions = await bench.until(
        TRIGGERS, lambda found: sum(each["outcome"] == "fired" for each in found) >= mails
    )
    return [each for each in decisions if each["customer_key"] == customer]


async def markers(bench: EngineBench) -> list[str]:
    return [each["event_id"] for each in await bench.committed(EVENTS) if each["type"] == "rules_activated"]


async def replayed(bench: EngineBench) -> list[DecisionRecord]:
    """The whole log once more, from nothing, by the rule sets that its markers name."""
    sets = (await read_published(bench.kafka)).sets
    alone = [load_rules(rule_set) for rule_set in sets.values()]
    log = KafkaLog(bench.kafka)
    decisions: list[DecisionRecord] = []
    for number in range(PARTITIONS):
        partition = Partition(number, {}, PartitionRecord(), NO_RULES, {})
        reader = await log.open_reader(EVENTS, number)
        records = [record async for batch in reader.read_on() for record in batch]
        await reader.close()
        for record in records:
            assert partition.apply_record(EVENTS, record.offset, record.key, record.value or b"", now())
            digest = partition.activates_rules(record.value or b"")
            decisions += flushed(partition)
            if digest is not None and digest != partition.rules.digest:
                partition.activate(load_rules(sets[digest], alone))
        partition.fire_due(now(), now())
        decisions += flushed(partition)
    return decisions


def flushed(partition: Partition) -> list[DecisionRecord]:
    flush = partition.take_flush()
    partition.committed(flush)
    return [effect.record for effect in flush.effects if isinstance(effect.record, DecisionRecord)]


async def test_running_engines_follow_an_edit_and_the_way_back(bench: EngineBench, tmp_path: Path) -> None:
    """A, then B, then A again: each decision names the set in force; runs keep their version."""
    first, second = shop(tmp_path / "a", CART), shop(tmp_path / "b", EDITED)
    digest_a, digest_b = read_rule_set(first).digest, read_rule_set(second).digest
    said = await tetik(bench, "publish", str(first))
    assert said.startswith(
        "changes against nothing (the first publish):\n  + trigger cart-abandoned\n"
        "  + template cart-questions\n  + template cart-reminder\n"
    )
    bench.start()
    ada = await leave_a_cart(bench, "ada", 1)
    assert {each["rules_digest"] for each in ada} == {digest_a}

    said = await tetik(bench, "publish", str(second), "--dry-run")
    assert f"changes against {digest_a}:\n  ~ trigger cart-abandoned\n" in said
    assert "    ~ steps[1].wait: 1d -> 2d\n" in said
    assert "    + cooldown: 7d\n" in said
    assert "mid-series: 1 run among 1 customer\n  cart-abandoned: 1 run\n" in said
    assert "after cart-reminder: they go on with the version they began with (on_edit: pin)" in said
    assert said.endswith("dry run: nothing was written\n")
    assert [each["digest"] for each in await bench.committed(RULES, 1)] == [digest_a]
    assert len(await markers(bench)) == PARTITIONS

    assert (await tetik(bench, "publish", str(second))).endswith(
        f"rules: {digest_b} is active: cart-abandoned\n"
    )
    bob = await leave_a_cart(bench, "bob", 2)
    assert {each["rules_digest"] for each in bob} == {digest_b}
    assert {each["trigger_version"] for each in bob}.isdisjoint(each["trigger_version"] for each in ada)

    await tetik(bench, "publish", str(first))
    eve = await leave_a_cart(bench, "eve", 3)
    assert {each["rules_digest"] for each in eve} == {digest_a}
    assert {each["trigger_version"] for each in eve} == {each["trigger_version"] for each in ada}
    written = await markers(bench)
    assert len(set(written)) == len(written) == 3 * PARTITIONS

    decided = {each["decision_id"]: each for each in await bench.committed(TRIGGERS)}
    again = await replayed(bench)
    assert len(again) == len(decided) == 6
    for decision in again:
        first_time = decided[decision.decision_id]
        assert decision.rules_digest == first_time["rules_digest"]
        assert decision.trigger_version == first_time["trigger_version"]

    shown = json.loads(await tetik(bench, "show", "cart-abandoned", "--format", "json"))
    runs = Counter({(run["version"], run["after_mail"]): run["runs"] for run in shown["runs"]})
    assert runs == {
        (ada[0]["trigger_version"], "cart-reminder"): 2,
        (bob[0]["trigger_version"], "cart-reminder"): 1,
    }


async def test_a_repeated_publish_changes_nothing_and_completes_an_interrupted_one(
    bench: EngineBench, tmp_path: Path
) -> None:
    folder = shop(tmp_path / "a", CART)
    await tetik(bench, "publish", str(folder))
    before = await markers(bench)
    said = await tetik(bench, "publish", str(folder))
    assert said.startswith("nothing changes: this set is the active one\n")
    assert Counter(await markers(bench)) == Counter(dict.fromkeys(before, 2))
    assert len(await bench.committed(RULES, 1)) == 1
    bench.start()
    decisions = await leave_a_cart(bench, "ada", 1)
    assert [each["outcome"] for each in decisions] == ["started", "fired"]


async def test_list_shows_the_log_and_if_empty_leaves_it(bench: EngineBench, tmp_path: Path) -> None:
    await tetik(bench, "list", code=1)
    folder = shop(tmp_path / "a", CART)
    await tetik(bench, "publish", str(folder), "--yes")
    listed = json.loads(await tetik(bench, "list", "--format", "json"))
    (row,) = listed["triggers"]
    assert (row["id"], row["status"], row["mails"]) == (
        "cart-abandoned",
        "live",
        ["cart-reminder", "cart-questions"],
    )
    assert await tetik(bench, "publish", "--if-empty") == "rules: published before, left as they are\n"
    assert json.loads(await tetik(bench, "list", "--format", "json")) == listed
    await tetik(bench, "show", "cart", code=1)


async def test_at_a_terminal_it_asks(bench: EngineBench, tmp_path: Path) -> None:
    folder = shop(tmp_path / "a", CART)
    said = await at_terminal(bench, "n", "publish", str(folder), code=1)
    assert said.endswith("Publish this? [y/N]: rules: left as they are\n")
    assert await bench.committed(RULES, 1) == []
    said = await at_terminal(bench, "y", "publish", str(folder), code=0)
    assert "is active: cart-abandoned" in said
    assert len(await bench.committed(RULES, 1)) == 1


async def at_terminal(bench: EngineBench, answer: str, *words: str, code: int) -> str:
    """As `_at_terminal`, without standing in the loop's way."""
    found, shown = await asyncio.to_thread(_at_terminal, bench.kafka, answer, *words)
    assert found == code, shown
    return shown


def _at_terminal(kafka: str, answer: str, *words: str) -> tuple[int, str]:
    """A command with a terminal of its own, on which the answer is typed ahead; what the terminal showed."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    process = subprocess.Popen(
        [sys.executable, "-m", "services.cli", "triggers", *words],
        env={**os.environ, "TETIK_KAFKA": kafka},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = _read_all(ours)
    return process.wait(60), shown.replace("\r\n", "\n")


def _read_all(descriptor: int) -> str:
    shown = b""
    with contextlib.suppress(OSError):  # Linux's way to say that the other side has closed
        while data := os.read(descriptor, 4096):
            shown += data
    os.close(descriptor)
    return shown.decode()
