"""The report: machine, versions, logs, settings, every round's figures and the best of them, the ratios."""

import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.claims import Ratio, ratios
from benchmarks.contenders import Contender
from benchmarks.job_log import LogPlan
from benchmarks.verdict import Result, Rows
from services.platform.kafka_artifacts import KAFKA_VERSION

ROOT = Path(__file__).resolve().parent.parent
MEASURED_CODE = ("trigger_engine", "schemas", "services", "benchmarks")
PACKAGES = ("faust-streaming", "aiokafka", "msgspec", "confluent-kafka")


def build_report(
    rounds: Sequence[Rows],
    contenders: Mapping[str, Contender],
    plans: Mapping[str, LogPlan],
    loads: Sequence[float],
) -> dict[str, Any]:
    """The whole report as JSON. `contenders` by name, `plans` by stage; `loads`: the machine's load before
    each round, by which a reader can tell how far to trust absolute figures."""
    found = ratios(rounds)
    return {
        "commit": _git("rev-parse", "HEAD"),
        "changed_since_commit": bool(_git("status", "--porcelain", "--", *MEASURED_CODE)),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "versions": _versions(),
        "logs": {stage: asdict(plan) for stage, plan in plans.items()},
        "rounds": len(rounds),
        "load_before_round": [round(load, 2) for load in loads],
        "rows": {
            row: {
                name: _contender(contenders[name], [rows[row][name] for rows in rounds])
                for name in names
                if all(name in rows[row] for rows in rounds)
            }
            for row, names in rounds[0].items()
        },
        "ratios": [_ratio(ratio) for ratio in found],
        "outputs_agree": outputs_agree(rounds),
    }


def outputs_agree(rounds: Sequence[Rows]) -> bool:
    """Whether no contender put out anything wrong in any round."""
    return not any(result.problem for rows in rounds for names in rows.values() for result in names.values())


def _contender(contender: Contender, results: list[Result]) -> dict[str, Any]:
    best = min(results, key=lambda result: result.measured.cpu_us_per_event)
    latencies = [result.latency for result in results if result.latency is not None]
    return {
        "label": contender.label,
        "does": contender.does,
        "variant": contender.variant,
        "options": dict(contender.options),
        "processes": contender.processes,
        "best": _figures(best),
        "rounds": [_figures(result) for result in results],
        "latency": None if not latencies else _rounded(asdict(latencies[-1])),
        "outputs": results[-1].outputs,
        "compared": results[-1].compared,
        "outcomes": dict(results[-1].outcomes),
        "problems": [result.problem for result in results if result.problem],
    }


def _figures(result: Result) -> dict[str, Any]:
    measured = result.measured
    return {
        "events": measured.events,
        "cpu_us_per_event": round(measured.cpu_us_per_event, 2),
        "events_per_core_s": round(measured.events_per_core_s),
        "events_per_s": round(measured.events_per_s),
        "peak_rss_mib": round(measured.peak_rss_mib),
        "from_start": measured.from_start,
    }


def _ratio(ratio: Ratio) -> dict[str, Any]:
    claim = ratio.claim
    return {
        "what": claim.what,
        "of_best": round(ratio.of_best, 2),
        "by_round": [round(each, 2) for each in ratio.by_round],
        "at_least": claim.at_least,
        "at_most": claim.at_most,
        "met": claim.met_by(ratio.of_best),
    }


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in figures.items()}


def _versions() -> dict[str, str]:
    """Ours as they run; of the other contenders, what their builds name."""
    return {
        "python": platform.python_version(),
        "kafka": KAFKA_VERSION,
        **{package: version(package) for package in PACKAGES},
        "quixstreams": _named_in("quix/requirements.lock", r"^quixstreams==(\S+)"),
        "kafka-streams": _named_in("jvm/pom.xml", r"<kafka.version>(.+?)<"),
        "flink": _named_in("jvm/pom.xml", r"<flink.version>(.+?)<"),
    }


def _named_in(file: str, pattern: str) -> str:
    found = re.search(pattern, (ROOT / "benchmarks" / file).read_text(), re.MULTILINE)
    assert found is not None, f"benchmarks/{file} names no version"
    return found[1]


def _machine() -> dict[str, Any]:
    return {
        "cpu": _first_value("/proc/cpuinfo", "model name"),
        "cores": _cores(),
        "memory_gib": round(int(_first_value("/proc/meminfo", "MemTotal").split()[0]) / 2**20),
        "system": f"{platform.system()} {platform.release()}",
    }


def _cores() -> int:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return sum(line.startswith("processor") for line in lines)


def _first_value(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
