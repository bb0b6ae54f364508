"""The contenders: how each is started, what it is told, and how its settings read in the report.

The contract between runner and contender is in docs/benchmark-jobs.md. Tetik alone has topics of fixed
names, as in production.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from schemas.topics import EVENTS, OUTBOUND, TRIGGERS
from trigger_engine.app import FLUSH_INPUTS_MAX

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
QUIX_ENVIRONMENT = ROOT / ".venv-quix"
"""`make bench` makes it."""

Job = Literal["thin", "ten"]


@dataclass(frozen=True, slots=True)
class Contender:
    """One program under one setting. `variant` and `options` go to it as `BENCH_VARIANT` and `BENCH_SET`."""

    name: str
    label: str
    job: Job
    command: tuple[str, ...]
    does: str
    variant: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    processes: int = 1
    ahead_events: int = 0
    ahead_s: float = 0.0
    """What it has worked off and not committed yet: at most so many events of each partition, or of so long.
    By so much a figure may be off (`Measured.off_by`)."""
    is_tetik: bool = False
    is_variant: bool = False
    """One more setting of who plays anyway: in the last round only, and with `--variants`."""

    def outputs(self, app: str) -> str:
        """The topic that its outputs are read from."""
        if self.job == "thin":
            return f"{app}.out"
        return TRIGGERS if self.is_tetik else f"{app}.decisions"

    def requests(self, app: str) -> str:
        """The topic of its mail requests, if its job has any."""
        return OUTBOUND if self.is_tetik else f"{app}.outbound"

    def environment(self, kafka: str, app: str, partitions: int, directory: Path) -> dict[str, str]:
        """What the process is told."""
        told = {
            "BENCH_KAFKA": kafka,
            "BENCH_JOB": self.job,
            "BENCH_APP": app,
            "BENCH_EVENTS": EVENTS,
            "BENCH_PARTITIONS": str(partitions),
            "BENCH_VARIANT": self.variant,
            "BENCH_SET": ",".join(f"{name}={value}" for name, value in self.options.items()),
            "BENCH_DIR": str(directory),
        }
        if self.is_tetik:  # port 0: any free one; nobody asks this engine for its metrics
            told |= {
                "TETIK_KAFKA": kafka,
                "TETIK_PARTITIONS": str(partitions),
                "TETIK_ENGINE_HTTP_PORT": "0",
            }
        return {**os.environ, **told}


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


_JVM, _NATIVE = HERE / "jvm", HERE / "native"
_COMMIT_S = 1.0
_FLUSH = "a transaction a flush: 8,000 inputs or what is queued; acks=all; state in memory, changelog"

TETIK_THIN = Contender(
    "tetik-thin",
    "Tetik",
    "thin",
    _python("benchmarks.tetik_thin"),
    f"the shell of `tetik engine` as in production around the thin job; exactly once; {_FLUSH}",
    ahead_events=FLUSH_INPUTS_MAX,
    is_tetik=True,
)
TETIK_TEN = Contender(
    "tetik-ten",
    "Tetik",
    "ten",
    _python("services.cli", "engine"),
    f"`tetik engine` as in production, all settings default; exactly once; {_FLUSH}",
    ahead_events=FLUSH_INPUTS_MAX,
    is_tetik=True,
)
TETIK_TWO = Contender(
    "tetik-ten-2",
    "Tetik, two workers",
    "ten",
    TETIK_TEN.command,
    "two processes of `tetik engine`, CPU of both together",
    processes=2,
    ahead_events=FLUSH_INPUTS_MAX,
    is_tetik=True,
)
FAUST = Contender(
    "faust-thin",
    "Faust as documented",
    "thin",
    _python("benchmarks.faust_documented"),
    "Record model, agent, Table of dicts in the memory store; at least once; default settings",
)
QUIX = Contender(
    "quix-thin",
    "Quix Streams",
    "thin",
    (str(QUIX_ENVIRONMENT / "bin" / "python"), str(HERE / "quix" / "thin.py")),
    "StreamingDataFrame, RocksDB, changelog; at least once, commit 1 s, linger 20 ms",
    variant="alo",
    ahead_s=_COMMIT_S,
)
NATIVE = Contender(
    "native-thin",
    "C++ floor",
    "thin",
    (str(_NATIVE / "run.sh"),),
    "librdkafka, simdjson, hash map, changelog; at least once; a flush: 32,000 inputs or what is queued",
    variant="alo",
    ahead_events=FLUSH_INPUTS_MAX,
)


def _jvm(
    engine: str,
    job: Job,
    variant: str,
    label: str,
    does: str,
    options: Mapping[str, str] | None = None,
    *,
    ahead_s: float = _COMMIT_S,
) -> Contender:
    marks = "".join(f"-{value}" for value in (options or {}).values())
    return Contender(
        f"{engine}-{job}-{variant}{marks}",
        label,
        job,
        (str(_JVM / "run.sh"), engine),
        does,
        variant=variant,
        options=options or {},
        ahead_s=ahead_s,
    )


def _jvm_contenders(job: Job) -> list[Contender]:
    slower = {"commit.interval.ms": "1000"}
    return [
        _jvm("streams", job, "alo", "Kafka Streams, at least once", "in memory, commit 1 s"),
        _jvm(
            "streams", job, "eos", "Kafka Streams, exactly_once_v2", "in memory, commit 100 ms", ahead_s=0.1
        ),
        _jvm(
            "streams",
            job,
            "eos",
            "Kafka Streams, exactly_once_v2, commit 1 s",
            "in memory, commit 1 s",
            slower,
        ),
        _jvm("flink", job, "heap", "Flink, heap", "exactly once, checkpoint 1 s, state on the heap"),
        _jvm("flink", job, "rocksdb", "Flink, RocksDB", "exactly once, checkpoint 1 s, incremental"),
    ]


def _variants(job: Job) -> list[Contender]:
    """One setting changed. Flink with rarer checkpoints is not among them: a log ends before the second."""
    label, on_disk = "Kafka Streams, exactly_once_v2, RocksDB", {"store": "rocksdb"}
    variants = [_jvm("streams", job, "eos", label, "commit 100 ms", on_disk, ahead_s=0.1)]
    return [replace(one, is_variant=True) for one in variants]


def contenders_of(job: Job, *, variants: bool = False) -> list[Contender]:
    """Who does the job on its log; `variants`: also with one setting changed."""
    python = [TETIK_THIN, QUIX] if job == "thin" else [TETIK_TEN, TETIK_TWO]
    native = [NATIVE] if job == "thin" else []
    return [*python, *_jvm_contenders(job), *native, *(_variants(job) if variants else [])]


def build(contenders: list[Contender]) -> None:
    """Build what has to be built. Raises OSError, or CalledProcessError with what was said."""
    for folder in (_JVM, _NATIVE):
        if any(each.command[0].startswith(str(folder)) for each in contenders):
            subprocess.run([folder / "build.sh"], check=True, capture_output=True, text=True)
