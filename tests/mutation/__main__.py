"""Break the code on purpose, a small change at a time, and see whether a unit test notices.

    make mutate                     a sample of 400 mutants
    make mutate ARGS="--all"        every one: several hours
    make mutate ARGS="--seed 7 --sample 1000 --only 'trigger_engine/core/caps.py'"

mutmut makes the mutants and runs the tests that reach each; this program gives it a copy of the tree, draws
the sample (evenly over all mutants, by seed), and prints the share killed with the difference of every
survivor. It runs in an environment of its own, because mutmut and Faust want different versions of click.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MUTATED = ("trigger_engine/core/*", "trigger_engine/app.py", "trigger_engine/adapters/transaction.py")
TESTS = ("tests/unit/trigger_engine", "tests/model")
TREES = ("benchmarks", "deploy", "docs", "ingest", "schemas", "sender", "services", "tests", "trigger_engine")
SURVIVED = 0
NOT_REACHED = 33
"""mutmut's exit code for a mutant that no test reaches."""


def main() -> int:
    """The exit code: 0 if the run went through, whatever it found; 1 if it could not."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="tetik-mutation-") as folder:
        work = Path(folder)
        _copy(work, options.only or MUTATED)
        names = _generate(work)
        chosen = names if options.all else _sample(names, options.sample, options.seed)
        print(f"{len(names)} mutants; running {len(chosen)} (seed {options.seed})", flush=True)
        _mutmut(work, "run", "--max-children", str(options.jobs), *chosen)
        return 0 if _report(work, chosen) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every mutant")
    parser.add_argument("--sample", type=int, default=400, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--only", nargs="*", help="globs of files to mutate")
    return parser.parse_args()


def _copy(work: Path, mutated: tuple[str, ...] | list[str]) -> None:
    for tree in TREES:
        shutil.copytree(ROOT / tree, work / tree, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "Makefile", "docker-compose.yml"):
        shutil.copy(ROOT / name, work / name)
    settings = {
        "source_paths": ["trigger_engine"],
        "only_mutate": list(mutated),
        "also_copy": [*TREES, "README.md", "Makefile", "docker-compose.yml"],
        # What measures recursion itself cannot run under mutmut's trampolines.
        "pytest_add_cli_args_test_selection": [*TESTS, "-k", "not nest and not deep"],
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    text = (ROOT / "pyproject.toml").read_text()
    (work / "pyproject.toml").write_text("\n".join([text, "[tool.mutmut]", *lines, ""]))


def _mutmut(work: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "mutmut", *arguments], cwd=work, check=False)


def _generate(work: Path) -> list[str]:
    """Make all mutants and learn which tests reach which function; mutmut has no command for just that."""
    _mutmut(work, "run", "no.such.mutant")
    return sorted(_results(work))


def _results(work: Path) -> dict[str, int | None]:
    results: dict[str, int | None] = {}
    for path in (work / "mutants").rglob("*.meta"):
        results.update(json.loads(path.read_text())["exit_code_by_key"])
    return results


def _sample(names: list[str], size: int, seed: int) -> list[str]:
    return sorted(random.Random(seed).sample(names, min(size, len(names))))


def _report(work: Path, chosen: list[str]) -> bool:
    """Print what survived; whether all were run."""
    results = _results(work)
    ran = [name for name in chosen if results[name] is not None]
    survivors = [name for name in ran if results[name] in (SURVIVED, NOT_REACHED)]
    killed = len(ran) - len(survivors)
    for name in survivors:
        print(
            f"\n== survived{' (no test reaches it)' if results[name] == NOT_REACHED else ''}: {name}",
            flush=True,
        )
        _mutmut(work, "show", name)
    share = 100 * killed / len(ran) if ran else 0.0
    print(f"\n{killed} of {len(ran)} mutants killed ({share:.1f} %), {len(chosen) - len(ran)} not run")
    return len(ran) == len(chosen)


if __name__ == "__main__":
    sys.exit(main())
