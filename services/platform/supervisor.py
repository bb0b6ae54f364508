"""Starts processes one after the other, keeps them running, stops them in reverse order.

States of a process: starting → up → stopped; up → crashed → starting (after a back-off) when it is to be
restarted; starting → failed when it ends or stays silent past its deadline. Children that a killed supervisor
leaves behind are ended by the kernel (`leash`).
"""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from services.platform.errors import StartFailed
from services.platform.process import ChildProcess, ProcessSpec

POLL_S = 0.1
BACK_OFF_FIRST_S = 1.0
BACK_OFF_MAX_S = 30.0
# A process that stayed up this long has earned a quick restart again.
SETTLED_S = 60.0
KILL_TIMEOUT_S = 10.0


class State(StrEnum):
    STARTING = "starting"
    UP = "up"
    DONE = "done"
    CRASHED = "crashed"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Change:
    """A process changed its state; `detail` is a sentence for the screen, or empty."""

    name: str
    state: State
    detail: str = ""
    pid: int | None = None


Announce = Callable[[Change], None]


@dataclass(slots=True)
class _Entry:
    spec: ProcessSpec
    child: ChildProcess
    state: State = State.STARTING
    up_at: float = 0.0
    back_off_s: float = BACK_OFF_FIRST_S
    watcher: asyncio.Task[None] | None = None


class Supervisor:
    """Use as an async context manager: leaving it stops everything."""

    def __init__(self, logs: Path, announce: Announce | None = None) -> None:
        self._logs = logs
        self._announce: Announce = announce or (lambda change: None)
        self._entries: dict[str, _Entry] = {}

    async def __aenter__(self) -> "Supervisor":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_all()

    def status(self) -> list[Change]:
        """The present state of each process, in the order of their start."""
        return [Change(e.spec.name, e.state, "", e.child.pid) for e in self._entries.values()]

    async def start(self, spec: ProcessSpec) -> None:
        """Returns when it is ready (a one-shot: when it is done). Raises StartFailed, the log's end in it."""
        known = self._entries.get(spec.name)
        if known is not None and known.state in (State.STARTING, State.UP, State.CRASHED):
            raise ValueError(f"{spec.name} runs already")
        try:
            entry = _Entry(spec, ChildProcess(spec, self._logs))
        except OSError as error:
            raise StartFailed(f"{spec.name} cannot be started: {error}") from error
        self._entries[spec.name] = entry
        self._change(entry, State.STARTING)
        try:
            await self._until_ready(entry)
        except StartFailed:
            await self._end(entry)
            self._change(entry, State.FAILED, f"see {entry.child.log}")
            raise
        if spec.once:
            self._change(entry, State.DONE)
        else:
            self._mark_up(entry)
            entry.watcher = asyncio.create_task(self._watch(entry))

    async def stop(self, name: str) -> None:
        """SIGTERM, and SIGKILL when it is still there after its `stop_timeout_s`."""
        entry = self._entries[name]
        if entry.state in (State.DONE, State.STOPPED, State.FAILED):
            return
        if entry.watcher is not None:
            entry.watcher.cancel()
            await asyncio.gather(entry.watcher, return_exceptions=True)
        detail = await self._end(entry)
        self._change(entry, State.STOPPED, detail)

    async def stop_all(self) -> None:
        """Everything, in reverse order of its start."""
        for name in reversed(list(self._entries)):
            await self.stop(name)

    def kill_all(self) -> None:
        """At once and without manners: for a second Ctrl-C. `stop_all` then returns quickly."""
        for entry in self._entries.values():
            entry.child.signal_group(signal.SIGKILL)

    async def _until_ready(self, entry: _Entry) -> None:
        spec, clock = entry.spec, asyncio.get_running_loop().time
        deadline = clock() + spec.start_timeout_s
        while clock() < deadline:
            code = entry.child.exit_code()
            if code == 0 and spec.once:
                return
            if code is not None:
                raise StartFailed(f"{spec.name} {ended(code)} before it was ready.{_quoted_log(entry.child)}")
            if not spec.once and (spec.ready is None or await spec.ready()):
                return
            await asyncio.sleep(POLL_S)
        raise StartFailed(
            f"{spec.name} was not ready within {spec.start_timeout_s:g} s.{_quoted_log(entry.child)}"
        )

    async def _watch(self, entry: _Entry) -> None:
        """Waits for the end that nobody asked for, and starts it again, more slowly each time."""
        while True:
            code = entry.child.exit_code()
            if code is None:
                await asyncio.sleep(POLL_S)
                continue
            if not entry.spec.restart:
                self._change(entry, State.FAILED, f"{ended(code)}; see {entry.child.log}")
                return
            await self._revive(entry, code)

    async def _revive(self, entry: _Entry, code: int) -> None:
        if asyncio.get_running_loop().time() - entry.up_at > SETTLED_S:
            entry.back_off_s = BACK_OFF_FIRST_S
        again = f"starts again in {entry.back_off_s:g} s; see {entry.child.log}"
        self._change(entry, State.CRASHED, f"{ended(code)}; {again}")
        await asyncio.sleep(entry.back_off_s)
        entry.back_off_s = min(BACK_OFF_MAX_S, entry.back_off_s * 2)
        try:
            entry.child = ChildProcess(entry.spec, self._logs)
            self._change(entry, State.STARTING)
            await self._until_ready(entry)
        except OSError as error:  # a full disk, say; the watch comes back here
            self._change(entry, State.CRASHED, f"cannot be started: {error}")
        except StartFailed:
            await self._end(entry)  # the watch says what became of it, and tries again
        else:
            self._mark_up(entry)

    async def _end(self, entry: _Entry) -> str:
        """Returns a remark when it had to be killed."""
        child, spec = entry.child, entry.spec
        if child.exit_code() is None:
            child.signal_group(signal.SIGTERM)
            if not await _exits_within(child, spec.stop_timeout_s):
                child.signal_group(signal.SIGKILL)
                if not await _exits_within(child, KILL_TIMEOUT_S):
                    return f"did not end even on SIGKILL (pid {child.pid})"
                return f"did not stop within {spec.stop_timeout_s:g} s and was killed"
        return ""

    def _mark_up(self, entry: _Entry) -> None:
        entry.up_at = asyncio.get_running_loop().time()
        self._change(entry, State.UP)

    def _change(self, entry: _Entry, state: State, detail: str = "") -> None:
        entry.state = state
        self._announce(Change(entry.spec.name, state, detail, entry.child.pid))


def ended(code: int) -> str:
    """An exit code in words."""
    return f"ended with code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"


async def _exits_within(child: ChildProcess, seconds: float) -> bool:
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while child.exit_code() is None:
        if clock() >= deadline:
            return False
        await asyncio.sleep(POLL_S / 2)
    return True


def _quoted_log(child: ChildProcess) -> str:
    tail = child.log_tail()
    return f" Its log {child.log} ends:\n{tail}" if tail else f" Its log {child.log} is empty."
