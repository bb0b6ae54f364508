"""Modules: none is dead, imports go one way, cores stay pure. The tools that say so are seen to fail."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tidy.repository import PACKAGES, ROOT, own_texts, python_files, tree

BIN = Path(sys.executable).parent
ENTRY = "services.cli"
"""pyproject.toml makes the command `tetik` of it."""


def modules() -> dict[str, str]:
    """Files of the packages by module name; a package is named as its folder."""
    files = [name for name in python_files() if name.split("/")[0] in PACKAGES]
    return {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name for name in files}


def imported(name: str) -> Iterator[str]:
    """Everything a file names in an import, at its top or in a function."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, f"{name}: imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def started() -> set[str]:
    """Modules that something of ours starts as `-m NAME`; tests and prose don't count."""
    pattern = re.compile(r"""-m["']?,?\s+["']?([a-z_]+(?:\.[a-z_]+)+)""")
    texts = [body for name, body in own_texts() if not name.startswith("tests/") and not name.endswith(".md")]
    return {match[1] for body in texts for match in pattern.finditer(body)}


def test_no_module_is_dead() -> None:
    """Used by another module than its tests, or started by something."""
    known = modules()
    used = {target for name, file in known.items() for target in imported(file) if target != name}
    starts = started()
    alive = used | starts | {f"{name}.__main__" for name in starts} | {ENTRY}
    dead = [name for name, file in known.items() if name not in alive and not file.endswith("/__init__.py")]
    assert dead == []


def lint_imports(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [BIN / "lint-imports", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and their rules, to be spoilt."""
    judges = [name for name in python_files() if name.startswith(("tests/model/", "tests/chaos/"))]
    for name in (*modules().values(), *judges, "tests/__init__.py", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def test_imports_go_one_way() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_copy_is_clean_until_it_is_spoilt(copy: Path) -> None:
    assert lint_imports(copy).returncode == 0


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("ingest/app.py", "import sender.app", "services -> stage -> schemas"),
        ("trigger_engine/core/step.py", "import services.clock", "services -> stage -> schemas"),
        ("schemas/ids.py", "import ingest.settings", "services -> stage -> schemas"),
        ("trigger_engine/core/step.py", "import time", "cores are pure"),
        ("ingest/core/native.py", "import random", "cores are pure"),
        ("sender/core/policy.py", "import sender.adapters.smtp", "cores are pure"),
        ("schemas/ids.py", "import asyncio", "cores are pure"),
        ("tests/model/carts.py", "import trigger_engine.core.carts", "the reference model"),
        ("tests/chaos/replay.py", "import trigger_engine.core.state", "the verifier of chaos"),
    ],
)
def test_a_planted_import_breaks_its_contract(copy: Path, file: str, line: str, contract: str) -> None:
    planted = copy / file
    planted.write_text(f"{planted.read_text('utf-8')}\n\n{line}\n", "utf-8")
    result = lint_imports(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [said for said in result.stdout.splitlines() if said.rstrip().endswith("BROKEN")]
    assert any(said.startswith(contract) for said in broken), result.stdout


def banned_uses(source: str, file: str) -> list[str]:
    """Lines in which ruff sees a banned name, if `source` were that file."""
    command = [BIN / "ruff", "check", "--no-cache", "--select", "TID251", "--output-format", "concise"]
    result = subprocess.run(
        [*command, "--stdin-filename", file, "-"],
        cwd=ROOT, input=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode in (0, 1), result.stderr
    return [line for line in result.stdout.splitlines() if "TID251" in line]


@pytest.mark.parametrize("core", ["ingest/core/planted.py", "trigger_engine/core/planted.py", "schemas/x.py"])
@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()\n",
        "from time import monotonic\n",
        "import random\n",
        "from uuid import uuid4\n",
        "import secrets\n",
        "from datetime import datetime\ndatetime.now()\n",
        "import datetime\ndatetime.date.today()\n",
    ],
)
def test_a_core_may_not_read_clocks_or_draw_lots(core: str, source: str) -> None:
    assert banned_uses(source, core)


def test_elsewhere_a_clock_may_be_read() -> None:
    assert banned_uses("import time\ntime.time()\n", "services/planted.py") == []
    assert banned_uses("import time\ntime.time()\n", "sender/adapters/planted.py") == []
