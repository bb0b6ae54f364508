"""What is written for Kafka, and when its storage and jars are made."""

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.platform import kafka_artifacts
from services.platform.errors import BrokerUnavailable
from services.platform.kafka import KafkaNode, kafka_specs, render_properties, server_properties
from services.platform.kafka_artifacts import fetch_jars, jars_cached
from tests.fixtures.platform import alive

DEADLINE_S = 20


@pytest.fixture
def node(tmp_path: Path) -> KafkaNode:
    return KafkaNode("/usr/bin/java", tmp_path / "lib", tmp_path / "kafka", 9192, 9193)


def test_the_node_listens_on_loopback_only(node: KafkaNode) -> None:
    settings = server_properties(node)
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9192,CONTROLLER://127.0.0.1:9193"
    assert settings["advertised.listeners"] == settings["listeners"]
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:9193"


def test_the_settings_that_promises_rest_on(node: KafkaNode) -> None:
    settings = server_properties(node)
    assert settings["log.message.timestamp.type"] == "LogAppendTime"
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["log.dirs"] == str(node.directory / "data")


def test_properties_escape_backslashes() -> None:
    assert render_properties({"a": "b\\c", "d": ""}).splitlines()[1:] == ["a=b\\\\c", "d="]


def test_fetch_and_format_only_when_needed(node: KafkaNode, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert [spec.name for spec in kafka_specs(node, cache)] == ["kafka-fetch", "kafka-format", "kafka"]
    cache.mkdir()
    (cache / "complete").write_text(kafka_artifacts._pom_digest())
    assert [spec.name for spec in kafka_specs(node, cache)] == ["kafka-format", "kafka"]
    (node.directory / "data").mkdir(parents=True)
    (node.directory / "data" / "meta.properties").write_text("")
    assert [spec.name for spec in kafka_specs(node, cache)] == ["kafka"]


def test_the_configuration_follows_the_ports_at_each_start(node: KafkaNode, tmp_path: Path) -> None:
    for port in (9192, 9292):
        moved = dataclasses.replace(node, port=port)
        prepare = kafka_specs(moved, tmp_path)[-1].prepare
        assert prepare is not None
        prepare()
        assert f"PLAINTEXT://127.0.0.1:{port}," in node.properties_file.read_text()


def maven(directory: Path, script: str) -> str:
    program = directory / "mvn"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_a_failed_fetch_quotes_maven_and_is_done_again(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    failing = maven(tmp_path, "echo '[ERROR] Could not transfer artifact'; exit 1")
    with pytest.raises(BrokerUnavailable, match=r"Could not transfer artifact.*--broker memory"):
        fetch_jars(cache, failing, lambda line: None)
    assert not jars_cached(cache)
    told: list[str] = []
    assert fetch_jars(cache, maven(tmp_path, "exit 0"), told.append) == cache / "lib"
    assert jars_cached(cache)
    assert len(told) == 1
    fetch_jars(cache, None, told.append)
    assert len(told) == 1


def test_no_maven_and_no_jars_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable, match=r"Maven \(mvn\) is not installed: install it"):
        fetch_jars(tmp_path / "cache", None, lambda line: None)


def test_a_killed_fetch_leaves_no_maven_behind(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    maven(tmp_path, f"echo $$ > {note}.part; mv {note}.part {note}; exec sleep 600")
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "services.platform.kafka_artifacts", str(tmp_path / "cache")]
    fetch = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    until(note.exists)
    pid = int(note.read_text())
    assert alive(pid)
    fetch.kill()
    fetch.wait()
    until(lambda: not alive(pid))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
