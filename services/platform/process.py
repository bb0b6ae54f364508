"""One child process: what to run, and how to start, watch and end it.

Each child leads a process group of its own (a terminal's Ctrl-C reaches only the supervisor, which then stops
everything in order), runs on a leash (`leash`), and writes to `<logs>/<name>.log`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from services.platform import leash

LOG_BYTES_MAX = 20_000_000
TAIL_BYTES = 8_000
TAIL_LINES = 12

Probe = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to run. `environment` is added to our own; `prepare` runs before each start.

    Either a server, which is up when `ready` says so, or a one-shot (`once`), done when it ends with code 0.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None
    ready: Probe | None = None
    once: bool = False
    restart: bool = True
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 15.0


class ChildProcess:
    """A started `ProcessSpec`. The thread that starts it must live as long as the child may: the leash is
    tied to that thread."""

    def __init__(self, spec: ProcessSpec, logs: Path) -> None:
        self.spec = spec
        self.log = logs / f"{spec.name}.log"
        logs.mkdir(parents=True, exist_ok=True)
        if spec.prepare is not None:
            spec.prepare()
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self._popen = subprocess.Popen(
                [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *spec.command],
                env={**os.environ, **spec.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it. What it started itself ends with it."""
        if self._popen.returncode is None and self._has_ended():
            self.signal_group(signal.SIGKILL)
        return self._popen.poll()

    def signal_group(self, number: signal.Signals) -> None:
        """To the child and all that it started; nothing once it is reaped: its number may be another's."""
        if self._popen.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, number)

    def _has_ended(self) -> bool:
        """Looks without reaping: the group keeps its number until then."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._popen.pid, options) is not None

    def log_tail(self) -> str:
        """The last lines of its log, for an error message."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
        return "\n".join(text.strip().splitlines()[-TAIL_LINES:])
