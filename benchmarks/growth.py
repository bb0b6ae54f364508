"""A hundred triggers of which ten concern the log: what an event costs must not grow with the others.

The ninety are the ten once more under other names and on other event types, but for the one on a segment,
which would concern every customer.
"""

import shutil
from pathlib import Path

import yaml

COPIES = 10
_TYPES_AT = ("event", "count", "of", "after")


def write_hundred(ten: Path, target: Path) -> Path:
    """Write the folder of a hundred triggers; returns it."""
    shutil.copytree(ten, target)
    for file in sorted(ten.glob("*.yaml")):
        trigger = yaml.safe_load(file.read_text())
        if "enters" in trigger["when"]:
            continue
        for number in range(1, COPIES + 1):
            (target / f"{file.stem}-{number}.yaml").write_text(yaml.safe_dump(_elsewhere(trigger, number)))
    return target


def _elsewhere(trigger: dict[str, object], number: int) -> dict[str, object]:
    copy = dict(trigger) | {"id": f"{trigger['id']}-{number}"}
    when = trigger["when"]
    assert isinstance(when, dict)
    copy["when"] = {
        name: _renamed(value, number) if name in _TYPES_AT else value for name, value in when.items()
    }
    for name in ("unless", "exit"):
        if name in trigger:
            copy[name] = _renamed(trigger[name], number)
    return copy


def _renamed(types: object, number: int) -> object:
    if isinstance(types, list):
        return [_renamed(each, number) for each in types]
    return f"{types}_{number}"
