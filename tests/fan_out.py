"""`python -m tests.fan_out --customers 200000`: the fan-out of `fixtures/fan_out.py` at size, on a Kafka of
its own: what it found, and how long it took. Exits with 1 if anybody was told twice or not at all."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.fixtures.engine import engine_bench
from tests.fixtures.fan_out import run_fan_out

DEADLINE_S = 1_800


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000)
    customers = parser.parse_args().customers
    with tempfile.TemporaryDirectory() as directory, engine_bench(Path(directory)) as bench:
        found = asyncio.run(run_fan_out(bench, customers, DEADLINE_S))
    times = Counter(found.notices.values())
    figures = {
        "customers": customers,
        "notices": found.notices.total(),
        "told_once": times[1],
        "told_more_than_once": sum(times.values()) - times[1],
        "notices_after_each_kill": found.after_kills,
        "noting_s": round(found.noting_s, 1),
        "telling_s": round(found.telling_s, 1),
    }
    print(json.dumps(figures, indent=2))
    return 0 if times == {1: customers} else 1


if __name__ == "__main__":
    sys.exit(main())
