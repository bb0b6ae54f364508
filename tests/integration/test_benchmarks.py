"""The smallest benchmark, end to end on the real Kafka: outputs agree, and the report holds all it should.

No figure is judged here: a shared machine would make that a matter of luck. Quix, the JVM and C++
contenders run with `make bench` only: their environments and builds take longer than the test.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ZERO = frozenset({"from_start", "jit_us_per_event", "off_by_percent"})
"""Of the figures those that are nothing here."""


@pytest.mark.timeout(400)
def test_tetik_and_faust_put_out_what_the_log_asks_for(tmp_path: Path) -> None:
    output = tmp_path / "jobs.json"
    options = ["--quick", "--jobs=thin,ten,short", "--contenders=tetik-thin,tetik-ten,faust"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options, f"--output={output}"],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Outputs agree." in done.stdout
    report = json.loads(output.read_text())
    assert report["outputs_agree"] is True
    assert report["machine"].keys() == {"cpu", "cores", "load", "memory_gib", "system"}
    rows = report["rows"]
    assert {row: set(names) for row, names in rows.items()} == {
        "thin": {"tetik-thin"},
        "ten": {"tetik-ten", "tetik-ten-2"},
        "short": {"tetik-thin", "faust-thin"},
    }
    for names in rows.values():
        for one in names.values():
            assert all(value > 0 for name, value in one["best"].items() if name not in ZERO)
            assert one["latency"]["missing"] == 0
            assert one["compared"] > 300
    assert rows["ten"]["tetik-ten"]["mails_compared"] == rows["ten"]["tetik-ten"]["outcomes"]["fired"]
    assert rows["ten"]["tetik-ten"]["outcomes"] == rows["ten"]["tetik-ten-2"]["outcomes"]
    assert rows["ten"]["tetik-ten"]["outcomes"].keys() >= {"fired", "cancelled", "cancelling", "cooldown"}
    told = {ratio["what"] for ratio in report["ratios"]}
    assert told <= {"Faust as documented, thin, short log", "Tetik, two workers, to one"}
    assert "Faust as documented" in output.with_suffix(".md").read_text()
    assert output.with_suffix(".svg").stat().st_size > 1_000
    assert output.with_suffix(".png").stat().st_size > 1_000
