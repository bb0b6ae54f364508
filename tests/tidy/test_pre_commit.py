"""The hooks before a commit: our own tools, nothing fetched."""

import yaml

from tests.tidy.repository import ROOT, text


def test_every_hook_runs_a_tool_of_the_virtual_environment() -> None:
    (repository,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system", hook
        assert hook["entry"].startswith(".venv/bin/"), hook


def test_hooks_say_what_make_check_says() -> None:
    """A commit that the hooks let through passes `make check`."""
    entries = text(".pre-commit-config.yaml")
    recipe = text("Makefile").split("\ncheck:")[1].split("\n\n")[0]
    commands = [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()[1:]]
    assert len(commands) >= 5
    for command in commands:
        tool = " ".join(word for word in command.split() if word not in (".", "--check"))
        assert f"entry: .venv/bin/{tool}" in entries, command


def test_the_license_is_the_one_declared() -> None:
    assert 'license = "Apache-2.0"' in text("pyproject.toml")
    lines = [line.strip() for line in (ROOT / "LICENSE").read_text("utf-8").splitlines()]
    assert lines[:2] == ["Apache License", "Version 2.0, January 2004"]
    assert "Copyright 2026 The Tetik authors" in lines
