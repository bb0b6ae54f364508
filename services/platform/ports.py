"""The ports of the platform, and a clear word when one is taken."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

from services.platform.errors import PortTaken

LOOPBACK = "127.0.0.1"
PROC = Path("/proc")
_LISTENING = "0A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The same numbers on this machine and in docker-compose.yml. Each field is a flag of `tetik up`:
    `kafka_controller` is `--kafka-controller-port`."""

    kafka: int = 9092
    kafka_controller: int = 9093
    redis: int = 6379
    smtp: int = 2525
    mail: int = 8025
    ingest: int = 8080
    engine: int = 8081
    sender: int = 8082


def flag(name: str) -> str:
    """The option of `tetik up` that changes a port."""
    return f"--{name.replace('_', '-')}-port"


def require_distinct(ports: Ports) -> None:
    """Raises PortTaken when two components are given the same number."""
    owners: dict[int, str] = {}
    for each in fields(ports):
        number = getattr(ports, each.name)
        if number in owners:
            both = f"{owners[number]} and {each.name}"
            raise PortTaken(f"Port {number} is given to both {both}: change one with {flag(each.name)}.")
        owners[number] = each.name


def require_free(ports: Ports, names: Iterable[str]) -> None:
    """Raises PortTaken for the first of the named ports that is in use, with its user if it can be known."""
    for name in names:
        number = getattr(ports, name)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, number))
            except OSError as error:
                raise PortTaken(_taken(name, number, error)) from None


def _taken(name: str, number: int, error: OSError) -> str:
    holder = listener(number)
    by = f" by {holder}" if holder else f" ({error.strerror})"
    return f"Port {number} ({name}) is taken{by}: stop that, or choose another port with {flag(name)} N."


def listener(port: int) -> str | None:
    """`redis-server (pid 123)`, from Linux' /proc; None elsewhere or for another user's process."""
    inodes = set(_listening_inodes(port))
    if not inodes:
        return None
    for process in PROC.glob("[0-9]*"):
        with suppress(OSError):  # it ended, or is not ours to look at
            if any(_is_one_of(descriptor, inodes) for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return None


def _is_one_of(descriptor: Path, inodes: set[str]) -> bool:
    """False for one that was closed meanwhile: the process goes on opening and closing others."""
    with suppress(OSError):
        return str(descriptor.readlink()) in inodes
    return False


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (PROC / "net" / "tcp", PROC / "net" / "tcp6"):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            columns = line.split()
            local_port, state, inode = int(columns[1].rpartition(":")[2], 16), columns[3], columns[9]
            if local_port == port and state == _LISTENING:
                yield f"socket:[{inode}]"
