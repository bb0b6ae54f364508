"""Kafka is away when ingest starts, and comes later."""

import asyncio
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

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
    with serve_ingest(node.bootstrap, topics, delivery_deadline_ms=500, kafka_check_s=0.2) as ingest:
        until(lambda: get(ingest, "/readyz").status_code == 503, "it is not ready")
        answer = get(ingest, "/readyz").json()
        assert answer["code"] == "log_unavailable"
        assert f"Kafka at {node.bootstrap} cannot be reached" in answer["message"]
        assert get(ingest, "/healthz").status_code == 200
        assert "tetik_ingest_kafka_up 0.0" in get(ingest, "/metrics").text

        native = post(ingest, "/v1/events", EVENT)
        assert (native.status_code, native.json()["code"]) == (503, "log_unavailable")
        assert "cannot be reached" in native.json()["message"]
        assert native.headers["Retry-After"] == "5"
        sdk = post(ingest, "/v1/track", {"event": "Page Seen", "userId": "patient"})
        assert (sdk.status_code, sdk.headers["Retry-After"]) == (429, "5")
        bad = post(ingest, "/v1/track", {"event": "Page Seen"})
        assert bad.status_code == 429, "its dead letter is not written yet either"
        assert ingest.stage.progress() == ({}, None)

        warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(warnings) == 1, "one line, however often it retries"
        assert warnings[0].exc_info is None
        assert "retrying" in warnings[0].getMessage()
        assert "Traceback" not in capfd.readouterr().err

        start(platform, node)
        until(lambda: "has no topic" in get(ingest, "/readyz").text, "it asks for the topics")
        topics.create()
        until(lambda: get(ingest, "/readyz").status_code == 200, "it is ready")
        assert "events are taken" in caplog.records[-1].getMessage()
        assert post(ingest, "/v1/events", EVENT).status_code == 200
        assert [record.key() for record in topics.read(topics.events)] == [b"patient"]


async def test_it_ends_while_kafka_is_away_and_requests_wait() -> None:
    (port,) = free_ports(1)
    topics = IngestTopics(f"127.0.0.1:{port}")
    async with httpx.AsyncClient(auth=(KEY, ""), timeout=30, trust_env=False) as client:
        with serve_ingest(topics.bootstrap, topics, delivery_deadline_ms=1_000) as ingest:
            call = asyncio.create_task(client.post(ingest.url + "/v1/events", json=EVENT))
            await eventually(lambda: ingest.stage.log.in_flight, "the event waits")
            assert ingest.stage.progress() is None
            response = await call
    assert response.status_code == 503
