"""The frame of a process: signals, last words, and work beside other work."""

import asyncio
import contextlib
import logging
import signal
import socket
import subprocess
import sys

import pytest
from fastapi import FastAPI

from services.clock import SystemClock
from services.process import (
    QUIET_S,
    Sparing,
    StoppedEarly,
    beside,
    clock_of,
    last_word,
    reporting,
    serving,
    unless_stopped,
)
from services.settings import ProcessSettings
from tests.fixtures.platform import free_ports

SETTINGS = ProcessSettings(kafka="kafka.example:9092")

PROCESS = """
import asyncio, sys
from services.process import run_process, start_logging

async def wait(stop):
    print("ready", flush=True)
    await stop.wait()
    print("finished", flush=True)

async def fail(stop):
    raise RuntimeError("the relay\\nis gone")

async def fail_in_a_group(stop):
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fail(stop))

start_logging("INFO")
run_process(globals()[sys.argv[1]])
"""


def start(what: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, what], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_process_finish(number: signal.Signals) -> None:
    with start("wait") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "finished\n", "")


@pytest.mark.parametrize("what", ["fail", "fail_in_a_group"])
def test_an_error_is_one_line_and_an_exit_code(what: str) -> None:
    with start(what) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert line.endswith("ERROR   tetik: stopped: the relay is gone")


def test_last_words() -> None:
    group = ExceptionGroup("tasks", [OSError("no disk"), ExceptionGroup("more", [TimeoutError()])])
    assert last_word(group) == "no disk; TimeoutError"


async def test_work_beside_ends_with_the_body() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("stopped")

    async with beside(work()):
        await asyncio.sleep(0)
    assert seen == ["stopped"]


async def test_failing_work_ends_the_body() -> None:
    async def work() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        async with beside(work()):
            await asyncio.Event().wait()


async def test_the_body_s_error_is_raised_as_it_is() -> None:
    with pytest.raises(ValueError, match="mine"):
        async with beside(_for_ever()):
            raise ValueError("mine")


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def test_waiting_ends_with_the_work_or_with_its_error() -> None:
    async def fail() -> None:
        raise OSError("gone")

    stop = asyncio.Event()
    await unless_stopped(asyncio.sleep(0), stop)
    with pytest.raises(OSError, match="gone"):
        await unless_stopped(fail(), stop)


async def test_a_stop_ends_the_waiting() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(unless_stopped(_for_ever(), stop))
    await asyncio.sleep(0)
    stop.set()
    with pytest.raises(StoppedEarly):
        await waiting


async def test_a_stop_ends_work_that_swallows_a_cancellation() -> None:
    """As aiokafka's `stop` does while Kafka is away."""
    swallowed = 0

    async def deaf_once() -> None:
        nonlocal swallowed
        try:
            await _for_ever()
        except asyncio.CancelledError:
            swallowed += 1
        await _for_ever()

    stop = asyncio.Event()
    waiting = asyncio.create_task(unless_stopped(deaf_once(), stop))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(30):
        with pytest.raises(StoppedEarly):
            await waiting
    assert swallowed == 1


async def test_on_the_machine_s_clock_nothing_is_reported() -> None:
    """No Kafka is needed for it, so none is asked."""
    async with clock_of(SETTINGS, asyncio.Event()) as clock:
        assert isinstance(clock, SystemClock)
        async with reporting(SETTINGS, clock, "engine", lambda: pytest.fail("asked")):
            await asyncio.sleep(0)


async def test_serving_ends_though_a_client_waits_for_its_answer() -> None:
    """As a prober's connection does that was cut while the process stood still."""
    app, (port,) = FastAPI(), free_ports(1)
    asked = asyncio.Event()

    @app.get("/never")
    async def never() -> None:
        asked.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(20):
        async with serving(app, "127.0.0.1", port, grace_s=1):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /never HTTP/1.1\r\nHost: here\r\n\r\n")
            await asked.wait()
        writer.close()


async def test_serving_answers_and_stops() -> None:
    (port,) = free_ports(1)
    async with serving(FastAPI(), "127.0.0.1", port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_taken_port_is_named() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serving(FastAPI(), "127.0.0.1", port):
                pytest.fail("it listens")


def test_a_librarys_repetitions_are_thinned_and_our_own_lines_are_not() -> None:
    sparing = Sparing()

    def passes(name: str, message: str, at: float, *values: object) -> bool:
        record = logging.LogRecord(name, logging.ERROR, "", 0, message, values, None)
        record.created = at
        return sparing.filter(record)

    assert passes("aiokafka", "cannot reach node %s", 1_000.0, 1)
    assert not passes("aiokafka", "cannot reach node %s", 1_000.1, 2)
    assert passes("aiokafka", "another thing", 1_000.1)
    assert passes("aiokafka.consumer", "cannot reach node %s", 1_000.1, 1)
    assert passes("aiokafka", "cannot reach node %s", 1_000.0 + QUIET_S, 1)
    assert passes("tetik.sender", "mail kept", 1_000.0)
    assert passes("tetik.sender", "mail kept", 1_000.0)
