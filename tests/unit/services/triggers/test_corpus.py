"""The corpus of rule files through the folder: bad ones are named in their place, good ones can be shown."""

import re
import shutil
from pathlib import Path

import pytest

from services.triggers.folder import check_folder
from services.triggers.showing import row_of, shown_conditions
from services.triggers.words import trigger_in_words
from tests.fixtures.shop import SHOP
from trigger_engine.core.trigger_file import parse_trigger

CORPUS = Path(__file__).parents[3] / "contract" / "data" / "files"
PLACES = {"trigger": "broken.yaml", "segment": "segments/broken.yaml", "policy": "policy.yaml"}
BAD = [(kind, path) for kind in PLACES for path in sorted((CORPUS / "bad" / kind).glob("*.yaml"))]
GOOD = sorted((CORPUS / "good").glob("*.yaml"))


def test_the_corpus_is_there() -> None:
    assert len(BAD) >= 60
    assert {kind for kind, _ in BAD} == set(PLACES)
    assert len(GOOD) >= 20


@pytest.mark.parametrize(("kind", "path"), BAD, ids=lambda part: getattr(part, "stem", part))
def test_a_bad_file_is_named_in_its_place(kind: str, path: Path, tmp_path: Path) -> None:
    shutil.copyfile(SHOP / "order-confirmation.yaml", tmp_path / "order-confirmation.yaml")
    target = tmp_path / PLACES[kind]
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(path, target)
    checked = check_folder(tmp_path, texts=False)
    assert checked.rule_set is None
    assert checked.errors
    lines = path.read_bytes().count(b"\n") + 1
    for remark in checked.errors:
        assert remark.file == PLACES[kind]
        assert 1 <= remark.line <= lines
        assert re.fullmatch(r"[^:]+:\d+(:\d+)?: error: \S[^:]*: \S.*", str(remark), re.DOTALL)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_trigger_can_be_shown(path: Path) -> None:
    form = parse_trigger(path.read_bytes(), path.name)
    row = row_of(form)
    assert row["starts"]
    assert row["mails"]
    assert len(trigger_in_words(form, row["version"])) > 5
    assert all("def " in each["python"] for each in shown_conditions(form))
