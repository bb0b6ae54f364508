"""What the command refuses before it starts anything."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli import main
from services.demo.command import MARKER, DemoOptions, run_demo, write_script
from services.platform.data_directory import locked


async def test_a_directory_that_no_demo_made_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    assert await run_demo(DemoOptions(days=1, shoppers=1, data=tmp_path)) == 1
    assert precious.read_text() == "years of work"
    assert not (tmp_path / MARKER).exists()
    assert "choose another with --data" in " ".join(capsys.readouterr().out.split())


async def test_a_directory_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / MARKER).touch()
    (tmp_path / "report.json").touch()
    with locked(tmp_path):
        assert await run_demo(DemoOptions(days=1, shoppers=1, data=tmp_path)) == 1
    assert (tmp_path / "report.json").exists()
    assert "Another `tetik up`" in capsys.readouterr().out


def test_the_same_options_write_the_same_script() -> None:
    options = DemoOptions(days=1, shoppers=5)
    script = write_script(options)
    assert script == write_script(options)
    assert {event.path for event in script} == {"native", "sdk", "catalogue", "codes"}
    assert script != write_script(DemoOptions(days=1, shoppers=5, seed=2))


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("tests.model.model", "clone the repository and say `make demo` there"),
        ("cel_expr_python", "needs cel_expr_python, and that is not installed"),
    ],
)
def test_without_the_reference_model_it_does_not_run(
    missing: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is wiped and nothing started: a demo that checks nothing shows nothing."""
    for name in [each for each in sys.modules if each.startswith("tests.model.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    (tmp_path / MARKER).touch()
    (tmp_path / "report.json").touch()
    result = CliRunner().invoke(main, ["demo", "--days=1", "--shoppers=1", f"--data={tmp_path}"])
    assert result.exit_code == 1
    assert said in result.output
    assert result.output.count("\n") == 1
    assert (tmp_path / "report.json").exists()
