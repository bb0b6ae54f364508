"""The supervisor with small real processes: order, readiness, restart, stop, kill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.platform.errors import StartFailed
from services.platform.process import ProcessSpec
from services.platform.supervisor import Change, State, Supervisor
from tests.fixtures.platform import alive

DEADLINE_S = 20
FOREVER = "import time\nwhile True: time.sleep(1)"
STUBBORN = (
    f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\n{FOREVER}"
)


class Seen:
    """A supervisor and what it announced."""

    def __init__(self, logs: Path) -> None:
        self.changes: list[Change] = []
        self.supervisor = Supervisor(logs, self.changes.append)

    def states(self, name: str) -> list[State]:
        return [change.state for change in self.changes if change.name == name]


@pytest.fixture
async def seen(tmp_path: Path) -> AsyncIterator[Seen]:
    made = Seen(tmp_path / "logs")
    yield made
    made.supervisor.kill_all()
    await made.supervisor.stop_all()


def python(name: str, program: str, **settings: object) -> ProcessSpec:
    return ProcessSpec(name=name, command=(sys.executable, "-c", program), **settings)  # type: ignore[arg-type]  # passed through


async def until(condition: Callable[[], bool]) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + DEADLINE_S
    while not condition():
        assert clock() < deadline
        await asyncio.sleep(0.02)


async def test_started_in_order_and_stopped_in_reverse(seen: Seen) -> None:
    for name in ("first", "second"):
        await seen.supervisor.start(python(name, FOREVER))
    assert [(each.name, each.state) for each in seen.supervisor.status()] == [
        ("first", "up"),
        ("second", "up"),
    ]
    await seen.supervisor.stop_all()
    assert [change.name for change in seen.changes if change.state is State.STOPPED] == ["second", "first"]


async def test_start_returns_when_the_probe_says_so(seen: Seen, tmp_path: Path) -> None:
    flag = tmp_path / "ready"

    async def ready() -> bool:
        return flag.exists()

    started = asyncio.create_task(seen.supervisor.start(python("slow", FOREVER, ready=ready)))
    await until(lambda: seen.states("slow") == [State.STARTING])
    assert not started.done()
    flag.touch()
    await started
    assert seen.states("slow") == [State.STARTING, State.UP]


async def test_environment_and_output(seen: Seen, tmp_path: Path) -> None:
    program = "import os, sys; print(os.environ['TOLD']); sys.stderr.write('and this')"
    await seen.supervisor.start(python("shot", program, once=True, environment={"TOLD": "hello"}))
    assert seen.states("shot") == [State.STARTING, State.DONE]
    assert (tmp_path / "logs" / "shot.log").read_text().splitlines() == ["hello", "and this"]


async def test_a_one_shot_that_fails_stops_the_start_with_its_log(seen: Seen) -> None:
    with pytest.raises(
        StartFailed, match=r"(?s)shot ended with code 3 before it was ready.*ends:\nthe reason"
    ):
        await seen.supervisor.start(python("shot", "print('the reason'); raise SystemExit(3)", once=True))
    assert seen.states("shot") == [State.STARTING, State.FAILED]


async def test_one_that_never_answers_is_ended(seen: Seen) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(StartFailed, match=r"mute was not ready within 0\.3 s"):
        await seen.supervisor.start(python("mute", FOREVER, ready=never, start_timeout_s=0.3))
    (status,) = seen.supervisor.status()
    assert status.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(status.pid, 0)


async def test_a_program_that_is_missing_is_named(seen: Seen) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(StartFailed, match="cannot run no-such-program: No such file"):
        await seen.supervisor.start(ProcessSpec(name="gone", command=("no-such-program",), ready=never))


async def test_a_crash_is_announced_and_mended_with_its_helpers_ended(seen: Seen, tmp_path: Path) -> None:
    """The helper that a crashed process leaves behind must not hold its port against the next one."""
    note = tmp_path / "helper"
    program = (
        f"import subprocess, sys, pathlib\nhelper = subprocess.Popen([sys.executable, '-c', {FOREVER!r}])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(helper.pid))\n{FOREVER}"
    )
    await seen.supervisor.start(python("service", program))
    await until(lambda: note.exists() and note.read_text() != "")
    helper, (before,) = int(note.read_text()), seen.supervisor.status()
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    await until(lambda: seen.states("service")[-2:] == [State.STARTING, State.UP] and len(seen.changes) > 2)
    assert seen.states("service") == [State.STARTING, State.UP, State.CRASHED, State.STARTING, State.UP]
    assert "was ended by SIGKILL; starts again in 1 s" in seen.changes[2].detail
    assert seen.supervisor.status()[0].pid != before.pid
    await until(lambda: not alive(helper))


async def test_what_must_not_be_restarted_is_not(seen: Seen) -> None:
    await seen.supervisor.start(python("memory", FOREVER, restart=False))
    (status,) = seen.supervisor.status()
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    await until(lambda: seen.states("memory")[-1] is State.FAILED)
    await seen.supervisor.stop_all()
    assert seen.states("memory") == [State.STARTING, State.UP, State.FAILED]


async def test_one_that_ignores_sigterm_is_killed_and_said_so(seen: Seen, tmp_path: Path) -> None:
    await seen.supervisor.start(python("deaf", STUBBORN, stop_timeout_s=0.3))
    await until(lambda: "deaf" in (tmp_path / "logs" / "deaf.log").read_text())
    await seen.supervisor.stop("deaf")
    assert seen.changes[-1].detail == "did not stop within 0.3 s and was killed"


async def test_prepare_runs_before_each_start(seen: Seen, tmp_path: Path) -> None:
    calls: list[int] = []
    await seen.supervisor.start(python("service", FOREVER, prepare=lambda: calls.append(1)))
    (status,) = seen.supervisor.status()
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    await until(lambda: seen.states("service").count(State.UP) == 2)
    assert len(calls) == 2


async def test_a_crash_loop_slows_down(seen: Seen, tmp_path: Path) -> None:
    """Up once, then broken: each try comes later than the one before, and is said."""
    broken = tmp_path / "broken"
    program = f"import pathlib\nif pathlib.Path({str(broken)!r}).exists(): raise SystemExit(4)\n{FOREVER}"

    async def never_when_broken() -> bool:
        return not broken.exists()

    await seen.supervisor.start(python("service", program, ready=never_when_broken))
    (status,) = seen.supervisor.status()
    assert status.pid is not None
    broken.touch()
    os.kill(status.pid, signal.SIGKILL)
    await until(lambda: seen.states("service").count(State.CRASHED) == 3)
    details = [change.detail.partition(";")[2].partition(";")[0] for change in seen.changes if change.detail]
    assert details == [" starts again in 1 s", " starts again in 2 s", " starts again in 4 s"]
    assert "ended with code 4" in seen.changes[-1].detail


async def test_the_same_name_twice_is_a_mistake(seen: Seen) -> None:
    await seen.supervisor.start(python("service", FOREVER))
    with pytest.raises(ValueError, match="service runs already"):
        await seen.supervisor.start(python("service", FOREVER))
    await seen.supervisor.stop("service")
    await seen.supervisor.start(python("service", FOREVER))
    assert seen.supervisor.status()[0].state is State.UP


async def test_a_log_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartFailed, match=r"service cannot be started: .*Not a directory"):
        await Supervisor(tmp_path / "file" / "logs").start(python("service", FOREVER))
