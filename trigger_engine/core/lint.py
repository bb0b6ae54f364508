"""What is wrong across the files of a rule set, where each of them alone is fine.

    findings = lint(triggers, segments, policy, template_names)

An error would make the set do something nobody meant, or nothing at all, so it is not published. A warning
is probably a slip; who means it publishes it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from trigger_engine.core.trigger_file import RuleFile

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `line` counts from 1; `suggestion` is a clause such as "did you mean 'vip'?"."""

    level: Level
    file: str
    line: int
    field: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.level}: {self.field}: {self.message}"
        return f"{text}; {self.suggestion}" if self.suggestion else text


def lint(
    triggers: Sequence[RuleFile],
    segments: Sequence[RuleFile] = (),
    policy: RuleFile | None = None,
    template_names: Collection[str] | None = None,
) -> list[Finding]:
    """All findings, by file and line. `template_names` None: templates are not looked at."""
    findings = _same_ids(triggers, "trigger") + _same_ids(segments, "segment")
    return sorted(findings, key=lambda finding: (finding.file, finding.line, finding.field))


def _same_ids(files: Sequence[RuleFile], kind: str) -> list[Finding]:
    owners: dict[str, str] = {}
    findings = []
    for file in files:
        name = file.form["id"]
        if name in owners:
            said = f"{name!r} is the id of {owners[name]} already"
            line = file.line_of(("id",))
            findings.append(Finding("error", file.name, line, "id", said, f"give each {kind} its own"))
        owners.setdefault(name, file.name)
    return findings
