"""The model stands apart: it may import the contracts, the standard library and three packages of data."""

import ast
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
ALLOWED = {"schemas", "cel_expr_python", "holidays", "tzdata", *sys.stdlib_module_names}
FILES = [path for path in sorted(FOLDER.glob("*.py")) if not path.name.startswith("test_")]


def imported(path: Path) -> set[str]:
    """The full names of the modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names.add(node.module or "")
    return names


def test_the_model_imports_only_what_it_may() -> None:
    assert len(FILES) > 10
    for path in FILES:
        strangers = {
            name
            for name in imported(path)
            if name.split(".")[0] not in ALLOWED and not (name + ".").startswith("tests.model.")
        }
        assert strangers == set(), path.name
