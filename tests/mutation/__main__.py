"""Break the code on purpose, a small change at a time, and see whether a test notices.

    make mutate                     a sample of 400 mutants
    make mutate ARGS="--all"        every one: many hours
    make mutate ARGS="--seed 7 --sample 1000 --only 'trigger_engine/core/caps.py'"
    make mutate ARGS="--work ../tetik-mutants"            keep the mutants and what is known about them
    make mutate ARGS="--work ../tetik-mutants --again"    only those the tests have missed so far

mutmut makes the mutants and runs the tests that reach each; this program gives it a copy of the tree, draws
the sample (evenly over all mutants, by seed), and prints the share killed with the difference of every
survivor. It runs in an environment of its own, because mutmut and Faust want different versions of click.
In a kept folder a mutant is run once, and again when its function has changed or with --again.
"""

import argparse
import filecmp
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from tests.mutation.figures import Verdicts, table

ROOT = Path(__file__).resolve().parent.parent.parent
MUTATED = ("trigger_engine/core/*", "trigger_engine/app.py", "trigger_engine/adapters/transaction.py")
TESTS = (
    "tests/unit/trigger_engine",
    "tests/model",
    "tests/contract/test_rule_files.py",
    "tests/adapters/test_transaction.py",
    "tests/property/test_cel_against_official.py::test_agrees_on_the_corners",
    "tests/mutation/histories.py",
)
LEFT_OUT = "not nest and not deep and not a_bot_cannot_grow"
"""What measures recursion cannot run under mutmut's trampolines; two floods cost as much as all the rest."""
CODE = "trigger_engine"
BESIDE = ("benchmarks", "deploy", "docs", "ingest", "schemas", "sender", "services", "tests")
FILES = ("README.md", "Makefile", "docker-compose.yml")


def main() -> int:
    """The exit code: 0 if the run went through, whatever it found; 1 if it could not."""
    options = _options()
    if options.work:
        return _run(options.work, options)
    with tempfile.TemporaryDirectory(prefix="tetik-mutation-") as folder:
        return _run(Path(folder), options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every mutant")
    parser.add_argument("--sample", type=int, default=400, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--only", nargs="*", default=["*"], help="globs of the files to draw from")
    parser.add_argument("--work", type=Path, help="keep the mutants and their verdicts in this folder")
    parser.add_argument("--again", action="store_true", help="run those of the draw again that survived")
    return parser.parse_args()


def _run(work: Path, options: argparse.Namespace) -> int:
    _copy(work)
    _mutmut(work, "run", "no.such.mutant")  # makes all mutants and learns which tests reach which function
    known = _verdicts(work)
    names = [name for name in known.names if any(fnmatch(known.file_of[name], glob) for glob in options.only)]
    chosen = names if options.all else _sample(names, options.sample, options.seed)
    to_run = known.not_run(chosen) + (known.missed(chosen) if options.again else [])
    print(
        f"{len(names)} mutants; {len(chosen)} chosen (seed {options.seed}), {len(to_run)} to run", flush=True
    )
    if to_run:
        _mutmut(work, "run", "--max-children", str(options.jobs), *to_run)
    return 0 if _report(work, chosen) else 1


def _copy(work: Path) -> None:
    """Bring the folder up to date with the tree. A file that has not changed keeps its mutants."""
    mutants = work / "mutants"
    for tree in BESIDE:
        for copy in (work / tree, mutants / tree):
            shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ROOT / tree, work / tree, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, work / name)
    changed = _copy_changed(ROOT / CODE, work / CODE)
    if changed:
        # Which tests reach which function has to be learnt anew.
        (mutants / "mutmut-stats.json").unlink(missing_ok=True)
    for path in changed:
        (mutants / path.relative_to(work)).unlink(missing_ok=True)
    settings = {
        "source_paths": [CODE],
        "only_mutate": list(MUTATED),
        "also_copy": [*BESIDE, *FILES],
        "pytest_add_cli_args_test_selection": [*TESTS, "-k", LEFT_OUT],
        "pytest_add_cli_args": ["-p", "tests.mutation.cheapest_first"],
        # Of the time its tests take without a mutant: an endless loop counts as killed after that.
        "timeout_multiplier": 6.0,
        "timeout_constant": 5.0,
        "use_git_change_detection": False,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    text = (ROOT / "pyproject.toml").read_text()
    (work / "pyproject.toml").write_text("\n".join([text, "[tool.mutmut]", *lines, ""]))


def _copy_changed(source: Path, target: Path) -> list[Path]:
    """The files under `target` that were written, or taken away."""
    wanted = {path.relative_to(source) for path in source.rglob("*") if _is_source(path)}
    there = {path.relative_to(target) for path in target.rglob("*") if _is_source(path)}
    changed = [target / name for name in there - wanted]
    for path in changed:
        path.unlink()
    for name in sorted(wanted):
        copy = target / name
        if not copy.exists() or not filecmp.cmp(source / name, copy, shallow=False):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, copy)
            changed.append(copy)
    return changed


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _mutmut(work: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "mutmut", *arguments], cwd=work, check=False)


def _verdicts(work: Path) -> Verdicts:
    mutants = work / "mutants"
    verdicts = Verdicts({}, {})
    for path in sorted(mutants.rglob("*.meta")):
        file = str(path.relative_to(mutants)).removesuffix(".meta")
        if (work / file).exists():
            verdicts.add(file, json.loads(path.read_text())["exit_code_by_key"])
    return verdicts


def _sample(names: list[str], size: int, seed: int) -> list[str]:
    return sorted(random.Random(seed).sample(names, min(size, len(names))))


def _report(work: Path, chosen: Iterable[str]) -> bool:
    """Print what survived and the figures; whether all were run."""
    verdicts = _verdicts(work)
    chosen = list(chosen)
    for name in verdicts.missed(chosen):
        reached = "" if verdicts.is_reached(name) else " (no test reaches it)"
        print(f"\n== survived{reached}: {name}", flush=True)
        _mutmut(work, "show", name)
    print("\n" + table(verdicts, chosen))
    return not verdicts.not_run(chosen)


if __name__ == "__main__":
    sys.exit(main())
