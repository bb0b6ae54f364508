"""The data directory: one platform at a time, kept between runs, with a secret of its own.

The lock is the kernel's and goes with the process, even by kill -9; the file that carries it stays.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.platform.errors import DataDirectoryBusy

SECRET_BYTES = 32


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Makes the directory and holds it. Raises DataDirectoryBusy when another platform does."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DataDirectoryBusy(_busy(directory, file.read().strip())) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _busy(directory: Path, pid: str) -> str:
    by = f" (pid {pid})" if pid else ""
    return f"Another `tetik up`{by} runs on {directory}: stop it, or choose another directory with --data."


def local_secret(directory: Path) -> str:
    """The key that signs unsubscribe links here; made once, so that links in old mails keep working."""
    path = directory / "secret"
    directory.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES))
    return path.read_text().strip()
