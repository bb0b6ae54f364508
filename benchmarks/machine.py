"""What a report says of the code that was measured, of the machine, and of the versions at work."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from services.platform.kafka_artifacts import KAFKA_VERSION

ROOT = Path(__file__).resolve().parent.parent
MEASURED_CODE = ("trigger_engine", "schemas", "services", "benchmarks")
PACKAGES = ("faust-streaming", "aiokafka", "msgspec", "confluent-kafka")


def described() -> dict[str, Any]:
    """Commit, time, machine, how busy it is at the moment, and our versions."""
    return {
        "commit": _git("rev-parse", "HEAD"),
        "changed_since_commit": bool(_git("status", "--porcelain", "--", *MEASURED_CODE)),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": _first_value("/proc/cpuinfo", "model name"),
            "cores": os.cpu_count(),
            "memory_gib": round(int(_first_value("/proc/meminfo", "MemTotal").split()[0]) / 2**20),
            "system": f"{platform.system()} {platform.release()}",
            "load": round(os.getloadavg()[0], 1),
        },
        "versions": {
            "python": platform.python_version(),
            "kafka": KAFKA_VERSION,
            **{package: version(package) for package in PACKAGES},
        },
    }


def _first_value(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
