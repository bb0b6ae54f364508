"""What a process has used, its children's share included."""

import os
import subprocess
import sys
import time

from benchmarks.cpu import usage_of

BURN_S = 0.1
BURNING = f"import time\nwhile time.process_time() < {BURN_S}: pass\nprint('burnt', flush=True)\ninput()"


def test_a_process_has_used_what_it_burnt() -> None:
    before = usage_of([os.getpid()])
    until = time.process_time() + BURN_S
    while time.process_time() < until:
        pass
    after = usage_of([os.getpid()])
    assert after.cpu_s - before.cpu_s >= BURN_S * 0.9
    assert after.peak_rss_mib > 10


def test_what_a_living_child_burns_counts_too() -> None:
    shell = subprocess.Popen(
        ["/bin/sh", "-c", '"$0" -c "$1"; true', sys.executable, BURNING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with shell:
        assert shell.stdout is not None
        assert shell.stdin is not None
        assert shell.stdout.readline() == "burnt\n"
        assert usage_of([shell.pid]).cpu_s >= BURN_S * 0.9
        shell.stdin.write("\n")
