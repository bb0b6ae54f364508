"""What a process has used so far, from /proc: all its threads, and the threads that have ended."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12
"""Fields of /proc/<pid>/stat behind the command name (proc(5) counts them as 14 and 15)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_s`: user and system time, in steps of a tick (mostly 10 ms). `peak_rss_mib`: since the start."""

    cpu_s: float
    peak_rss_mib: float


def usage_of(pid: int) -> Usage:
    """Raises ProcessLookupError or FileNotFoundError if there is no such process."""
    process = Path("/proc") / str(pid)
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[_UTIME]) + int(fields[_STIME])
    return Usage(ticks / _TICKS_PER_S, _peak_rss_kib((process / "status").read_text()) / 1024)


def _peak_rss_kib(status: str) -> int:
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0  # it has ended and waits to be reaped
