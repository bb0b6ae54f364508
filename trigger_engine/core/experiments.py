"""Hold-outs and variants: who gets what, drawn once and kept.

The draw is a hash of the experiment and the customer's key, so that every re-run draws the same; what was
drawn is remembered, so that it stays when shares change or an anonymous shopper becomes known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from schemas.ids import stable_hash
from trigger_engine.core.limits import ARMS_MAX
from trigger_engine.core.policy import BASIS_POINTS, Policy
from trigger_engine.core.state import CustomerState

HELD_OUT = ""
"""The arm of who gets nothing."""

TREATED = "*"
"""The arm of who gets the mails of an experiment that has no variants."""

GLOBAL = "policy"
_GLOBAL_ARM = "*policy"
"""How the policy's hold-out is remembered: a trigger may have the id `policy`, none this one."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Shares are fractions of one; those of the variants divide who is not held out, in order of name."""

    holdout: float
    variants: tuple[tuple[str, float], ...]


def compile_experiment(form: Mapping[str, Any]) -> Experiment:
    """From the normal form, whose shares are basis points."""
    shares = sorted(form.get("variants", {}).items())
    variants = tuple((name, share / BASIS_POINTS) for name, share in shares)
    return Experiment(form.get("holdout", 0) / BASIS_POINTS, variants)


def position(experiment: str, key: str) -> float:
    """Where a customer stands between 0 and 1, evenly spread and the same for ever."""
    return int(stable_hash(experiment, key)[:8], 16) / 2**32


def assign(
    state: CustomerState, trigger_id: str, experiment: Experiment | None, policy: Policy
) -> tuple[bool, str | None]:
    """Whether a marketing run is held out, by the policy or its experiment, and its variant if it has one.

    What was drawn is remembered for later runs.
    """
    everybody = TREATED
    if policy.holdout:
        known = state.arms.get(_GLOBAL_ARM)
        everybody = _draw(GLOBAL, state, Experiment(policy.holdout, ())) if known is None else known
        _remember(state, _GLOBAL_ARM, everybody)
    arm = TREATED
    if experiment is not None:
        remembered = state.arms.get(trigger_id)
        arm = remembered if _stands(remembered, experiment) else _draw(trigger_id, state, experiment)
        _remember(state, trigger_id, arm)
    if HELD_OUT in (everybody, arm):
        return True, None
    return False, None if arm == TREATED else arm


def _stands(arm: str | None, experiment: Experiment) -> TypeGuard[str]:
    """Whether a remembered arm is still one of the experiment; shares may have changed."""
    if arm is None or arm == HELD_OUT:
        return arm is not None
    return arm in [name for name, _ in experiment.variants] if experiment.variants else arm == TREATED


def _draw(name: str, state: CustomerState, experiment: Experiment) -> str:
    u = position(name, state.customer_key)
    if u < experiment.holdout:
        return HELD_OUT
    if not experiment.variants:
        return TREATED
    left = (u - experiment.holdout) / (1 - experiment.holdout)
    upto = 0.0
    for variant, share in experiment.variants:
        upto += share
        if left < upto:
            return variant
    return experiment.variants[-1][0]


def _remember(state: CustomerState, name: str, arm: str) -> None:
    """Beyond the bound an arm is drawn anew each time, which gives the same until shares change."""
    if name in state.arms or len(state.arms) < ARMS_MAX:
        state.arms[name] = arm
