"""The rule sets that simulated shops publish: `rules/<name>/`, with a template for every mail."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from schemas.rule_set import RuleSet
from tests.fixtures.engine_cases import template
from trigger_engine.core.rules import Rules, load_rules
from trigger_engine.core.trigger_file import parse_policy, parse_segment, parse_trigger

FOLDER = Path(__file__).parent / "rules"
NAMES = ("first", "edited", "back")
"""A history publishes them by number; 0 comes first."""


@cache
def rule_sets() -> tuple[RuleSet, ...]:
    """All of them, in the order of NAMES."""
    return tuple(_read(FOLDER / name) for name in NAMES)


def _read(folder: Path) -> RuleSet:
    triggers = [
        parse_trigger(path.read_text(), path.name)
        for path in sorted(folder.glob("*.yaml"))
        if path.name != "policy.yaml"
    ]
    segments = [parse_segment(path.read_text(), path.name) for path in sorted(folder.glob("segments/*.yaml"))]
    policy = parse_policy((folder / "policy.yaml").read_text(), "policy.yaml")
    names = sorted({name for trigger in triggers for name in _mails(trigger["steps"])})
    return RuleSet.of(
        triggers, segments=segments, policy=policy, templates=[template(name) for name in names]
    )


def _mails(steps: list[dict[str, Any]]) -> list[str]:
    """The templates of all mail steps, branches and what goes out without an offer included."""
    found = [step[name] for step in steps for name in ("mail", "else") if name in step]
    for step in steps:
        for branch in step.get("choose", ()):
            found += _mails(branch["then"])
    return found


@cache
def _compiled(digest: str, others: tuple[str, ...]) -> Rules:
    by_digest = {rule_set.digest: rule_set for rule_set in rule_sets()}
    return load_rules(by_digest[digest], [_compiled(other, ()) for other in others])


def compiled(rule_set: RuleSet, others: Iterable[Rules] = ()) -> Rules:
    """`load_rules`, once for each set and what was at hand: a simulation has dozens of processes."""
    return _compiled(rule_set.digest, tuple(sorted({other.digest for other in others})))
