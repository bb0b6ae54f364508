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
_UTIME, _STIME = 11, 12
"""Of a thread, in /proc/<pid>/task/<tid>/stat; 14 and 15 there."""
_CPUCLOCK_SCHED = 2
_COMPILERS = ("C1 Comp", "C2 Comp")
"""What the names of a JVM's compiler threads begin with."""


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_s`: user and system time, of it `jit_s` for a JVM's compilers. `peak_rss_mib`: since the start."""

    cpu_s: float
    peak_rss_mib: float
    jit_s: float = 0.0


def usage_of(pids: Iterable[int]) -> Usage:
    """Of these processes, their children, and the children of theirs that have ended.

    Raises OSError if one of them does not exist.
    """
    cpu_s, kib, jit_s = 0.0, 0, 0.0
    for process in _families([Path("/proc") / str(pid) for pid in pids]):
        fields = _fields(process)
        ended = int(fields[_CHILDREN_UTIME]) + int(fields[_CHILDREN_STIME])
        cpu_s += time.clock_gettime(_cpu_clock(int(process.name))) + ended / _TICKS_PER_S
        kib += _peak_rss_kib((process / "status").read_text())
        jit_s += _jit_s(process)
    return Usage(cpu_s, kib / 1024, jit_s)


def _cpu_clock(pid: int) -> int:
    """The clock that counts a process's CPU time in nanoseconds (clock_getcpuclockid(3)): /proc/<pid>/stat
    tells it in ticks of 10 ms, too coarse for a short log."""
    return (~pid << 3) | _CPUCLOCK_SCHED


def _jit_s(process: Path) -> float:
    """Of the compiler threads that live; who starts a JVM sees to it that they all do."""
    ticks = 0
    for thread in (process / "task").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            name, _, rest = (thread / "stat").read_text().partition("(")[2].rpartition(")")
            if name.startswith(_COMPILERS):
                fields = rest.split()
                ticks += int(fields[_UTIME]) + int(fields[_STIME])
    return ticks / _TICKS_PER_S


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
