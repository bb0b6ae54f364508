"""`runner.run` as a process, with the real peers: clean stop, kill -9, crash, data kept, busy port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.fixtures.platform import alive, free_ports

DEADLINE_S = 60
NAMES = ("kafka", "kafka_controller", "redis", "smtp", "mail", "ingest", "engine", "sender")
# The platform without our services: the peers alone, on the ports given.
DRIVER = """
import asyncio, dataclasses, os, sys
from pathlib import Path
from services.platform.errors import PlatformError
from services.platform.plan import Wish, plan
from services.platform.ports import Ports
from services.platform.runner import run

async def up(supervisor):
    print("READY", flush=True)
    await asyncio.Event().wait()

data, broker, *numbers = sys.argv[1:]
names = [field.name for field in dataclasses.fields(Ports)]
environment = {k: v for k, v in os.environ.items() if k not in ("TETIK_KAFKA", "TETIK_REDIS")}
ports = Ports(**dict(zip(names, map(int, numbers))))
wish = Wish(data=Path(data), secret="s", environment=environment, ports=ports, broker=broker)
try:
    whole = plan(wish)
    peers = [s for s in whole.specs if s.name not in ("topics", "rules", "ingest", "engine", "sender")]
    show = lambda change: print(change.name, change.state.value, change.pid, change.detail, flush=True)
    asyncio.run(run(dataclasses.replace(whole, specs=tuple(peers)), show, up))
except PlatformError as error:
    sys.exit(f"error: {error}")
"""


class Platform:
    """The driver under test, its output line by line."""

    def __init__(self, data: Path, ports: list[int], broker: str, output: Path) -> None:
        self.output = output
        arguments = [sys.executable, "-c", DRIVER, str(data), broker, *map(str, ports)]
        with self.output.open("w") as file:
            self.process = subprocess.Popen(arguments, stdout=file, stderr=subprocess.STDOUT)

    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()

    def until_ready(self) -> None:
        until(lambda: "READY" in self.lines() or self.process.poll() is not None, self.lines)
        assert self.process.poll() is None, self.lines()

    def pids(self) -> dict[str, int]:
        """The latest pid of each process that is up."""
        words = [line.split() for line in self.lines()]
        return {each[0]: int(each[2]) for each in words if len(each) > 2 and each[1] == "up"}


def until(condition: Callable[[], bool], explain: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)


@pytest.fixture
def ports() -> list[int]:
    return free_ports(len(NAMES))


@pytest.fixture
def start(tmp_path: Path, ports: list[int]) -> Iterator[Callable[..., Platform]]:
    started: list[Platform] = []

    def begin(broker: str = "kafka") -> Platform:
        output = tmp_path / f"{len(started)}.out"
        started.append(Platform(tmp_path / "data", ports, broker, output))
        return started[-1]

    yield begin
    for each in started:
        each.process.kill()
        each.process.wait()


def produce(bootstrap: str, topic: str, value: bytes) -> None:
    errors: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(topic, value, on_delivery=lambda error, message: errors.append(error))
    assert producer.flush(DEADLINE_S) == 0
    assert errors == [None]


def first_value(bootstrap: str, topic: str) -> bytes:
    settings = {"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    try:
        message = consumer.poll(DEADLINE_S)
        assert message is not None
        assert message.error() is None
        return bytes(message.value())
    finally:
        consumer.close()


def test_stop_and_start_keeps_the_log_and_leaves_no_process(
    start: Callable[..., Platform], ports: list[int], tmp_path: Path
) -> None:
    bootstrap = f"127.0.0.1:{ports[0]}"
    first = start()
    first.until_ready()
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(DEADLINE_S)
    produce(bootstrap, "kept", b"from before")
    pids = first.pids()
    assert set(pids) == {"kafka", "redis", "catcher"}
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(DEADLINE_S) == 0
    stopped = [line.split()[0] for line in first.lines() if line.split()[1:2] == ["stopped"]]
    assert stopped == ["catcher", "redis", "kafka"]
    assert not [name for name, pid in pids.items() if alive(pid)]
    # Another controller port must not matter to formatted storage.
    (ports[1],) = free_ports(1)
    second = start()
    second.until_ready()
    assert first_value(bootstrap, "kept") == b"from before"


def test_kill_9_of_the_supervisor_leaves_no_process(start: Callable[..., Platform]) -> None:
    platform = start()
    platform.until_ready()
    pids = platform.pids()
    assert len(pids) == 3
    platform.process.kill()
    platform.process.wait()
    until(lambda: not any(alive(pid) for pid in pids.values()), lambda: pids)


def test_a_second_signal_kills_at_once(start: Callable[..., Platform]) -> None:
    platform = start("memory")
    platform.until_ready()
    pids = platform.pids()
    os.kill(pids["memory-broker"], signal.SIGSTOP)  # it cannot stop politely now
    platform.process.send_signal(signal.SIGINT)
    until(lambda: any(line.startswith("redis stopped") for line in platform.lines()), platform.lines)
    platform.process.send_signal(signal.SIGINT)
    assert platform.process.wait(10) == 0
    assert not [name for name, pid in pids.items() if alive(pid)]


def test_a_crashed_peer_is_started_again_and_said_so(start: Callable[..., Platform]) -> None:
    platform = start("memory")
    platform.until_ready()
    before = platform.pids()["redis"]
    os.kill(before, signal.SIGKILL)
    until(lambda: platform.pids()["redis"] != before, platform.lines)
    crashed = [line for line in platform.lines() if line.startswith("redis crashed")]
    assert "was ended by SIGKILL; starts again in 1 s" in crashed[0]


def test_a_busy_port_is_named_with_its_user_and_the_fix(
    start: Callable[..., Platform], ports: list[int]
) -> None:
    with socket.create_server(("127.0.0.1", ports[3])):
        platform = start("memory")
        assert platform.process.wait(DEADLINE_S) == 1
    (line,) = platform.lines()
    assert line.startswith(f"error: Port {ports[3]} (smtp) is taken by ")
    assert f"(pid {os.getpid()})" in line
    assert line.endswith("choose another port with --smtp-port N.")


def test_one_platform_a_data_directory(start: Callable[..., Platform]) -> None:
    first = start("memory")
    first.until_ready()
    second = start("memory")
    assert second.process.wait(DEADLINE_S) == 1
    (line,) = second.lines()
    assert line.startswith(f"error: Another `tetik up` (pid {first.process.pid}) runs on ")
    assert first.process.poll() is None


def test_an_external_kafka_that_is_down_is_a_clear_error(
    start: Callable[..., Platform], ports: list[int]
) -> None:
    platform = start(f"127.0.0.1:{ports[0]}")
    assert platform.process.wait(DEADLINE_S) == 1
    assert platform.lines()[-1].startswith(
        f"error: No Kafka answers at 127.0.0.1:{ports[0]} (as chosen): start it"
    )


def test_the_memory_broker_takes_and_gives_records(start: Callable[..., Platform], ports: list[int]) -> None:
    platform = start("memory")
    platform.until_ready()
    bootstrap = f"127.0.0.1:{ports[0]}"
    produce(bootstrap, "here", b"now")
    assert first_value(bootstrap, "here") == b"now"
