"""Kafka is away when ingest starts, and comes later.

A broker that has only just started takes half a second for its first record: where that one must be taken,
the deadline lies above it.
"""

import asyncio
import itertools
import json
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from segment.analytics.client import Client

from services.platform.kafka import KafkaNode, kafka_specs
from services.platform.kafka_artifacts import cache_directory
from tests.fixtures.ingest_server import KEY, IngestTopics, RunningIngest, eventually, serve_ingest, until
from tests.fixtures.platform import BackgroundPlatform, free_ports, real_kafka

EVENT = {"type": "page_viewed", "customer_id": "patient", "event_id": "e-1"}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[BackgroundPlatform]:
    """One of its own: this broker comes and goes."""
    platform = BackgroundPlatform(tmp_path)
    yield platform
    platform.close()


def start(platform: BackgroundPlatform, node: KafkaNode) -> None:
    for spec in kafka_specs(node, cache_directory(os.environ)):
        platform.start(spec)


def get(ingest: RunningIngest, path: str) -> httpx.Response:
    return httpx.get(ingest.url + path, timeout=30, trust_env=False)


def post(ingest: RunningIngest, path: str, body: Any) -> httpx.Response:
    return httpx.post(ingest.url + path, json=body, auth=(KEY, ""), timeout=30, trust_env=False)


