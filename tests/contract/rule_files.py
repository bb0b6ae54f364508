"""The corpus of files that people write: good ones, and malformed ones with the errors they must get.

`data/files/good/*.yaml` are triggers; `good/segments/` and `good/policies/` hold the others. Of a malformed
file `bad/<kind>/<name>.yaml` the expected errors are in `<name>.txt` beside it. After a change of words:

    python -m tests.contract.rule_files    # writes the errors anew; read the diff before you commit it
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigger_engine.core.language import Problem, check_policy, check_segment, check_trigger
from trigger_engine.core.language.source import Source
from trigger_engine.core.trigger_file import (
    RuleFile,
    TriggerFileErrors,
    read_policy,
    read_segment,
    read_trigger,
)

FILES = Path(__file__).parent / "data" / "files"
FOLDERS = {"trigger": "*.yaml", "segment": "segments/*.yaml", "policy": "policies/*.yaml"}
READERS: Mapping[str, Callable[[str | bytes, str], RuleFile]] = {
    "trigger": read_trigger,
    "segment": read_segment,
    "policy": read_policy,
}
CHECKERS: Mapping[str, Callable[..., tuple[dict[str, Any], list[Problem]]]] = {
    "trigger": check_trigger,
    "segment": check_segment,
    "policy": check_policy,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One file of the corpus."""

    kind: str
    path: Path

    @property
    def id(self) -> str:
        return f"{self.kind}-{self.path.stem}"

    @property
    def expected(self) -> Path:
        return self.path.with_suffix(".txt")

    def read(self) -> RuleFile:
        """Raises TriggerFileErrors."""
        return READERS[self.kind](self.path.read_bytes(), self.path.name)

    def errors(self) -> str:
        """What is said about it, one mistake a line; empty if nothing."""
        try:
            self.read()
        except TriggerFileErrors as error:
            return f"{error}\n"
        return ""


def good() -> list[Case]:
    return [
        Case(kind, path)
        for kind, pattern in FOLDERS.items()
        for path in sorted((FILES / "good").glob(pattern))
    ]


def bad() -> list[Case]:
    return [Case(kind, path) for kind in FOLDERS for path in sorted((FILES / "bad" / kind).glob("*.yaml"))]


def data_of(text: str, kind: str) -> Any | None:
    """The file as an editor sees it: plain data; None if YAML itself cannot read it."""
    said: list[str] = []
    data = Source(text, kind, lambda line, field, message, suggestion: said.append(message)).read()
    return None if said else data


def write_expected() -> None:
    for case in bad():
        case.expected.write_text(case.errors(), "utf-8")


if __name__ == "__main__":
    write_expected()
