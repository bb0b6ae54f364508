"""The ten triggers on the benchmark's log: the engine's core decides what the reference model decides, every
outcome occurs, and ninety more triggers on other types change nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from benchmarks.comparison import compare
from benchmarks.growth import write_hundred
from benchmarks.job_log import LogPlan, LogRecord, log_records
from benchmarks.stage import RULES
from schemas.instants import HOUR_MS, parse_instant
from schemas.records import decode_event
from schemas.rule_set import RuleSet
from services.publish import rules_marker
from services.triggers.folder import check_folder
from tests.model.model import Model
from trigger_engine.core.effects import Decide
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import load_rules

PLAN = LogPlan(customers=12, warm_up=100, measured=900, tail=0, seed=5, now=1_763_826_773_000, partitions=1)
OUTCOMES = {
    *("started", "fired", "cancelled", "exited", "cancelling", "cooldown", "suppressed", "no_consent")
}

Decision: TypeAlias = tuple[str, int, str, str, str, str, int | None]
"""Customer, instant, trigger, occasion, step, outcome, due time."""
Decisions: TypeAlias = dict[str, list[Decision]]


def rule_set_of(folder: Path) -> RuleSet:
    checked = check_folder(folder, texts=False)
    assert checked.rule_set is not None, checked.remarks
    return checked.rule_set


@pytest.fixture(scope="module")
def ten() -> RuleSet:
    return rule_set_of(RULES)


def decided_by_engine(rule_set: RuleSet, log: list[LogRecord]) -> Decisions:
    partition = Partition(0, {}, PartitionRecord(), load_rules(rule_set), {})
    for offset, (key, value) in enumerate(log):
        while not partition.apply_record("tetik.events", offset, key, value, PLAN.now):
            pass
    records = [effect.record for effect in partition.take_flush().effects if isinstance(effect, Decide)]
    return _by_customer(
        (
            said.customer_key,
            parse_instant(said.occurred_at),
            said.trigger_id,
            said.occasion,
            said.step or "",
            said.outcome,
            said.due_at and parse_instant(said.due_at),
        )
        for said in records
    )


def decided_by_model(rule_set: RuleSet, log: list[LogRecord]) -> Decisions:
    model = Model({rule_set.digest: rule_set}, horizon=PLAN.now)
    model.event(0, 0, rules_marker(rule_set.digest, 0, 0, PLAN.starts_at - HOUR_MS), PLAN.now)
    for offset, (_, value) in enumerate(log, 1):
        model.event(0, offset, decode_event(value), PLAN.now)
    return _by_customer(
        (
            said.customer_key,
            said.occurred_at,
            said.trigger_id,
            said.occasion,
            said.step or "",
            said.outcome,
            said.due_at,
        )
        for said in model.decisions
    )


def _by_customer(decisions: Iterable[Decision]) -> Decisions:
    """In the order of time; the semantics leave open in which order one event ends several runs."""
    found: Decisions = defaultdict(list)
    for decision in sorted(decisions):
        found[decision[0]].append(decision)
    return found


def test_the_engine_decides_what_the_model_decides(ten: RuleSet) -> None:
    log = list(log_records(PLAN))
    difference = compare(decided_by_model(ten, log), decided_by_engine(ten, log))
    assert not difference.found, difference.describe()
    assert difference.compared > 400


def test_every_trigger_and_every_outcome_occurs_often_enough(ten: RuleSet) -> None:
    log = list(log_records(replace(PLAN, customers=200, measured=8_000)))
    decided = [one for decisions in decided_by_engine(ten, log).values() for one in decisions]
    triggers = {str(trigger["id"]) for trigger in ten.triggers}
    assert {trigger for _, _, trigger, _, _, outcome, _ in decided if outcome == "fired"} == triggers
    outcomes = Counter(outcome for *_, outcome, _ in decided)
    assert outcomes.keys() >= OUTCOMES
    assert outcomes["started"] / len(log) >= 0.05


def test_ninety_triggers_on_other_types_change_nothing(ten: RuleSet, tmp_path: Path) -> None:
    hundred = rule_set_of(write_hundred(RULES, tmp_path / "hundred"))
    assert len(hundred.triggers) == 100
    log = list(log_records(PLAN))
    difference = compare(decided_by_engine(ten, log), decided_by_engine(hundred, log))
    assert not difference.found, difference.describe()
