"""Runs a command that must not outlive its parent: `leash.py PARENT_PID COMMAND...`.

On Linux the kernel sends SIGKILL to this process when the thread that started it ends, even by kill -9;
the setting survives the `exec` below, so the command itself is on the leash. SIGKILL and not SIGTERM: a
service that waits for a broker which died with its parent could hang in its clean shutdown for ever.
Elsewhere the command simply runs. Executed as a file, without this package, so that it costs milliseconds
and works in any directory.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NOT_FOUND = 127


def main(parent: int, command: list[str]) -> int:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.stderr.write(f"prctl failed: errno {ctypes.get_errno()}\n")
            return 1
        if os.getppid() != parent:  # it died before the leash was on
            return 1
    try:
        os.execvp(command[0], command)  # noqa: S606 - our own, fixed programs
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
    return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
