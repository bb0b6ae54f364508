"""`tetik demo` as a person runs it: the command, a real Kafka, Redis and SMTP server, the whole week with few
simulated shoppers.

Then a mail is taken away and decisions are added, and the same check that has just passed finds them all.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.decision import Decision
from schemas.topics import TRIGGERS
from services.demo.check import find_faults
from services.demo.command import DemoOptions, write_script
from services.demo.expected import Expectation
from services.demo.reading import Observed, observe
from services.demo.reference import expect
from services.demo.report import REPORT_FILE
from services.demo.script import ScriptedEvent, span
from services.platform.ports import Ports
from services.triggers.folder import LIBRARY, read_rule_set
from tests.fixtures.platform import free_ports

DAYS, SHOPPERS = 7, 11
DEADLINE_S = 420
pytestmark = pytest.mark.timeout(480)


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """A demo that has ended its day and stays up."""

    process: subprocess.Popen[str]
    data: Path
    ports: Ports
    screen: Path

    @property
    def kafka(self) -> str:
        return f"127.0.0.1:{self.ports.kafka}"

    @property
    def report(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.data / REPORT_FILE).read_text("utf-8"))
        return loaded

    def mails(self) -> list[EmailMessage]:
        files = sorted((self.data / "mail").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


@pytest.fixture(scope="module")
def script() -> list[ScriptedEvent]:
    return write_script(DemoOptions(days=DAYS, shoppers=SHOPPERS))


@pytest.fixture(scope="module")
def expected(script: list[ScriptedEvent]) -> Expectation:
    return expect(script, read_rule_set(LIBRARY), span(DAYS)[1])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[RunningDemo]:
    folder = tmp_path_factory.mktemp("demo")
    names = [each.name for each in fields(Ports)]
    ports = Ports(**dict(zip(names, free_ports(len(names)), strict=True)))
    chosen = [f"--{name.replace('_', '-')}-port={getattr(ports, name)}" for name in names]
    command = [sys.executable, "-m", "services.cli", "demo", "--stay", "--broker=kafka"]
    command += [f"--days={DAYS}", f"--shoppers={SHOPPERS}", f"--data={folder / 'data'}", *chosen]
    screen = folder / "screen.txt"
    with screen.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True)
        running = RunningDemo(process, folder / "data", ports, screen)
        try:
            request.getfixturevalue("expected")  # worked out while the demo works
            _until_reported(running)
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            finally:
                process.kill()


def _until_reported(demo: RunningDemo) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not (demo.data / REPORT_FILE).exists():
        assert demo.process.poll() is None, demo.screen.read_text()
        assert time.monotonic() < deadline, demo.screen.read_text()
        time.sleep(0.2)


def test_everything_is_as_expected(demo: RunningDemo) -> None:
    report = demo.report
    assert report["faults"] == []
    assert report["events"]["order_completed (real)"] > 30
    assert report["events"]["signed_up (simulated)"] == SHOPPERS - 1, "one never says who she is"
    assert report["mails"].keys() >= {"welcome", "cart-reminder", "order-confirmation"}
    outcomes = {(trigger, outcome) for trigger, _, outcome, _, _ in report["decisions"]}
    assert outcomes >= {
        ("cart-abandoned", "cancelled"),
        ("cart-abandoned", "exited"),
        ("cart-abandoned", "no_address"),
        ("cart-abandoned", "no_consent"),
        ("order-confirmation", "no_address"),
    }
    measured = {each["name"] for each in report["latencies"]}
    assert measured == {"event → decision", "event → SMTP", "due → decision", "due → SMTP"}


def test_every_play_fires_through_to_a_mail(demo: RunningDemo) -> None:
    plays = {each["play"]: each for each in demo.report["plays"]}
    assert plays.keys() == {trigger["id"] for trigger in read_rule_set(LIBRARY).triggers}
    assert {play for play, seen in plays.items() if not (seen["promised"] and seen["fired"])} == set()
    assert {play for play, seen in plays.items() if not sum(seen["mails"].values())} == set()


def test_the_mails_say_what_the_shoppers_did(demo: RunningDemo, script: list[ScriptedEvent]) -> None:
    mails = demo.mails()
    order = next(
        each
        for each in script
        if each.type == "order_completed"
        and str(each.customer_id).startswith("retail-")
        and not each.backfill
    )
    confirmation = _mail_to(mails, f"{order.customer_id}@customers.example", "order-confirmation")
    assert order.properties["order_id"] in _text(confirmation)
    assert order.properties["products"][0]["name"] in _text(confirmation)
    assert confirmation["List-Unsubscribe"] is None

    reminder = next(
        mail for mail in mails if mail["X-Tetik-Step"] == "cart-reminder" and mail["To"].startswith("sim-")
    )
    shopper = str(reminder["To"]).partition("@")[0]
    added = next(each for each in script if each.type == "product_added" and each.customer_id == shopper)
    assert added.properties["name"] in _text(reminder)
    assert "http" in str(reminder["List-Unsubscribe"])
    parts = [part.get_content_type() for part in reminder.walk() if not part.is_multipart()]
    assert parts == ["text/plain", "text/html"]


def test_real_customers_get_confirmations_alone(demo: RunningDemo) -> None:
    steps = {mail["X-Tetik-Step"] for mail in demo.mails() if str(mail["To"]).startswith("retail-")}
    assert steps == {"order-confirmation"}


@pytest.mark.parametrize("peer", ["TETIK_KAFKA", "TETIK_REDIS"])
def test_a_used_kafka_or_redis_is_refused(demo: RunningDemo, peer: str, tmp_path: Path) -> None:
    named = {"TETIK_KAFKA": demo.kafka, "TETIK_REDIS": f"redis://127.0.0.1:{demo.ports.redis}/0"}
    refused = subprocess.run(
        [sys.executable, "-m", "services.cli", "demo", f"--data={tmp_path / 'data'}"],
        env={**os.environ, peer: named[peer]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode == 1
    assert named[peer] in refused.stdout.replace("\n", "")
    assert "already" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr


def test_the_check_finds_what_is_planted(
    demo: RunningDemo, script: list[ScriptedEvent], expected: Expectation
) -> None:
    """After the others that look at mails, because it takes one away."""

    def faults(observed: Observed) -> list[tuple[str, str]]:
        return [(fault.kind, fault.what) for fault in find_faults(script, expected, observed)]

    assert faults(asyncio.run(observe(demo.kafka, demo.data / "mail"))) == []

    mail = sorted((demo.data / "mail").glob("*.eml"))[0]
    mail.unlink()
    seen = asyncio.run(observe(demo.kafka, demo.data / "mail"))
    record, decision = next(each for each in seen.decisions if each[1].outcome == "fired")
    stranger = decision.model_copy(update={"occasion": "planted"})
    again = decision.model_copy(update={"attempt": decision.attempt + 1})
    asyncio.run(_write(demo.kafka, [decision, stranger, again], record.partition))

    found = faults(asyncio.run(observe(demo.kafka, demo.data / "mail")))
    assert sorted(found) == [
        ("doubled", "decision"), ("extra", "decision"), ("extra", "decision"), ("missing", "mail"),
    ]  # fmt: skip


def test_it_ends_cleanly_with_code_0(demo: RunningDemo) -> None:
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    said = f"all {demo.report['expected_decisions']} expected decisions are there"
    assert said in demo.screen.read_text()


def _mail_to(mails: list[EmailMessage], address: str, step: str) -> EmailMessage:
    return next(mail for mail in mails if mail["To"] == address and mail["X-Tetik-Step"] == step)


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def _write(kafka: str, decisions: list[Decision], partition: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    await producer.start()
    try:
        for decision in decisions:
            value = decision.model_dump_json().encode()
            await producer.send_and_wait(TRIGGERS, value, partition=partition)
    finally:
        await producer.stop()
