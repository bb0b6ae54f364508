"""Alert rules, their pages, the metrics table: each names what there is, and rules fire when they should."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric

from trigger_engine.adapters.metrics import EngineMetrics

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "alerts" / "tetik-engine.yaml"
CASES = Path(__file__).with_name("alert_cases.yaml")
PAGES = ROOT / "docs" / "runbook"
OPERATIONS = ROOT / "docs" / "operations.md"


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def collected() -> list[Metric]:
    return list(EngineMetrics().registry.collect())


def series() -> set[str]:
    """The names under which Prometheus gets the engine's metrics."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return {metric.name + suffix for metric in collected() for suffix in suffixes[metric.type]}


def promtool(*words: str) -> str:
    program = shutil.which("promtool")
    assert program is not None, "promtool is missing: run make system"
    ended = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    assert sorted(page.stem for page in PAGES.glob("*.md")) == sorted(rule["alert"] for rule in alerts())


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_names_its_page_and_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["runbook"] == f"docs/runbook/{rule['alert']}.md"
    assert rule["labels"]["severity"] in ("page", "ticket")
    named = set(re.findall(r"\btetik_\w+", rule["expr"]))
    assert named
    assert named <= series()


def test_a_label_that_an_alert_asks_for_is_there_from_the_start() -> None:
    """Else the first records of its kind would be no rise: there is nothing to rise from."""
    present = {
        (sample.name, label, value)
        for metric in collected()
        for sample in metric.samples
        for label, value in sample.labels.items()
    }
    asked = {
        (name, label, value)
        for rule in alerts()
        for name, label, value in re.findall(r'\b(tetik_\w+)\{(\w+)="(\w+)"\}', rule["expr"])
    }
    assert asked
    assert asked <= present


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_says_what_it_means_where_to_look_what_to_do_and_when_it_is_harmless(page: Path) -> None:
    said = page.read_text("utf-8")
    assert said.startswith(f"# {page.stem}\n")
    for part in ("**Means**", "**Look at**", "**Do**", "**Harmless**"):
        assert said.count(part) == 1, part
    named = {name.rstrip("_") for name in re.findall(r"\btetik_\w+", said)}
    assert named <= series() | {metric.name for metric in collected()}


def test_promtool_takes_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", str(RULES))


def test_the_rules_fire_when_they_should() -> None:
    promtool("test", "rules", str(CASES))


def test_every_alert_is_played() -> None:
    played = {
        case["alertname"]
        for test in yaml.safe_load(CASES.read_text("utf-8"))["tests"]
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert played == {rule["alert"] for rule in alerts()}


def test_the_operations_page_has_each_metric_as_it_is() -> None:
    """Its name as Prometheus shows it, its kind, its help."""
    rows = re.findall(
        r"^\| `((?:tetik|python)_\w+)` \| (\w+) \| (.+) \|$", OPERATIONS.read_text("utf-8"), re.MULTILINE
    )
    ours = [
        (metric.name + ("_total" if metric.type == "counter" else ""), metric.type, metric.documentation)
        for metric in collected()
    ]
    assert sorted(rows) == sorted(ours)
    assert rows == sorted(rows)