def test_kafka_comes_later(
    platform: BackgroundPlatform,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    node = real_kafka(tmp_path / "kafka")
    topics = IngestTopics(node.bootstrap)
    caplog.set_level(logging.INFO, "tetik.ingest")
    errors: list[Exception] = []
    with serve_ingest(
        node.bootstrap, topics, delivery_deadline_ms=2_000, kafka_check_s=0.2, retry_after_s=1
    ) as ingest:
        until(lambda: get(ingest, "/readyz").status_code == 503, "it is not ready")
        answer = get(ingest, "/readyz").json()
        assert answer["code"] == "log_unavailable"
        assert f"Kafka at {node.bootstrap} cannot be reached" in answer["message"]
        assert get(ingest, "/healthz").status_code == 200
        assert "tetik_ingest_kafka_up 0.0" in get(ingest, "/metrics").text

        native = post(ingest, "/v1/events", EVENT)
        assert (native.status_code, native.json()["code"]) == (503, "log_unavailable")
        assert "cannot be reached" in native.json()["message"]
        assert native.headers["Retry-After"] == "1"
        sdk = post(ingest, "/v1/track", {"event": "Page Seen", "userId": "patient"})
        assert (sdk.status_code, sdk.headers["Retry-After"]) == (429, "1")
        bad = post(ingest, "/v1/track", {"event": "Page Seen"})
        assert bad.status_code == 429, "its dead letter is not written yet either"
        assert ingest.stage.progress() == ({}, None)
        shop = Client(KEY, host=ingest.url, max_retries=0, on_error=lambda error, _: errors.append(error))
        shop.track("patient", "Page Seen", message_id="e-2")

        ours = [record for record in caplog.records if record.name == "tetik.ingest"]
        warnings = [record for record in ours if record.levelno >= logging.WARNING]
        assert len(warnings) == 1, "one line, however often it retries"
        assert warnings[0].exc_info is None
        assert "retrying" in warnings[0].getMessage()
        assert "Traceback" not in capfd.readouterr().err

        start(platform, node)
        until(lambda: "has no topic" in get(ingest, "/readyz").text, "it asks for the topics")
        topics.create()
        until(lambda: get(ingest, "/readyz").status_code == 200, "it is ready")
        assert any("events are taken" in record.getMessage() for record in caplog.records)
        assert post(ingest, "/v1/events", EVENT).status_code == 200
        shop.flush()
        shop.shutdown()
        assert errors == [], "the SDK waited, and counted no try"
        ids = {json.loads(record.value())["event_id"] for record in topics.read(topics.events)}
        assert ids == {"e-1", "e-2"}


def test_kafka_is_killed_amid_requests(platform: BackgroundPlatform, tmp_path: Path) -> None:
    node = real_kafka(tmp_path / "kafka")
    start(platform, node)
    topics = IngestTopics(node.bootstrap)
    topics.create()
    answers: list[tuple[str, int]] = []

    def send(number: int) -> int:
        event = EVENT | {"event_id": f"e-{number}", "customer_id": f"c-{number % 7}"}
        answers.append((event["event_id"], post(ingest, "/v1/events", event).status_code))
        return answers[-1][1]

    with serve_ingest(node.bootstrap, topics, delivery_deadline_ms=2_000, kafka_check_s=0.2) as ingest:
        for number in range(50):
            assert send(number) == 200
        (broker,) = [change for change in platform.supervisor.status() if change.name == "kafka"]
        assert broker.pid is not None
        os.killpg(broker.pid, signal.SIGKILL)
        numbers = itertools.count(50)
        until(lambda: send(next(numbers)) == 503, "the outage is felt")
        until(lambda: send(next(numbers)) == 200, "events are taken again", deadline_s=90)
        for number in itertools.islice(numbers, 50):
            assert send(number) == 200
        stored = {json.loads(record.value())["event_id"] for record in topics.read(topics.events)}
    assert {event_id for event_id, status in answers if status == 200} <= stored
    assert {status for _, status in answers} == {200, 503}


def test_kafka_freezes_past_the_deadline_amid_requests(platform: BackgroundPlatform, tmp_path: Path) -> None:
    """What was in flight when it froze is written after the answer; it must not pass for what comes next."""
    node = real_kafka(tmp_path / "kafka")
    start(platform, node)
    topics = IngestTopics(node.bootstrap)
    topics.create()
    (broker,) = [change for change in platform.supervisor.status() if change.name == "kafka"]
    assert broker.pid is not None
    answered: list[str] = []
    numbers = itertools.count()

    def send() -> int:
        event = EVENT | {"event_id": f"e-{next(numbers)}"}
        status = post(ingest, "/v1/events", event).status_code
        if status == 200:
            answered.append(event["event_id"])
        return status

    with serve_ingest(node.bootstrap, topics, delivery_deadline_ms=300, kafka_check_s=0.2) as ingest:
        until(lambda: send() == 200, "events are taken")
        for _ in range(4):
            os.killpg(broker.pid, signal.SIGSTOP)
            try:
                until(lambda: send() == 503, "the freeze is felt")
                send()
            finally:
                os.killpg(broker.pid, signal.SIGCONT)
            until(lambda: send() == 200, "events are taken again")
            for _ in range(5):
                until(lambda: send() == 200, "events are taken")
        until(lambda: ingest.stage.progress() is not None, "all is acknowledged")
        stored = [json.loads(record.value())["event_id"] for record in topics.read(topics.events)]
    assert set(answered) <= set(stored)
    assert len(stored) == len(set(stored)), "nothing was written twice"


async def test_it_ends_while_kafka_is_frozen_and_requests_wait(
    platform: BackgroundPlatform, tmp_path: Path
) -> None:
    node = real_kafka(tmp_path / "kafka")
    await asyncio.to_thread(start, platform, node)
    topics = IngestTopics(node.bootstrap)
    topics.create()
    (broker,) = [change for change in platform.supervisor.status() if change.name == "kafka"]
    assert broker.pid is not None
    async with httpx.AsyncClient(auth=(KEY, ""), timeout=30, trust_env=False) as client:
        with serve_ingest(node.bootstrap, topics, delivery_deadline_ms=1_000) as ingest:
            await eventually(lambda: ingest.stage.log.problem is None, "ingest is ready")
            os.killpg(broker.pid, signal.SIGSTOP)
            try:
                call = asyncio.create_task(client.post(ingest.url + "/v1/events", json=EVENT))
                await eventually(lambda: ingest.stage.log.in_flight, "the event waits")
                assert ingest.stage.progress() is None
                response = await call
            finally:
                os.killpg(broker.pid, signal.SIGCONT)
    assert response.status_code == 503


async def test_while_kafka_is_known_to_be_away_nothing_is_queued_for_it() -> None:
    (port,) = free_ports(1)
    topics = IngestTopics(f"127.0.0.1:{port}")
    async with httpx.AsyncClient(auth=(KEY, ""), timeout=30, trust_env=False) as client:
        with serve_ingest(topics.bootstrap, topics, delivery_deadline_ms=1_000) as ingest:
            await eventually(lambda: "cannot be reached" in str(ingest.stage.log.problem), "it is known")
            response = await client.post(ingest.url + "/v1/events", json=EVENT)
            assert response.status_code == 503
            assert ingest.stage.log.in_flight == 0
            assert ingest.stage.progress() == ({}, None)
