"""`tetik` as people call it: exit codes, what is said, and no stack trace."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from services.cli import PORT_HELP, main
from services.platform.ports import Ports
from services.publish import LIBRARY
from services.triggers.folder import Place
from tests.fixtures.platform import free_ports
from tests.fixtures.shop import SHOP


def tetik(*arguments: str, **environment: str | None) -> Result:
    """Run a command here; an exception that is no exit is raised."""
    return CliRunner().invoke(
        main, arguments, env={"TETIK_KAFKA": None} | environment, catch_exceptions=False
    )


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """A shop with a typo in one file."""
    for file in SHOP.glob("*.yaml"):
        text = file.read_text("utf-8")
        (tmp_path / file.name).write_text(text.replace("cooldown:", "cooldwn:"), "utf-8")
    return tmp_path


def commands(group: click.Group, *words: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*words, name))
        if isinstance(command, click.Group):
            found += commands(command, *words, name)
    return found


@pytest.mark.parametrize("words", commands(main), ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    result = tetik(*words, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {' '.join(words)}")


def test_every_port_can_be_chosen() -> None:
    assert set(PORT_HELP) == set(Ports.__dataclass_fields__)
    for command in ("up", "demo"):
        said = tetik(command, "--help").output
        assert all(f"--{name.replace('_', '-')}-port" in said for name in PORT_HELP)


@pytest.mark.parametrize(
    "arguments",
    [("up", "--kafka-port", "0"), ("demo", "--days", "8"), ("triggers", "lint", "no-such-folder"), ("gone",)],
)
def test_wrong_arguments_are_refused(arguments: tuple[str, ...]) -> None:
    assert tetik(*arguments).exit_code == 2


def test_the_library_lints() -> None:
    result = tetik("triggers", "lint")
    triggers, segments = (len(list(files)) for files in (Place(LIBRARY).triggers, Place(LIBRARY).segments))
    assert result.output.startswith(f"{triggers} triggers, {segments} segments"), result.output
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "words",
    [("lint",), ("publish",), ("test",), ("list", "--folder"), ("show", "cart-abandoned", "--folder")],
)
def test_a_typo_ends_the_command(words: tuple[str, ...], spoilt: Path) -> None:
    result = tetik("triggers", *words, str(spoilt))
    assert result.exit_code == 1
    assert result.stdout == ""
    (said,) = [line for line in result.stderr.splitlines() if line.startswith("cart-abandoned.yaml:")]
    assert said.endswith(": error: cooldwn: unknown field 'cooldwn'; did you mean 'cooldown'?")


def test_a_process_of_its_own_shows_no_stack_trace(spoilt: Path) -> None:
    command = [sys.executable, "-m", "services.cli", "triggers", "lint", str(spoilt)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[1:] == ["1 error"]


@pytest.mark.parametrize(
    "words",
    [
        ("topics", "create"),
        ("triggers", "publish"),
        ("triggers", "list"),
        ("triggers", "show", "cart-abandoned"),
    ],
)
def test_without_kafka_s_address_they_say_what_is_missing(words: tuple[str, ...]) -> None:
    result = tetik(*words)
    assert result.exit_code == 1
    assert "TETIK_KAFKA" in result.output


def test_publishing_to_a_kafka_that_is_down_says_so() -> None:
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    result = tetik("triggers", "publish", TETIK_KAFKA=address)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert address in result.stderr
    assert "Publish again" in result.stderr
