"""The report: machine, versions, logs, settings, every round's figures and the best of them, the ratios."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.claims import Ratio, ratios
from benchmarks.contenders import Contender
from benchmarks.job_log import LogPlan
from benchmarks.machine import ROOT, described
from benchmarks.trial import Measured, best_of
from benchmarks.verdict import Result, Rows


def build_report(
    rounds: Sequence[Rows],
    contenders: Mapping[str, Contender],
    plans: Mapping[str, LogPlan],
    loads: Sequence[float],
) -> dict[str, Any]:
    """The whole report as JSON: who played in the last round, as all do. `contenders` by name, `plans` by
    stage; `loads`: the machine's load before each round, by which a reader can tell how far to trust
    absolute figures."""
    found, machine = ratios(rounds), described()
    return {
        **machine,
        "versions": {**machine["versions"], **_versions_of_others()},
        "logs": {stage: asdict(plan) for stage, plan in plans.items()},
        "rounds": len(rounds),
        "load_before_round": [round(load, 2) for load in loads],
        "rows": {
            row: {
                name: _contender(
                    contenders[name], [rows[row][name] for rows in rounds if name in rows.get(row, {})]
                )
                for name in names
            }
            for row, names in rounds[-1].items()
        },
        "ratios": [_ratio(ratio) for ratio in found],
        "outputs_agree": outputs_agree(rounds),
    }


def outputs_agree(rounds: Sequence[Rows]) -> bool:
    """Whether no contender put out anything wrong in any round."""
    return not any(result.problem for rows in rounds for names in rows.values() for result in names.values())


def _contender(contender: Contender, results: list[Result]) -> dict[str, Any]:
    latencies = [result.latency for result in results if result.latency is not None]
    return {
        "label": contender.label,
        "does": contender.does,
        "variant": contender.variant,
        "options": dict(contender.options),
        "processes": contender.processes,
        "best": _figures(best_of([result.measured for result in results])),
        "rounds": [_figures(result.measured) for result in results],
        "latency": None if not latencies else _rounded(asdict(latencies[-1])),
        "outputs": results[-1].outputs,
        "compared": results[-1].compared,
        "mails_compared": results[-1].mails,
        "outcomes": dict(results[-1].outcomes),
        "problems": [result.problem for result in results if result.problem],
    }


def _figures(measured: Measured) -> dict[str, Any]:
    return {
        "events": measured.events,
        "cpu_us_per_event": round(measured.cpu_us_per_event, 2),
        "jit_us_per_event": round(measured.jit_us_per_event, 2),
        "events_per_core_s": round(measured.events_per_core_s),
        "events_per_s": round(measured.events_per_s),
        "peak_rss_mib": round(measured.peak_rss_mib),
        "off_by_percent": round(100 * measured.off_by, 1),
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


def _versions_of_others() -> dict[str, str]:
    """What their builds name."""
    return {
        "quixstreams": _named_in("quix/requirements.lock", r"^quixstreams==(\S+)"),
        "kafka-streams": _named_in("jvm/pom.xml", r"<kafka.version>(.+?)<"),
        "flink": _named_in("jvm/pom.xml", r"<flink.version>(.+?)<"),
    }


def _named_in(file: str, pattern: str) -> str:
    found = re.search(pattern, (ROOT / "benchmarks" / file).read_text(), re.MULTILINE)
    assert found is not None, f"benchmarks/{file} names no version"
    return found[1]
