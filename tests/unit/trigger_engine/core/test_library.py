"""The shipped triggers are live, named as their files, and described. What they do, their stories tell."""

from pathlib import Path

import pytest

import trigger_engine.library as library
from trigger_engine.core.language import walk
from trigger_engine.core.trigger_file import parse_trigger

FOLDER = Path(library.__path__[0])
DOCS = Path(__file__).parents[4] / "docs" / "triggers"
FILES = sorted(file for file in FOLDER.glob("*.yaml") if file.stem != "policy")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_shipped_trigger_is_valid_live_named_as_its_file_and_described(file: Path) -> None:
    form = parse_trigger(file.read_text("utf-8"), file.name)
    assert (form["id"], form["status"]) == (file.stem, "live")
    page = (DOCS / f"{file.stem}.md").read_text("utf-8")
    for _, step in walk(form["steps"]):
        for name in (step.get("mail"), step.get("else"), step.get("offer", {}).get("pool")):
            assert name is None or f"`{name}`" in page, name


def test_every_page_is_listed() -> None:
    listed = (DOCS / "README.md").read_text("utf-8")
    assert [file.stem for file in FILES if f"]({file.stem}.md)" not in listed] == []
    assert {file.stem for file in DOCS.glob("*.md")} == {*(file.stem for file in FILES), "README", "policy"}
