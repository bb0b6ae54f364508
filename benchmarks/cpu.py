"""What processes and their children have used so far: CPU time of all threads, and memory."""

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PARENT, _CHILDREN_UTIME, _CHILDREN_STIME = 1, 13, 14
"""Fields of /proc/<pid>/stat behind the command name (proc(5) counts them as 4, 16 and 17)."""
_CPUCLOCK_SCHED = 2


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_s`: user and system time. `peak_rss_mib`: since the start."""

    cpu_s: float
    peak_rss_mib: float


def usage_of(pids: Iterable[int]) -> Usage:
    """Of these processes, their children, and the children of theirs that have ended.

    Raises OSError if one of them does not exist.
    """
    cpu_s, kib = 0.0, 0
    for process in _families([Path("/proc") / str(pid) for pid in pids]):
        fields = _fields(process)
        ended = int(fields[_CHILDREN_UTIME]) + int(fields[_CHILDREN_STIME])
        cpu_s += time.clock_gettime(_cpu_clock(int(process.name))) + ended / _TICKS_PER_S
        kib += _peak_rss_kib((process / "status").read_text())
    return Usage(cpu_s, kib / 1024)


def _cpu_clock(pid: int) -> int:
    """The clock that counts a process's CPU time in nanoseconds (clock_getcpuclockid(3)): /proc/<pid>/stat
    tells it in ticks of 10 ms, too coarse for a short log."""
    return (~pid << 3) | _CPUCLOCK_SCHED


def _families(roots: list[Path]) -> list[Path]:
    children: dict[str, list[Path]] = defaultdict(list)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            children[_fields(process)[_PARENT]].append(process)
    found = list(roots)
    for process in found:
        found += children[process.name]
    return found


def _fields(process: Path) -> list[str]:
    return (process / "stat").read_text().rpartition(")")[2].split()


def _peak_rss_kib(status: str) -> int:
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0
