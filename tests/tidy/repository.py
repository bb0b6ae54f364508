"""What the tests of style look at: the files that git tracks, as text and as syntax trees."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "ingest", "trigger_engine", "sender", "services")
FOREIGN = ("deploy/demo/data/", "tests/contract/data/")
"""Other people's files, kept as they came."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked() -> tuple[str, ...]:
    """Paths that git tracks and that are there, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return tuple(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def python_files() -> list[str]:
    return [name for name in tracked() if name.endswith(".py")]


def own_texts() -> Iterator[tuple[str, str]]:
    """Every text file of ours with its content; what is no UTF-8 is data."""
    for name in tracked():
        if not name.startswith(FOREIGN):
            try:
                yield name, text(name)
            except UnicodeDecodeError:
                continue


@cache
def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(text(name), name)


def functions(name: str) -> Iterator[Function]:
    for node in ast.walk(tree(name)):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """Lines of a function without decorators and docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines
