"""What the command refuses before it starts anything."""

from pathlib import Path

import pytest

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
    assert {event.path for event in script} == {"native", "sdk"}
    assert script != write_script(DemoOptions(days=1, shoppers=5, seed=2))
