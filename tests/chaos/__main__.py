"""`python -m tests.chaos --kills 200 --seed 1`: every scenario on Kafkas of its own, and a table of them.

Exits with 1 if anything is wrong. `--scenario` chooses, and may be repeated; `--json FILE` keeps the figures;
`--verify FILE` looks again at the evidence that a failed round left behind.
"""

import argparse
import asyncio
import json
import logging
import pickle
import signal
import sys
from pathlib import Path

from tests.chaos.scenarios import SCENARIOS, Planned, Report, planned, run_all, table
from tests.chaos.verifier import faults_of


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--verify", type=Path)
    asked = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is what is wanted
    if asked.verify is not None:
        faults = faults_of(pickle.loads(asked.verify.read_bytes()))
        sys.stdout.writelines(f"{fault.kind}: {fault.what}\n" for fault in faults)
        return 1 if faults else 0
    report = Report(asked.seed, asked.kills)
    rounds = list(planned(asked.kills, asked.seed, asked.scenario or list(SCENARIOS)))
    try:
        asyncio.run(_run(rounds, report))
    except asyncio.CancelledError:
        say("stopped before the end")
    say(f"\n{table(report)}")
    for one, raised in report.broken:
        say(f"no end: {one.scenario}, seed {one.seed}: {raised.splitlines()[0] if raised else raised}")
    if asked.json is not None:
        asked.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    return 0 if report.fine and len(report.rounds) == len(rounds) else 1


async def _run(rounds: list[Planned], report: Report) -> None:
    """To the end, or until SIGTERM, which leaves no process behind."""
    running = asyncio.current_task()
    assert running is not None, "asyncio.run makes one"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    await run_all(rounds, report, say)


def say(line: str) -> None:
    """At once, also into a pipe."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
