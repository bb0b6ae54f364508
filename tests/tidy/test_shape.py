"""Sizes, docstrings, left-over marks, and tests that wait for time instead of for a condition."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.tidy.repository import functions, length, own_texts, python_files, text, tree

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
MARKS = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
NO_WAITING = {"0", "self.slow_s", "timeout_s"}
"""A yield to other tasks; a peer that plays slow; what a clock of the tests is asked to wait."""


def test_there_are_files_to_look_at() -> None:
    assert len(python_files()) > 200


def test_no_file_is_too_long() -> None:
    lengths = {name: text(name).count("\n") for name in python_files()}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX} == {}


def test_every_function_fits_a_screen() -> None:
    long = {
        f"{name}:{function.lineno} {function.name}": length(function)
        for name in python_files()
        for function in functions(name)
        if length(function) > FUNCTION_LINES_MAX
    }
    assert long == {}


def test_every_module_says_what_it_is() -> None:
    """All but those without a statement, which only make a folder a package."""
    silent = [name for name in python_files() if tree(name).body and ast.get_docstring(tree(name)) is None]
    assert silent == []


def test_nothing_is_left_for_later() -> None:
    found = [f"{name}: {mark}" for name, content in own_texts() for mark in MARKS.findall(content)]
    assert found == []


def test_tests_wait_for_conditions() -> None:
    """A sleep stands in a `while` that ends when something is seen; one of no length only yields."""
    found = [
        f"{name}:{call.lineno}"
        for name in python_files()
        if name.startswith("tests/")
        for call in blind_sleeps(tree(name))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def f():\n    time.sleep(1)", 1),
        ("async def f():\n    await asyncio.sleep(WAIT_S)", 1),
        ("async def f():\n    for _ in range(9):\n        await asyncio.sleep(0.1)", 1),
        ("while True:\n    def f():\n        time.sleep(1)", 1),
        ("def f():\n    while not ready():\n        time.sleep(0.02)", 0),
        ("async def f():\n    await asyncio.sleep(0)", 0),
        ("async def f(self):\n    await asyncio.sleep(self.slow_s)", 0),
    ],
)
def test_blind_sleeps_are_found(source: str, count: int) -> None:
    assert len(list(blind_sleeps(ast.parse(source)))) == count


def blind_sleeps(module: ast.Module) -> Iterator[ast.Call]:
    """Calls of `*.sleep` outside of a `while` of their own function."""
    yield from _walk(module, in_while=False)


def _walk(node: ast.AST, *, in_while: bool) -> Iterator[ast.Call]:
    if isinstance(node, ast.Call) and not in_while and _sleeps(node):
        yield node
    if isinstance(node, ast.While):
        in_while = True
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        in_while = False
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, in_while=in_while)


def _sleeps(call: ast.Call) -> bool:
    named = ast.unparse(call.func) in ("time.sleep", "asyncio.sleep", "sleep")
    return named and ast.unparse(call.args[0]) not in NO_WAITING
