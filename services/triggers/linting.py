"""`tetik triggers lint`: everything that is wrong or odd in a folder of trigger files."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from services.triggers.fates import counted
from services.triggers.folder import Checked, check_folder

OK, FAILED = 0, 1


def lint_triggers(folder: Path | None, templates: Path | None, *, form: str, strict: bool) -> int:
    """Returns the exit code: 1 for errors, with `strict` for warnings too."""
    checked = check_folder(folder, templates)
    errors = len(checked.errors)
    warnings = len(checked.remarks) - errors
    if form == "json":
        click.echo(
            json.dumps({"findings": [asdict(each) for each in checked.remarks]}, ensure_ascii=False, indent=2)
        )
    else:
        for remark in checked.remarks:
            click.echo(str(remark), err=True)
        click.echo(_summary(checked, errors, warnings), err=bool(errors))
    return FAILED if errors or (strict and warnings) else OK


def _summary(checked: Checked, errors: int, warnings: int) -> str:
    found = [counted(errors, "error")] if errors else []
    found += [counted(warnings, "warning")] if warnings else []
    rule_set = checked.rule_set
    if rule_set is None:
        return ", ".join(found)
    parts = [counted(len(rule_set.triggers), "trigger"), counted(len(rule_set.templates), "template")]
    if rule_set.segments:
        parts.insert(1, counted(len(rule_set.segments), "segment"))
    fine = f"{', '.join(parts[:-1])} and {parts[-1]} are fine"
    return f"{fine}; {', '.join(found)}" if found else fine
