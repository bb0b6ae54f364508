"""The smallest benchmark, end to end on the real Kafka: it agrees on the outputs and reports all it should.

No figure is judged here: a shared machine would make that a matter of luck.
"""

import json
import subprocess
import sys
from pathlib import Path

SIZE = {"events": 2_000, "faust-events": 1_500, "warm-up": 300, "customers": 300, "rounds": 1}


def test_both_contenders_confirm_the_same_orders(tmp_path: Path) -> None:
    output = tmp_path / "engine.json"
    options = [f"--{name}={value}" for name, value in SIZE.items()]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.engine", *options, f"--output={output}"],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Outputs agree." in done.stdout
    report = json.loads(output.read_text())
    assert report["outputs_agree"] is True
    assert report["machine"].keys() == {"cpu", "cores", "memory_gib", "system"}
    assert report["versions"].keys() == {"python", "kafka", "faust-streaming", "aiokafka", "msgspec"}
    tetik, faust = report["contenders"]["tetik"], report["contenders"]["faust"]
    for contender in (tetik, faust):
        (outputs,) = contender["outputs"]
        assert outputs["confirmed"] == outputs["orders"] > 20
        assert all(value > 0 for value in contender["best"].values())
    assert tetik["best"]["events"] == SIZE["events"] - SIZE["warm-up"]
    assert faust["best"]["events"] == SIZE["faust-events"] - SIZE["warm-up"]
    common = [each["outputs"][0]["confirmed_in_common_part"] for each in (tetik, faust)]
    assert common[0] == common[1] == faust["outputs"][0]["orders"]
    assert report["ratio"]["of_best"] > 0
