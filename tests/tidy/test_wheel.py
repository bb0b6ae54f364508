"""What an installed Tetik needs beside its code is in the wheel: the library and the mails."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from setuptools import find_namespace_packages

ROOT = Path(__file__).parents[2]
SHIPPED = ("trigger_engine/library", "sender/templates", "schemas")


@pytest.mark.parametrize("folder", SHIPPED)
def test_every_file_is_packaged(folder: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    packages = set(find_namespace_packages(str(ROOT), include=project["packages"]["find"]["include"]))
    endings = project["package-data"]["*"]
    files = [
        path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    assert files
    for path in files:
        assert ".".join(path.parent.relative_to(ROOT).parts) in packages, path
        assert any(fnmatch(path.name, ending) for ending in endings), path
