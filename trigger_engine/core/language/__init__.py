"""The language of files: which fields a trigger, a segment and the policy have, and their normal form.

    form, problems = check_definition(data)

`data` is plain data, from YAML or from a published rule set. The form is what docs/reference/semantics.md,
section 1, says; checking a form gives itself. Every problem is found at once, and nothing is ignored: what
the engine does not act upon is refused, so that a file never looks as if it did something it does not.

The path: `triggers` → `patterns`, `endings`, `steps` (`values`, `expressions`); `segments`; `policy`
(`dates`). All of them report to one collector, `problems.Check`.
"""

from collections.abc import Mapping
from typing import Any

from schemas.rule_set import content_digest
from trigger_engine.core.language.policy import check_policy
from trigger_engine.core.language.problems import Path, Problem, field_of, nearest, shown
from trigger_engine.core.language.segments import check_segment
from trigger_engine.core.language.steps import walk
from trigger_engine.core.language.triggers import FIELDS, REQUIRED, check_trigger

check_definition = check_trigger

__all__ = [
    "FIELDS",
    "REQUIRED",
    "Path",
    "Problem",
    "check_definition",
    "check_policy",
    "check_segment",
    "check_trigger",
    "field_of",
    "nearest",
    "shown",
    "trigger_version",
    "walk",
]


def trigger_version(definition: Mapping[str, Any]) -> str:
    """The first 12 hex digits of the content's digest: the same content is the same version."""
    return content_digest(definition)[:12]
